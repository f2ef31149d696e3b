//! The shop as separate processes: a registry, instances of each service (each with its own way to Postgres), the gateway.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::check::SERVICES;
use crate::insist::ADDRESS;
use crate::proxy::{Cut, Proxy};
use crate::trial::PATIENCE;
use crate::{Process, binary, repository};

/// The file of the keys.
pub(super) const KEYS: &str = "keys.json";

/// Each of its processes that may be killed, by place: the instances, the gateway, the registry.
pub(super) struct Shop {
    folder: PathBuf,
    environment: Vec<(String, String)>,
    instances: Vec<Instance>,
    gateway: Option<Process>,
    registry: Option<Process>,
    registry_at: String,
    /// Where the gateway is, as far as the load was told.
    told: Option<String>,
}

struct Instance {
    service: &'static str,
    proxy: Proxy,
    process: Option<Process>,
}

impl Shop {
    /// Starts all of them, with so many of each service, and waits until the gateway is there.
    pub(super) async fn start(folder: &Path, postgres: u16, brokers: &str, payments: &str, of_each: usize) -> Self {
        let keys = folder.join(KEYS);
        let made = std::process::Command::new(binary("minos"))
            .arg("keys")
            .arg(repository().join("examples/shop/spec"))
            .arg("--out")
            .arg(&keys)
            .status();
        assert!(made.expect("`minos` starts").success(), "no keys were made");
        let mut environment = vec![("MINOS_KEYS".to_owned(), keys.to_str().expect("UTF-8").to_owned())];
        environment.push(("MINOS_LOG".to_owned(), "warn".to_owned()));
        let mut registry = registry(folder, &environment, "127.0.0.1:0");
        let registry_at = registry.says_url().trim_start_matches("http://").to_owned();
        for (name, value) in [
            ("MINOS_REGISTRY", registry_at.as_str()),
            ("MINOS_DEVELOPMENT", "on"),
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_KAFKA_BROKERS", brokers),
            ("MINOS_KAFKA_REPLICATION", "1"),
            ("PAYMENTS_URL", payments),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        let mut instances = Vec::new();
        for service in SERVICES {
            for _ in 0..of_each {
                instances.push(Instance { service, proxy: Proxy::start(postgres).await, process: None });
            }
        }
        let (folder, registry) = (folder.to_owned(), Some(registry));
        let mut shop = Self { folder, environment, instances, gateway: None, registry, registry_at, told: None };
        shop.start_what_is_dead();
        let until = Instant::now() + PATIENCE;
        while shop.told.is_none() {
            assert!(Instant::now() < until, "the gateway does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
            shop.start_what_is_dead();
        }
        shop
    }

    /// How many processes there are.
    pub(super) fn places(&self) -> usize {
        self.instances.len() + 2
    }

    /// How many of them are instances of services: those at the first places.
    pub(super) fn instances(&self) -> usize {
        self.instances.len()
    }

    fn at(&mut self, place: usize) -> &mut Option<Process> {
        let gateway = self.instances.len();
        match self.instances.get_mut(place) {
            Some(instance) => &mut instance.process,
            None if place == gateway => &mut self.gateway,
            None => &mut self.registry,
        }
    }

    /// kill -9.
    pub(super) fn kill(&mut self, place: usize) {
        if let Some(mut process) = self.at(place).take() {
            process.kill();
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&mut self, place: usize, signal: &str) {
        if let Some(process) = self.at(place) {
            process.signal(signal);
        }
    }

    /// Starts what was killed or has ended by itself, as whoever runs the system does; says how many of these had ended by themselves. The
    /// load is told where the gateway is, once it says so.
    pub(super) fn start_what_is_dead(&mut self) -> u32 {
        let mut ended = 0;
        for place in 0..self.places() {
            let process = self.at(place);
            if let Some(how) = process.as_mut().and_then(Process::has_ended) {
                let tail: Vec<&str> = how.errors.lines().rev().take(3).collect();
                eprintln!("process {place} ended by itself ({}): {tail:?}", how.status);
                *process = None;
                ended += 1;
            }
            if process.is_none() {
                let started = self.start_one(place);
                *self.at(place) = Some(started);
            }
        }
        if let Some(url) = self.gateway.as_mut().and_then(Process::has_said_url) {
            // In one piece: the load reads it at any moment.
            let (new, file) = (self.folder.join("address.new"), self.folder.join(ADDRESS));
            std::fs::write(&new, &url).and_then(|()| std::fs::rename(&new, &file)).expect("a file can be written");
            self.told = Some(url);
        }
        ended
    }

    fn start_one(&mut self, place: usize) -> Process {
        let mut environment = self.environment.clone();
        let program = match self.instances.get(place) {
            Some(Instance { service, proxy, .. }) => {
                let url = format!("postgres://{{service}}:of-{{service}}@127.0.0.1:{}/{{service}}", proxy.port);
                environment.push(("MINOS_POSTGRES_URL".to_owned(), url));
                format!("shop-{service}")
            }
            None if place == self.instances.len() => "shop-gateway".to_owned(),
            None => return registry(&self.folder, &self.environment, &self.registry_at),
        };
        Process::start(&binary(&program), &borrowed(&environment), &self.folder)
    }

    /// What happens to the next commit of that instance.
    pub(super) fn cut(&self, instance: usize, cut: Cut) {
        self.instances[instance].proxy.cut_next(cut);
    }

    /// Nothing happens to commits any more.
    pub(super) fn leave_alone(&self) {
        self.instances.iter().for_each(|instance| instance.proxy.leave_alone());
    }

    /// To how many commits something happened.
    pub(super) fn cuts(&self) -> u32 {
        self.instances.iter().map(|instance| instance.proxy.done()).sum()
    }

    /// Stops all of it, as an operator does; says what did not stop well.
    pub(super) fn stop(&mut self) -> Vec<String> {
        let mut findings = Vec::new();
        let mut processes: Vec<Process> = self.gateway.take().into_iter().collect();
        processes.extend(self.instances.iter_mut().filter_map(|instance| instance.process.take()));
        processes.extend(self.registry.take());
        processes.iter().for_each(Process::terminate);
        for process in &mut processes {
            let how = process.ends(Duration::from_secs(60));
            if !how.status.success() {
                findings.push(format!("a process did not stop cleanly: {}", how.status));
            }
        }
        findings
    }
}

fn registry(folder: &Path, environment: &[(String, String)], listen: &str) -> Process {
    let mut environment = borrowed(environment);
    environment.retain(|(name, _)| ["MINOS_KEYS", "MINOS_LOG"].contains(name));
    environment.push(("MINOS_LISTEN", listen));
    Process::start_with(&binary("minos"), &["registry"], &environment, folder)
}

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
