//! A trial: the shop under load, killed again and again, at named points and at random moments; then brought to rest, stopped,
//! and handed to the [checker](crate::check).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::check::{self, CHARGES, Evidence, LIVE, SERVICES};
use crate::insist::{ADDRESS, Insisting, LEDGER, Person, STOP};
use crate::{Api, Dice, Payments, Process, binary};

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
const PATIENCE: Duration = Duration::from_secs(150);

/// How many work side by side.
const WORKERS: &str = "16";

/// How the shop is killed.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, at a named point.
    At(&'static str),
    /// By kill -9, at a random moment.
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
        trial.load.says(|line| line.contains("open").then_some(()));
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
            Kill::Moment => self.kill_at_a_moment(),
        }
    }

    /// Lets the load go on until so many commands are answered.
    pub async fn until_answered(&self, commands: usize) {
        let ledger = self.folder().join(LEDGER);
        crate::eventually(&format!("{commands} commands are answered"), PATIENCE, || async {
            let lines = std::fs::read_to_string(&ledger).unwrap_or_default();
            (lines.matches("{\"answer\":").count() >= commands).then_some(())
        })
        .await;
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
        let pass = 1 + self.dice.below(if SELDOM.contains(&point) { 4 } else { 40 });
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

    fn kill_at_a_moment(&mut self) {
        if self.shop.is_none() {
            self.start_shop(None);
        }
        // Now and then while it starts, and mends what the last kill left.
        let starting = self.dice.below(4) == 0;
        if !starting {
            self.until_open();
        }
        let pause = self.dice.below(if starting { 400 } else { 1_500 });
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
        let did = self.load.says(|line| serde_json::from_str::<Value>(line).ok());
        assert!(self.load.ends(PATIENCE).status.success(), "the load ended badly");
        let insisting = Insisting::new(self.folder()).expect("the ledger can be opened");
        let at_rest = rest(&insisting).await;
        spend_what_is_left(&insisting).await;
        let at_rest = rest(&insisting).await && at_rest;
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
            at_rest,
            evidence,
        }
    }

    /// Starts the shop over a copy of what is left, without its views: what they hold then is compared with what they held. And it
    /// must come to rest without calling anybody.
    pub async fn rebuilt(&self, evidence: &Evidence) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        copy(&self.data(), &data);
        check::forget_views(&data).await;
        let payments = Payments::start(folder.path());
        let environment = [
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_DATA", data.to_str().expect("UTF-8")),
            ("PAYMENTS_URL", &payments.url),
            ("MINOS_LOG", "warn"),
        ];
        let mut shop = Process::start(&binary("shop"), &environment, folder.path());
        std::fs::write(folder.path().join(ADDRESS), shop.says_url()).expect("a file can be written");
        let at_rest = rest(&Insisting::new(folder.path()).expect("a file can be made")).await;
        shop.terminate();
        shop.ends(Duration::from_secs(60));
        let mut findings = Vec::new();
        if !at_rest {
            findings.push("started again over a copy without views, the shop did not come to rest".to_owned());
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

/// What a trial came to.
pub struct Ended {
    /// How much it was.
    pub figures: Figures,
    /// Whether nothing was under way any more when the shop was stopped.
    pub at_rest: bool,
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

/// Waits until nothing is under way in any service; false where something still is when patience ends.
async fn rest(insisting: &Insisting) -> bool {
    let operator = operator(insisting).await;
    let until = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 3 {
        quiet = if is_at_rest(&insisting.api(), &operator).await { quiet + 1 } else { 0 };
        if Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

async fn operator(insisting: &Insisting) -> String {
    insisting.api().token(json!({ "sub": "olga", "operator": true })).await
}

async fn is_at_rest(api: &Api, operator: &str) -> bool {
    for service in SERVICES {
        let ask = async |what: &str| api.get(&format!("/_operator/{service}/{what}"), operator).await;
        let relay = ask("relay").await;
        if relay.status != 200 || relay.body["events"] != 0 || relay.body["outgoing"] != 0 {
            return false;
        }
        let none = |body: &Value, busy: &dyn Fn(&Value) -> bool| {
            body["items"].as_array().is_some_and(|it| !it.iter().any(busy))
        };
        if !none(&ask("consumers").await.body, &|consumer| consumer["lag"] != 0)
            || !none(&ask("views").await.body, &|view| view["rebuilding"] != false)
            || !none(&ask("port-calls").await.body, &|_| true)
            || !none(&ask("sagas").await.body, &|saga| saga["status"] != "stuck")
        {
            return false;
        }
    }
    true
}

/// What is left of each customer's limit can be spent to the last cent, and not one cent more: the running services know.
async fn spend_what_is_left(insisting: &Insisting) {
    let clerk = insisting.person("clara", &["clerk"], None).await;
    for (number, customer) in customers(insisting, &clerk).await.iter().enumerate() {
        let id = customer["id"].as_str().expect("a customer has an id");
        let person = insisting.person(&format!("customer{number}"), &["customer"], Some(id)).await;
        let orders = orders_of(insisting, id, &clerk).await;
        let approved = orders.iter().filter(|order| order["status"] == "approved");
        let held: i64 = approved.map(|order| money(&order["total"])).sum();
        let left = money(&customer["limit"]) - held;
        let mut spend = vec![(1, "rejected")];
        if left > 0 && left % 100 != 13 {
            spend.insert(0, (left, "approved"));
        }
        for (cents, outcome) in spend {
            let name = format!("rest-{number}-{outcome}");
            // What may be declined for its price is not asked for.
            let order = order_one(insisting, &clerk, &person, &name, cents).await;
            let path = format!("/orders/{order}");
            let ended = crate::eventually(&format!("order {order} ends"), PATIENCE, || async {
                let status = insisting.api().get(&path, &person.token).await.body["status"].as_str()?.to_owned();
                (status != "placed").then_some(status)
            })
            .await;
            if left > 0 && left % 100 == 13 {
                continue;
            }
            assert_eq!(ended, outcome, "customer {id} has {left} cents left, and ordered for {cents}");
        }
    }
}

/// Adds a product of that price and orders one.
async fn order_one(insisting: &Insisting, clerk: &Person, person: &Person, name: &str, cents: i64) -> String {
    let price = format!("{}.{:02}", cents / 100, cents % 100);
    let product = json!({ "title": name, "price": price, "stock": 5 });
    let product = insisting.command(clerk, name, "/products", &product).await.expect_status(201).id();
    let body = json!({ "items": [{ "product": product, "quantity": 1 }] });
    for tries in 0..2_000 {
        let reply = insisting.command(person, &format!("{name}-order-{tries}"), "/orders", &body).await;
        if reply.status == 201 {
            return reply.id();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the orders service never heard of {name}")
}

/// What the views answer at the end.
async fn live(insisting: &Insisting) -> BTreeMap<&'static str, Vec<Value>> {
    let clerk = insisting.person("clara", &["clerk"], None).await;
    let customers = customers(insisting, &clerk).await;
    let mut orders = Vec::new();
    for customer in &customers {
        orders.extend(orders_of(insisting, customer["id"].as_str().unwrap_or_default(), &clerk).await);
    }
    let products = pages(&insisting.api(), "/products/all?", &clerk.token).await;
    BTreeMap::from([
        ("customers.CustomerCard", customers),
        ("catalog.ProductList", products),
        ("orders.OrderList", orders),
    ])
}

/// Every customer that the ledger knows.
async fn customers(insisting: &Insisting, clerk: &Person) -> Vec<Value> {
    let mut customers = Vec::new();
    for id in insisting.created("/customers") {
        let mut customer = insisting.api().get(&format!("/customers/{id}"), &clerk.token).await.expect_status(200).body;
        customer["id"] = json!(id);
        customers.push(customer);
    }
    customers
}

async fn orders_of(insisting: &Insisting, customer: &str, clerk: &Person) -> Vec<Value> {
    pages(&insisting.api(), &format!("/orders/of_customer?customer={customer}&"), &clerk.token).await
}

async fn pages(api: &Api, path: &str, token: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let page = api.get(&format!("{path}limit=100{after}"), token).await.expect_status(200).body;
        items.extend(page["items"].as_array().expect("a page").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

fn money(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.replace('.', "").parse().ok()).expect("money is text")
}

/// Copies the files of a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a temporary folder can be written");
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().expect("a file has a name"))).expect("a file can be copied");
        }
    }
}
