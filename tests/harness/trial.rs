//! A trial: the shop under load, killed again and again, at named points and at random moments; then brought to rest, stopped,
//! and handed to the [checker](crate::check).

pub(crate) mod last;
pub(crate) mod rest;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::check::{self, CHARGES, Evidence, LIVE, SERVICES};
use crate::insist::{ADDRESS, Insisting, LEDGER, STOP};
use crate::ledger::{Answer, Line};
use crate::{Dice, Payments, Process, binary, copy_folder, repository};
use last::{live, spend_what_is_left};
use rest::rest;

/// Where the shop can be told to end itself.
pub const POINTS: [&str; 8] = [
    "after-append",
    "before-publish",
    "after-publish",
    "before-consumer-commit",
    "port-answered",
    "undo-unacknowledged",
    "view-rebuild",
    "timer-firing",
];

/// What passes a point this seldom is killed at an early pass.
const SELDOM: [&str; 3] = ["undo-unacknowledged", "view-rebuild", "timer-firing"];

/// How long a point may take to be passed, the shop to start, and everything to come to rest.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// So many orders were taken since the last kill, before another moment is chosen at random.
const ORDERS: usize = 20;

/// How many work side by side.
const WORKERS: &str = "16";

/// How the shop is killed.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, at a named point.
    At(&'static str),
    /// By kill -9, at a random moment: most often in the middle of at least twenty orders, now and then while it starts.
    Moment,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(point) => f.write_str(point),
            Self::Moment => f.write_str("a random moment"),
        }
    }
}

/// The shop under load.
pub struct Trial {
    seed: u64,
    dice: Dice,
    folder: TempDir,
    payments: Payments,
    load: Process,
    shop: Option<Process>,
    is_open: bool,
    kills: u32,
    began: Instant,
}

impl Trial {
    /// Starts the provider, the shop, and the load on it. The seed decides what is done, and when it is killed.
    pub async fn start(seed: u64, load: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let payments = Payments::start(folder.path());
        // Slow enough that a kill finds calls under way.
        payments.control(json!({ "delay_ms": 15 })).await;
        let began = Instant::now();
        let environment = [
            ("LOAD_FOLDER", folder.path().to_str().expect("UTF-8")),
            ("LOAD_SEED", &seed.to_string()),
            ("LOAD_WORKERS", WORKERS),
        ];
        let load = Process::start(load, &environment, folder.path());
        let dice = Dice::new(seed);
        let mut trial = Self { seed, dice, folder, payments, load, shop: None, is_open: false, kills: 0, began };
        trial.start_shop(None);
        trial.until_open();
        trial.load.says_within(PATIENCE, |line| line.contains("open").then_some(()));
        trial
    }

    /// The files of the trial.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Kills the shop once, and leaves it dead.
    pub async fn kill(&mut self, kill: Kill) {
        self.kills += 1;
        match kill {
            Kill::At(point) => self.kill_at(point).await,
            Kill::Moment => self.kill_at_a_moment().await,
        }
    }

    /// Lets the load go on until so many commands are answered.
    pub async fn until_answered(&self, commands: usize) {
        self.until_ledger_holds(commands, "commands are answered", |_| true).await;
    }

    /// Lets the load go on until so many more orders are taken.
    async fn until_taken(&self, orders: usize) {
        let is_taken = |answer: &Answer| answer.status == 201 && answer.key.starts_with("place-");
        let before = self.answers().iter().filter(|answer| is_taken(answer)).count();
        self.until_ledger_holds(before + orders, "orders are taken", is_taken).await;
    }

    async fn until_ledger_holds(&self, number: usize, what: &str, counts: impl Fn(&Answer) -> bool) {
        crate::eventually(&format!("{number} {what}"), PATIENCE, || async {
            (self.answers().iter().filter(|answer| counts(answer)).count() >= number).then_some(())
        })
        .await;
    }

    /// The answers so far; the last line may be half written.
    fn answers(&self) -> Vec<Answer> {
        let text = std::fs::read_to_string(self.folder().join(LEDGER)).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter_map(|line| if let Line::Answer(answer) = line { Some(answer) } else { None }).collect()
    }

    /// Lets the load go on until each of these files of the trial holds that text.
    pub async fn until_written(&self, wanted: &[(&str, &str)]) {
        for (file, text) in wanted {
            let path = self.folder().join(file);
            crate::eventually(&format!("`{text}` stands in {file}"), PATIENCE, || async {
                std::fs::read_to_string(&path).unwrap_or_default().contains(text).then_some(())
            })
            .await;
        }
    }

    async fn kill_at(&mut self, point: &str) {
        self.stop_abruptly();
        match point {
            "view-rebuild" => check::supersede_views(&self.data(), &format!("k{}", self.kills)).await,
            "timer-firing" => {
                // Thirty days pass for some orders; and the provider is away for some calls, which are tried again by a timer.
                let some = "SELECT id FROM timers WHERE payload LIKE '{\"timer_of\"%' ORDER BY id LIMIT 5";
                let age = format!("UPDATE timers SET due = 0 WHERE id IN ({some})");
                check::execute(&self.data().join("orders.db"), &age).await;
                self.payments.control(json!({ "away": 12 })).await;
            }
            _ => {}
        }
        let pass = 1 + self.dice.below(if SELDOM.contains(&point) { 4 } else { 150 });
        let fault = format!("{point}:{pass}");
        let said = format!("fault point `{point}`, pass {pass}:");
        let before = std::fs::read_to_string(self.folder().join("shop.stderr")).map_or(0, |text| text.len());
        self.start_shop(Some(&fault));
        let until = Instant::now() + PATIENCE;
        loop {
            let shop = self.shop.as_mut().expect("it was just started");
            if let Some(ended) = shop.has_ended() {
                let (_, since) = ended.errors.split_at(before);
                let seed = self.seed;
                assert!(
                    since.contains(&said),
                    "seed {seed}: the shop was to end at {fault}, and {}: {since}",
                    ended.status
                );
                self.shop = None;
                return;
            }
            self.opens();
            assert!(Instant::now() < until, "seed {}: {fault} was not reached within {PATIENCE:?}", self.seed);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    async fn kill_at_a_moment(&mut self) {
        if self.shop.is_none() {
            self.start_shop(None);
        }
        // Now and then while it starts, and mends what the last kill left.
        let starting = self.dice.below(4) == 0;
        if !starting {
            self.until_open();
            self.until_taken(ORDERS).await;
        }
        let pause = self.dice.below(400);
        std::thread::sleep(Duration::from_millis(pause));
        self.stop_abruptly();
    }

    fn stop_abruptly(&mut self) {
        if let Some(mut shop) = self.shop.take() {
            shop.kill();
        }
    }

    fn start_shop(&mut self, fault: Option<&str>) {
        // Where the last one was, something else may listen from now on.
        let _ = std::fs::remove_file(self.folder().join(ADDRESS));
        self.is_open = false;
        let data = self.data();
        let mut environment = vec![
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_DATA", data.to_str().expect("UTF-8")),
            ("PAYMENTS_URL", &self.payments.url),
            ("MINOS_LOG", "warn"),
        ];
        environment.extend(fault.map(|fault| ("MINOS_FAULT", fault)));
        self.shop = Some(Process::start(&binary("shop"), &environment, self.folder.path()));
    }

    /// Whether the shop has said where it is; tells the load, once.
    fn opens(&mut self) -> bool {
        if self.is_open {
            return true;
        }
        let Some(url) = self.shop.as_mut().and_then(Process::has_said_url) else { return false };
        // In one piece: the load reads it at any moment.
        let (new, file) = (self.folder().join("address.new"), self.folder().join(ADDRESS));
        std::fs::write(&new, url).and_then(|()| std::fs::rename(&new, &file)).expect("a file can be written");
        self.is_open = true;
        true
    }

    fn until_open(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.opens() {
            if let Some(ended) = self.shop.as_mut().and_then(Process::has_ended) {
                panic!("seed {}: the shop did not start: {ended:?}", self.seed);
            }
            assert!(Instant::now() < until, "seed {}: the shop did not start within {PATIENCE:?}", self.seed);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the load, lets everything come to rest, tries out what is left of each customer's limit, stops the shop, and reads what
    /// is left.
    pub async fn end(&mut self) -> Ended {
        if self.shop.is_none() {
            self.start_shop(None);
        }
        self.until_open();
        self.payments.control(json!({ "delay_ms": 0, "away": 0 })).await;
        std::fs::write(self.folder().join(STOP), "").expect("a file can be written");
        let did = self.load.says_within(PATIENCE, |line| serde_json::from_str::<Value>(line).ok());
        assert!(self.load.ends(PATIENCE).status.success(), "the load ended badly");
        let insisting = Insisting::new(self.folder()).expect("the ledger can be opened");
        let mut rested = rest(&insisting).await;
        if rested.is_ok() {
            spend_what_is_left(&insisting).await;
            rested = rest(&insisting).await;
        }
        let live = live(&insisting).await;
        std::fs::write(self.folder().join(LIVE), json!(live).to_string()).expect("a file can be written");
        let mut shop = self.shop.take().expect("it runs");
        shop.terminate();
        assert!(shop.ends(Duration::from_secs(60)).status.success(), "the shop did not stop cleanly");
        let evidence = Evidence::read(self.folder()).await;
        let number = |name: &str| did[name].as_u64().unwrap_or_default();
        Ended {
            figures: Figures {
                kills: self.kills,
                orders: number("orders"),
                commands: number("commands"),
                repeated: number("repeated"),
                events: evidence.services.values().map(|service| service.events.len()).sum(),
                seconds: self.began.elapsed().as_secs(),
            },
            unrest: rested.err(),
            evidence,
        }
    }

    /// Starts the shop over a copy of what is left, without its views: what they hold then is compared with what they held. And it
    /// must come to rest without calling anybody.
    pub async fn rebuilt(&self, evidence: &Evidence) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        copy_folder(&self.data(), &data);
        check::forget_views(&check::Stores::Files(data.clone())).await;
        let payments = Payments::start(folder.path());
        let environment = [
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_DATA", data.to_str().expect("UTF-8")),
            ("PAYMENTS_URL", &payments.url),
            ("MINOS_LOG", "warn"),
        ];
        let mut shop = Process::start(&binary("shop"), &environment, folder.path());
        std::fs::write(folder.path().join(ADDRESS), shop.says_url()).expect("a file can be written");
        let rested = rest(&Insisting::new(folder.path()).expect("a file can be made")).await;
        shop.terminate();
        shop.ends(Duration::from_secs(60));
        let mut findings = Vec::new();
        if let Err(what) = rested {
            findings.push(format!("started again over a copy without views, the shop did not come to rest: {what}"));
        }
        let calls = std::fs::read_to_string(folder.path().join(CHARGES)).unwrap_or_default();
        findings.extend(calls.lines().map(|call| format!("started again, the shop called the provider: {call}")));
        for name in SERVICES {
            let rebuilt = check::Service::read(&data.join(format!("{name}.db"))).await;
            findings.extend(check::views_differ(evidence.service(name), &rebuilt));
        }
        findings
    }
}

impl Drop for Trial {
    /// Keeps the files of a trial that failed, for whoever looks into it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = repository().join("target").join("trials").join(format!("{}-{}", self.seed, std::process::id()));
            self.stop_abruptly();
            for (from, to) in [(self.folder().to_owned(), kept.clone()), (self.data(), kept.join("data"))] {
                if from.exists() {
                    copy_folder(&from, &to);
                }
            }
            eprintln!("MINOS_TRIAL_SEED={}; its files are kept in {}", self.seed, kept.display());
        }
    }
}

/// What a trial came to.
pub struct Ended {
    /// How much it was.
    pub figures: Figures,
    /// What was still under way when the shop was stopped.
    pub unrest: Option<String>,
    /// What is left.
    pub evidence: Evidence,
}

/// How much a trial was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Kills.
    pub kills: u32,
    /// Orders taken.
    pub orders: u64,
    /// Commands answered.
    pub commands: u64,
    /// Of these, sent again under a key that had been answered.
    pub repeated: u64,
    /// Events in the stores.
    pub events: usize,
    /// Seconds, from the first start to the stop.
    pub seconds: u64,
}

impl Figures {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.orders += other.orders;
        self.commands += other.commands;
        self.repeated += other.repeated;
        self.events += other.events;
        self.seconds += other.seconds;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, orders, commands, repeated, events, seconds } = self;
        write!(
            f,
            "{kills} kills, {commands} commands answered, of these {orders} orders; {repeated} sent once more; {events} events; {seconds} s"
        )
    }
}
