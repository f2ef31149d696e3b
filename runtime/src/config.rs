//! Configuration: read once at start from a file and the environment, checked as a whole, every mistake told at once.
//!
//! `MINOS_CONFIG` names a file of TOML. A setting has one name: `kafka.brokers` of the file is `MINOS_KAFKA_BROKERS` of the
//! environment, which wins.
//!
//! ```toml
//! listen = "0.0.0.0:8080"
//! keys = "/etc/minos/keys.json"
//! registry = "registry.internal:8500"
//!
//! [postgres]
//! url = "postgres://{service}:secret@db.internal/{service}"
//!
//! [kafka]
//! brokers = ["kafka-1:9092", "kafka-2:9092"]
//! client = { "security.protocol" = "SASL_PLAINTEXT", "sasl.mechanism" = "PLAIN" }
//!
//! [environment]
//! ISSUER = "https://login.example.com"
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod engines;
mod network;
mod reader;
mod secret;

pub use engines::{KafkaConfig, PostgresConfig};
pub use network::{HostPort, Network};
use reader::{Reader, Setting};
pub use secret::Secret;

use crate::fault::{self, Fault, Point};

/// What a process is told from outside. Each setting is named as in the file.
#[derive(Clone, Debug)]
pub struct Config {
    /// `listen`: where the gateway (or a service that runs alone) listens. `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `data`: the folder that holds everything that is kept here. `minos-data`.
    pub data: PathBuf,
    /// `keys`: the file of keys; see [`crate::token::keys`].
    pub keys: Option<PathBuf>,
    /// `development`: `on`, `off`; else on when listening on loopback without keys configured.
    pub development: Option<bool>,
    /// `registry`: the address of a registry of its own; else the process holds one.
    pub registry: Option<HostPort>,
    /// `services`: where services are, instead of a registry: `orders = "host:port,host:port"`.
    pub services: BTreeMap<String, Vec<HostPort>>,
    /// `advertise`: the address under which others reach this process's services. `127.0.0.1`.
    pub advertise: IpAddr,
    /// `probe_networks`: where the registry may probe: networks with commas, `10.0.0.0/8`. Loopback alone.
    pub probe_networks: Vec<Network>,
    /// `postgres.…`: Postgres under the services of this process; else SQLite, in the data folder.
    pub postgres: Option<PostgresConfig>,
    /// `kafka.…`: Kafka between services; else the embedded log, in the data folder, for the services of this process alone.
    pub kafka: Option<KafkaConfig>,
    /// `body_limit`: bytes of a request's body. 1 MiB.
    pub body_limit: usize,
    /// `request_seconds`: how long a request may take. 10 s.
    pub request_time: Duration,
    /// `shutdown_seconds`: how long a stage of a shutdown may take. 10 s.
    pub shutdown_time: Duration,
    /// `log_format`: `text` or `json`; else text on a terminal.
    pub log_format: Option<LogFormat>,
    /// `log`: what is logged, as directives of tracing: `info`, `minos_runtime=debug`.
    pub log_filter: String,
    /// `fault`: where a trial ends the process: `after-append:7`. Only in builds that have [`fault`] points.
    pub fault: Option<Fault>,
    /// Other variables, for `env NAME` of the spec and for adapters: those of the environment, and `[environment]` of the file.
    pub environment: Environment,
}

/// Variables that are not ours. Their values may be secrets: not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.get(name)
    }

    /// Sets a variable.
    pub fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with the configuration: everything at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong:\n{}", .0.iter().map(|it| format!("  {it}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            data: PathBuf::from("minos-data"),
            keys: None,
            development: None,
            registry: None,
            services: BTreeMap::new(),
            advertise: IpAddr::V4(Ipv4Addr::LOCALHOST),
            probe_networks: Network::loopback(),
            postgres: None,
            kafka: None,
            body_limit: 1 << 20,
            request_time: Duration::from_secs(10),
            shutdown_time: Duration::from_secs(10),
            log_format: None,
            log_filter: "info".to_owned(),
            fault: None,
            environment: Environment::default(),
        }
    }
}

const ADDRESS: &str = "an address and port such as `127.0.0.1:8080`";
const SECONDS: &str = "a number of seconds from 1 to 3600";

/// The settings that there are.
mod known {
    use super::{ADDRESS, SECONDS, Setting};

    const fn setting(name: &'static str, expected: &'static str) -> Setting {
        Setting { name, expected, secret: false, table: false }
    }

    const fn table(name: &'static str, expected: &'static str) -> Setting {
        Setting { table: true, ..setting(name, expected) }
    }

    macro_rules! known {
        ($($name:ident = $setting:expr;)*) => {
            $(pub(super) const $name: Setting = $setting;)*
            /// All of them.
            pub(super) const ALL: &[Setting] = &[$($name),*];
        };
    }

    known! {
        ADVERTISE = setting("advertise", "an IP address");
        BODY_LIMIT = setting("body_limit", "a number of bytes from 1 to 1073741824");
        DATA = setting("data", "a folder");
        DEVELOPMENT = setting("development", "`on` or `off`");
        FAULT = setting("fault", "a point and a pass such as `after-append:7`");
        KAFKA_BROKERS = setting("kafka.brokers", "addresses such as `kafka-1:9092`, with commas");
        KAFKA_CLIENT = Setting { secret: true, ..table("kafka.client", "settings of librdkafka such as `sasl.username=orders`, with commas") };
        KAFKA_INBOX_DAYS = setting("kafka.inbox_days", "a number from 1 to 3650");
        KAFKA_PARTITIONS = setting("kafka.partitions", "a number from 1 to 1000");
        KAFKA_PREFIX = setting("kafka.prefix", "what topics' names begin with, such as `shop.`");
        KAFKA_REPLICATION = setting("kafka.replication", "a number from 1 to 10");
        KEYS = setting("keys", "a file");
        LISTEN = setting("listen", ADDRESS);
        LOG = setting("log", "directives such as `info` or `minos_runtime=debug`");
        LOG_FORMAT = setting("log_format", "`text` or `json`");
        POSTGRES_URL = Setting { secret: true, ..setting("postgres.url", "a URL such as `postgres://{service}:PASSWORD@HOST/{service}`") };
        PROBE_NETWORKS = setting("probe_networks", "networks such as `10.0.0.0/8`, with commas");
        REGISTRY = setting("registry", "a host and port such as `registry:8500`");
        REQUEST_SECONDS = setting("request_seconds", SECONDS);
        SERVICES = table("services", "the addresses of services such as `orders=10.0.0.1:8081`, with commas");
        SHUTDOWN_SECONDS = setting("shutdown_seconds", SECONDS);
    }
}

impl Config {
    /// From the process's environment, and the file that its `MINOS_CONFIG` names.
    ///
    /// # Errors
    /// Every setting that is wrong.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_env_and([])
    }

    /// As [`Config::from_env`], with variables that the command line gives instead: `("MINOS_LISTEN", …)`.
    ///
    /// # Errors
    /// Every setting that is wrong.
    pub fn from_env_and<'a>(given: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self, ConfigErrors> {
        let (mut mistakes, mut variables) = (Vec::new(), BTreeMap::new());
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) if name.starts_with("MINOS_") => mistakes.push(format!("`{name}` is not UTF-8")),
                Err(_) => {}
            }
        }
        variables.extend(given.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self::from_variables(variables, mistakes)
    }

    /// From variables given, and the file that `MINOS_CONFIG` among them names.
    ///
    /// # Errors
    /// Every setting that is wrong.
    pub fn read(variables: BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        Self::from_variables(variables, Vec::new())
    }

    fn from_variables(variables: BTreeMap<String, String>, mistakes: Vec<String>) -> Result<Self, ConfigErrors> {
        let file = variables.get("MINOS_CONFIG").cloned();
        let mut reader = Reader::new(variables, known::ALL);
        reader.mistakes.splice(0..0, mistakes);
        if let Some(path) = file {
            reader.file(Path::new(&path), known::ALL);
        }
        let mut config = Self::default();
        config.addresses(&mut reader);
        config.engines(&mut reader);
        config.limits(&mut reader);
        config.fault(&mut reader);
        config.environment = Environment(std::mem::take(&mut reader.environment));
        if reader.mistakes.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.mistakes)) }
    }

    /// Where it is, and where others are.
    fn addresses(&mut self, reader: &mut Reader) {
        reader.set(&known::LISTEN, &mut self.listen, |text| text.parse().ok());
        reader.set(&known::DATA, &mut self.data, |text| Some(PathBuf::from(text)));
        reader.set(&known::KEYS, &mut self.keys, |text| Some(Some(PathBuf::from(text))));
        reader.set(&known::DEVELOPMENT, &mut self.development, |text| switch(text).map(Some));
        reader.set(&known::REGISTRY, &mut self.registry, |text| HostPort::parse(text).map(Some));
        reader.set(&known::ADVERTISE, &mut self.advertise, |text| text.parse().ok());
        reader.set(&known::PROBE_NETWORKS, &mut self.probe_networks, |text| list(text, Network::parse));
        let mut services = BTreeMap::new();
        reader.set_table(&known::SERVICES, &mut services);
        for (service, addresses) in services {
            match list(&addresses, HostPort::parse) {
                Some(addresses) => drop(self.services.insert(service, addresses)),
                None => reader.mistakes.push(format!(
                    "the addresses of service `{service}` must be such as `10.0.0.1:8081`, with commas, not `{addresses}`"
                )),
            }
        }
        if self.registry.is_some() && !self.services.is_empty() {
            reader.mistakes.push("both a registry and the addresses of services are configured: choose one".to_owned());
        }
    }

    /// What stands under it.
    fn engines(&mut self, reader: &mut Reader) {
        reader.set(&known::POSTGRES_URL, &mut self.postgres, |text| PostgresConfig::parse(text).map(Some));
        let mut kafka = KafkaConfig::default();
        reader.set(&known::KAFKA_BROKERS, &mut kafka.brokers, |text| {
            list(text, HostPort::parse).map(|_| text.split_whitespace().collect())
        });
        reader.set(&known::KAFKA_PREFIX, &mut kafka.prefix, |text| Some(text.to_owned()));
        reader.set(&known::KAFKA_PARTITIONS, &mut kafka.partitions, |text| number(text, 1..=1000));
        reader.set(&known::KAFKA_REPLICATION, &mut kafka.replication, |text| number(text, 1..=10));
        reader.set(&known::KAFKA_INBOX_DAYS, &mut kafka.inbox_time, |text| {
            number(text, 1..=3650).map(|days| Duration::from_secs(days * engines::DAY))
        });
        reader.set_table(&known::KAFKA_CLIENT, &mut kafka.client);
        for setting in known::ALL.iter().filter(|it| it.name.starts_with("kafka.")) {
            if let (Some(name), None) = (reader.name_of(setting), reader.name_of(&known::KAFKA_BROKERS)) {
                let mistake = format!("`{name}` is set, and `{}` is not: where is Kafka?", known::KAFKA_BROKERS.name);
                reader.mistakes.push(mistake);
            }
        }
        self.kafka = (!kafka.brokers.is_empty()).then_some(kafka);
        for (feature, is_built, wanted) in [
            ("postgres", cfg!(feature = "postgres"), self.postgres.is_some()),
            ("kafka", cfg!(feature = "kafka"), self.kafka.is_some()),
        ] {
            if wanted && !is_built {
                reader.mistakes.push(format!(
                    "`{feature}.…` is configured, and this program is built without it: build it with the feature `{feature}` of minos-runtime"
                ));
            }
        }
    }

    /// How much, how long, and what is told of it.
    fn limits(&mut self, reader: &mut Reader) {
        reader.set(&known::BODY_LIMIT, &mut self.body_limit, |text| number(text, 1..=1 << 30));
        reader.set(&known::REQUEST_SECONDS, &mut self.request_time, seconds);
        reader.set(&known::SHUTDOWN_SECONDS, &mut self.shutdown_time, seconds);
        reader.set(&known::LOG_FORMAT, &mut self.log_format, |text| match text {
            "text" => Some(Some(LogFormat::Text)),
            "json" => Some(Some(LogFormat::Json)),
            _ => None,
        });
        reader.set(&known::LOG, &mut self.log_filter, |text| {
            tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        });
    }

    /// A build without fault points refuses to run, rather than let a trial believe that it had tried something.
    fn fault(&mut self, reader: &mut Reader) {
        let Some(name) = reader.name_of(&known::FAULT).map(str::to_owned) else { return };
        if !fault::COMPILED_IN {
            let why = "this build has no fault points: unset it, or use a debug build or the feature `fault-points`";
            return reader.mistakes.push(format!("`{name}` is set, but {why}"));
        }
        reader.set(&known::FAULT, &mut self.fault, |text| Fault::parse(text).map(Some));
        if self.fault.is_none() {
            reader.mistakes.push(format!("the points of `{name}` are {}", Point::ALL.map(Point::name).join(", ")));
        }
    }

    /// Whether keys may be generated and tokens handed out to whoever asks on this machine.
    pub fn is_development(&self) -> bool {
        self.development.unwrap_or(self.listen.ip().is_loopback() && self.keys.is_none())
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn number<T: std::str::FromStr + PartialOrd>(text: &str, range: std::ops::RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn seconds(text: &str) -> Option<Duration> {
    number(text, 1..=3600).map(Duration::from_secs)
}

/// What stands between commas; not empty.
fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|it| parse(it.trim())).collect()
}

#[cfg(test)]
mod tests;
