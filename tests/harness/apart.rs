//! A trial of the shop apart: separate processes on Postgres and Kafka, two instances of each service, both under load. Services are
//! killed, servers restarted, processes paused past their leases, connections cut at their commits; then everything is brought to
//! rest, stopped, and handed to the [checker](crate::check).

mod figures;
mod shop;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servers::{Kafka, Missing, Postgres};
use tempfile::TempDir;

use crate::check::{self, CHARGES, Evidence, LIVE, SERVICES, Stores};
use crate::insist::{Insisting, LEDGER, STOP};
use crate::proxy::Cut;
use crate::trial::PATIENCE;
use crate::trial::last::{live, spend_what_is_left};
use crate::trial::rest::rest;
use crate::{Dice, Payments, Process};
pub use figures::Figures;
use shop::{KEYS, Shop};

/// How many work side by side.
const WORKERS: &str = "12";

/// After each step so many more commands must be answered, before the next.
const BETWEEN: u64 = 15;

/// Longer than an instance counts as alive without a sign of it (8 s).
const PAST_THE_LEASE: Duration = Duration::from_millis(10_500);

/// What is done to the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// kill -9 of any of its processes, which is started again a little later.
    Kill,
    /// Postgres ends, by kill -9 or as an operator ends it, and is started again.
    Postgres,
    /// Kafka ends by kill -9, and is started again.
    Kafka,
    /// SIGSTOP of an instance, past its lease; then SIGCONT. Of two, each has one of the relay's tails and half of the partitions.
    Pause,
    /// A connection to Postgres is cut at a commit, or the commit or its answer is late.
    Cut,
}

/// The shop under load.
pub struct Apart {
    seed: u64,
    dice: Dice,
    folder: TempDir,
    postgres: Postgres,
    kafka: Kafka,
    payments: Payments,
    load: Process,
    shop: Shop,
    ledger: Growing,
    figures: Figures,
    /// To how many commits something was to happen.
    asked: u32,
    began: Instant,
}

/// What a trial came to.
pub struct Ended {
    /// How much it was.
    pub figures: Figures,
    /// What is wrong.
    pub findings: Vec<String>,
}

impl Apart {
    /// Starts the servers, the provider, the shop, and the load on it. The seed decides what is done.
    ///
    /// # Errors
    /// A server cannot be had.
    pub async fn start(seed: u64, load: &Path) -> Result<Self, Missing> {
        let began = Instant::now();
        let (postgres, kafka) = (Postgres::start()?, Kafka::start()?);
        for service in SERVICES {
            postgres.provision_as(service);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let payments = Payments::start(folder.path());
        // Slow enough that a kill finds calls under way.
        payments.control(json!({ "delay_ms": 15 })).await;
        let shop = Shop::start(folder.path(), postgres.port(), kafka.brokers(), &payments.url, 2).await;
        let environment = [
            ("LOAD_FOLDER", folder.path().to_str().expect("UTF-8")),
            ("LOAD_SEED", &seed.to_string()),
            ("LOAD_WORKERS", WORKERS),
        ];
        let mut load = Process::start(load, &environment, folder.path());
        load.says_within(PATIENCE, |line| line.contains("open").then_some(()));
        let ledger = Growing::new(&folder.path().join(LEDGER));
        let (dice, figures) = (Dice::new(seed), Figures::default());
        let apart =
            Self { seed, dice, folder, postgres, kafka, payments, load, shop, ledger, figures, asked: 0, began };
        apart.say("the market is open");
        Ok(apart)
    }

    /// Does that to the shop, and lets it work for a while.
    pub async fn step(&mut self, step: Step) {
        let begun = Instant::now();
        match step {
            Step::Kill => self.kill().await,
            Step::Postgres => self.restart_postgres().await,
            Step::Kafka => self.restart_kafka().await,
            Step::Pause => self.pause().await,
            Step::Cut => self.cut().await,
        }
        let done = begun.elapsed();
        self.work_on(&format!("after {step:?}")).await;
        eprintln!(
            "{step:?}: {:.1} s, and {BETWEEN} commands after {:.1} s",
            done.as_secs_f32(),
            begun.elapsed().as_secs_f32()
        );
    }

    async fn kill(&mut self) {
        self.kill_one();
        self.wait_below(1_000).await;
        self.shop.start_what_is_dead();
        self.wait_below(2_000).await;
    }

    fn kill_one(&mut self) {
        let victim = self.dice.place(self.shop.places());
        self.shop.kill(victim);
        self.figures.kills += 1;
    }

    async fn restart_postgres(&mut self) {
        match self.dice.below(2) {
            0 => self.postgres.kill(),
            _ => self.postgres.stop(),
        }
        self.figures.postgres += 1;
        self.meanwhile().await;
        self.postgres.start_again();
        self.shop.start_what_is_dead();
    }

    /// While a server is away; half of the time a process dies too.
    async fn meanwhile(&mut self) {
        if self.dice.below(2) == 0 {
            self.kill_one();
        }
        self.wait_below(3_000).await;
    }

    async fn restart_kafka(&mut self) {
        self.kafka.kill();
        self.figures.kafka += 1;
        self.meanwhile().await;
        self.kafka.start_again();
        self.shop.start_what_is_dead();
    }

    async fn pause(&mut self) {
        let paused = self.dice.place(self.shop.instances());
        self.shop.signal(paused, "STOP");
        self.figures.pauses += 1;
        tokio::time::sleep(PAST_THE_LEASE).await;
        self.wait_below(3_000).await;
        self.shop.signal(paused, "CONT");
    }

    async fn cut(&mut self) {
        let of = self.dice.place(self.shop.instances());
        let by = Duration::from_millis(200 + self.dice.below(2_500));
        let cut = match self.dice.below(6) {
            0 | 1 => Cut::Unanswered,
            2 => Cut::Sent,
            3 => Cut::Unsent,
            4 => Cut::Late(by),
            _ => Cut::AnsweredLate(by),
        };
        let before = self.shop.cuts();
        self.shop.cut(of, cut);
        self.asked += 1;
        let until = Instant::now() + Duration::from_secs(15);
        while self.shop.cuts() == before && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.wait_below(300).await;
    }

    async fn wait_below(&mut self, milliseconds: u64) {
        let pause = self.dice.below(milliseconds);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Waits until so many more commands are answered. Who has ended by itself meanwhile is started again.
    async fn work_on(&mut self, when: &str) {
        let (answered, until) = (self.ledger.answers() + BETWEEN, Instant::now() + PATIENCE);
        while self.ledger.answers() < answered {
            assert!(Instant::now() < until, "seed {}: {when} nothing was answered within {PATIENCE:?}", self.seed);
            self.figures.ended += self.shop.start_what_is_dead();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn say(&self, what: &str) {
        eprintln!("{:.1} s: {what}", self.began.elapsed().as_secs_f32());
    }

    fn stores(&self) -> Stores {
        let postgres = format!("postgres://{{service}}:of-{{service}}@127.0.0.1:{}/{{service}}", self.postgres.port());
        Stores::Servers { postgres, brokers: self.kafka.brokers().to_owned() }
    }

    /// Ends the load, lets everything come to rest, tries out what is left of each customer's limit, stops the shop, reads what is
    /// left, and checks it; then the shop is started once more without its views, and must fill them as they were.
    pub async fn end(&mut self) -> Ended {
        self.figures.cuts = self.shop.cuts();
        self.shop.leave_alone();
        self.figures.ended += self.shop.start_what_is_dead();
        self.payments.control(json!({ "delay_ms": 0, "away": 0 })).await;
        std::fs::write(self.folder.path().join(STOP), "").expect("a file can be written");
        let did = self.load.says_within(PATIENCE, |line| serde_json::from_str::<Value>(line).ok());
        assert!(self.load.ends(PATIENCE).status.success(), "the load ended badly");
        let insisting = Insisting::new(self.folder.path()).expect("the ledger can be opened");
        self.say("the load has ended");
        let mut rested = rest(&insisting).await;
        self.say("at rest");
        if rested.is_ok() {
            spend_what_is_left(&insisting).await;
            rested = rest(&insisting).await;
        }
        let mut findings: Vec<String> =
            rested.err().map(|what| format!("the shop did not come to rest: {what}")).into_iter().collect();
        let live = live(&insisting).await;
        std::fs::write(self.folder.path().join(LIVE), json!(live).to_string()).expect("a file can be written");
        self.say("the last answers are there");
        if self.figures.cuts * 2 < self.asked {
            findings
                .push(format!("of {} commits {} were cut: the trial tries too little", self.asked, self.figures.cuts));
        }
        findings.extend(self.shop.stop());
        self.say("stopped");
        let evidence = Evidence::read_with(self.folder.path(), &self.stores()).await;
        let log: Vec<String> = evidence.log.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
        std::fs::write(self.folder.path().join("log.jsonl"), log.join("\n")).expect("a file can be written");
        findings.extend(check::check(&evidence));
        self.say("checked");
        findings.extend(self.rebuilt(&evidence).await);
        let number = |name: &str| did[name].as_u64().unwrap_or_default();
        (self.figures.commands, self.figures.orders) = (number("commands"), number("orders"));
        self.figures.repeated = number("repeated");
        self.figures.events = evidence.services.values().map(|service| service.events.len()).sum();
        self.figures.seconds = self.began.elapsed().as_secs();
        self.figures.findings = findings.len();
        Ended { figures: self.figures, findings }
    }

    /// Starts the shop again, without its views: what they hold then is compared with what they held. And it must come to rest
    /// without calling anybody.
    async fn rebuilt(&self, evidence: &Evidence) -> Vec<String> {
        let (folder, stores) = (tempfile::tempdir().expect("a temporary folder"), self.stores());
        check::forget_views(&stores).await;
        // What stands in the log is signed with the keys of before.
        std::fs::copy(self.folder.path().join(KEYS), folder.path().join(KEYS)).expect("a file can be copied");
        let payments = Payments::start(folder.path());
        let mut shop = Shop::start(folder.path(), self.postgres.port(), self.kafka.brokers(), &payments.url, 1).await;
        let rested = rest(&Insisting::new(folder.path()).expect("a file can be made")).await;
        let mut findings = shop.stop();
        if let Err(what) = rested {
            findings.push(format!("started again without views, the shop did not come to rest: {what}"));
        }
        let calls = std::fs::read_to_string(folder.path().join(CHARGES)).unwrap_or_default();
        findings.extend(calls.lines().map(|call| format!("started again, the shop called the provider: {call}")));
        for name in SERVICES {
            let rebuilt = check::Service::read(stores.of(name)).await;
            findings.extend(check::views_differ(evidence.service(name), &rebuilt));
        }
        findings
    }
}

impl Drop for Apart {
    /// Keeps the files of a trial that failed, for whoever looks into it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let kept =
            crate::repository().join("target/trials").join(format!("apart-{}-{}", self.seed, std::process::id()));
        crate::copy_folder(self.folder.path(), &kept);
        for service in SERVICES {
            let url = self.stores().of(service);
            let check::Store::Postgres(url) = url else { continue };
            let mut dump = std::process::Command::new(self.postgres.binaries().join("pg_dump"));
            let _ = dump.arg(url).arg("-f").arg(kept.join(format!("{service}.sql"))).status();
        }
        eprintln!("MINOS_TRIAL_SEED={}; its files are kept in {}", self.seed, kept.display());
    }
}

/// A ledger that grows, of which only what is new is read.
struct Growing {
    path: std::path::PathBuf,
    read: u64,
    answers: u64,
}

impl Growing {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, answers: 0 }
    }

    /// How many answers it holds by now.
    fn answers(&mut self) -> u64 {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let mut file = std::fs::File::open(&self.path).expect("there is a ledger");
        file.seek(SeekFrom::Start(self.read)).expect("a place in a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the ledger can be read");
        // Whole lines only.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let new = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"answer\":"));
        self.answers += new.count() as u64;
        self.read += whole as u64;
        self.answers
    }
}
