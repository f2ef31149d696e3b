//! Configuration from the environment: read once at start, checked as a whole, every mistake told at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::{self, Fault, Point};

/// What a process is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// `MINOS_LISTEN`: where the gateway (or a service that runs alone) listens. `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `MINOS_DATA`: the folder that holds everything that is kept. `minos-data`.
    pub data: PathBuf,
    /// `MINOS_KEYS`: the file of keys; see [`crate::token::keys`].
    pub keys: Option<PathBuf>,
    /// `MINOS_DEVELOPMENT`: `on`, `off`; else on when listening on loopback without keys configured.
    pub development: Option<bool>,
    /// `MINOS_REGISTRY`: the address of a registry of its own; else the process holds one.
    pub registry: Option<SocketAddr>,
    /// `MINOS_ADVERTISE`: the address under which others reach this process's services. `127.0.0.1`.
    pub advertise: IpAddr,
    /// `MINOS_PROBE_NETWORKS`: where the registry may probe: networks with commas, `10.0.0.0/8`. Loopback alone.
    pub probe_networks: Vec<Network>,
    /// `MINOS_BODY_LIMIT`: bytes of a request's body. 1 MiB.
    pub body_limit: usize,
    /// `MINOS_REQUEST_SECONDS`: how long a request may take. 10 s.
    pub request_time: Duration,
    /// `MINOS_SHUTDOWN_SECONDS`: how long a shutdown may take. 10 s.
    pub shutdown_time: Duration,
    /// `MINOS_LOG_FORMAT`: `text` or `json`; else text on a terminal.
    pub log_format: Option<LogFormat>,
    /// `MINOS_LOG`: what is logged, as directives of tracing: `info`, `minos_runtime=debug`.
    pub log_filter: String,
    /// `MINOS_FAULT`: where a trial ends the process: `after-append:7`. Only in builds that have [`fault`] points.
    pub fault: Option<Fault>,
    /// Other variables, for `env NAME` of the spec.
    pub environment: BTreeMap<String, String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A network: an address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether it holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(it)) => {
                mask(u32::from(net).into(), self.bits, 32) == mask(u32::from(it).into(), self.bits, 32)
            }
            (IpAddr::V6(net), IpAddr::V6(it)) => mask(net.into(), self.bits, 128) == mask(it.into(), self.bits, 128),
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.trim().parse().ok())?;
        (bits <= all).then_some(Self { address, bits })
    }

    /// Where a machine talks to itself.
    pub fn loopback() -> Vec<Self> {
        let v6 = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        vec![Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), bits: 8 }, Self { address: v6, bits: 128 }]
    }
}

/// The first `bits` of an address of `width` bits.
fn mask(address: u128, bits: u32, width: u32) -> u128 {
    address.checked_shr(width - bits).unwrap_or(0)
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
            advertise: IpAddr::V4(Ipv4Addr::LOCALHOST),
            probe_networks: Network::loopback(),
            body_limit: 1 << 20,
            request_time: Duration::from_secs(10),
            shutdown_time: Duration::from_secs(10),
            log_format: None,
            log_filter: "info".to_owned(),
            fault: None,
            environment: BTreeMap::new(),
        }
    }
}

impl Config {
    /// From the process's environment.
    ///
    /// # Errors
    /// Every variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        let mut mistakes = Vec::new();
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) if name.starts_with("MINOS_") => mistakes.push(format!("`{name}` is not UTF-8")),
                Err(_) => {}
            }
        }
        Self::from_variables(variables, mistakes)
    }

    /// From variables given.
    ///
    /// # Errors
    /// Every variable that is wrong.
    pub fn read(variables: BTreeMap<String, String>) -> Result<Self, ConfigErrors> {
        Self::from_variables(variables, Vec::new())
    }

    fn from_variables(variables: BTreeMap<String, String>, mistakes: Vec<String>) -> Result<Self, ConfigErrors> {
        let mut config = Self { environment: variables.clone(), ..Self::default() };
        let mut reader = Reader { variables, mistakes };
        let address = "an address and port such as `127.0.0.1:8080`";
        reader.set("LISTEN", address, &mut config.listen, |text| text.parse().ok());
        reader.set("DATA", "a folder", &mut config.data, |text| Some(PathBuf::from(text)));
        reader.set("KEYS", "a file", &mut config.keys, |text| Some(Some(PathBuf::from(text))));
        reader.set("DEVELOPMENT", "`on` or `off`", &mut config.development, |text| switch(text).map(Some));
        reader.set("REGISTRY", address, &mut config.registry, |text| text.parse().ok().map(Some));
        reader.set("ADVERTISE", "an IP address", &mut config.advertise, |text| text.parse().ok());
        reader.set(
            "PROBE_NETWORKS",
            "networks such as `10.0.0.0/8`, with commas",
            &mut config.probe_networks,
            |text| text.split(',').map(|it| Network::parse(it.trim())).collect(),
        );
        reader.set("BODY_LIMIT", "a number of bytes from 1 to 1073741824", &mut config.body_limit, |text| {
            text.parse().ok().filter(|bytes| (1..=1 << 30).contains(bytes))
        });
        let seconds = "a number of seconds from 1 to 3600";
        reader.set("REQUEST_SECONDS", seconds, &mut config.request_time, duration);
        reader.set("SHUTDOWN_SECONDS", seconds, &mut config.shutdown_time, duration);
        reader.set("LOG_FORMAT", "`text` or `json`", &mut config.log_format, |text| match text {
            "text" => Some(Some(LogFormat::Text)),
            "json" => Some(Some(LogFormat::Json)),
            _ => None,
        });
        reader.set("LOG", "directives such as `info` or `minos_runtime=debug`", &mut config.log_filter, |text| {
            tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        });
        reader.fault(&mut config.fault);
        reader.unknown();
        if reader.mistakes.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.mistakes)) }
    }

    /// Whether keys may be generated and tokens handed out to whoever asks on this machine.
    pub fn is_development(&self) -> bool {
        self.development.unwrap_or(self.listen.ip().is_loopback() && self.keys.is_none())
    }
}

struct Reader {
    variables: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

/// The variables that there are, without `MINOS_`.
const KNOWN: [&str; 13] = [
    "ADVERTISE",
    "BODY_LIMIT",
    "DATA",
    "DEVELOPMENT",
    "FAULT",
    "KEYS",
    "LISTEN",
    "LOG",
    "LOG_FORMAT",
    "PROBE_NETWORKS",
    "REGISTRY",
    "REQUEST_SECONDS",
    "SHUTDOWN_SECONDS",
];

impl Reader {
    fn set<T>(&mut self, name: &str, expected: &str, to: &mut T, parse: impl FnOnce(&str) -> Option<T>) {
        let name = format!("MINOS_{name}");
        let Some(text) = self.variables.get(&name) else { return };
        match parse(text.trim()) {
            Some(value) if !text.trim().is_empty() => *to = value,
            _ => self.mistakes.push(format!("`{name}` must be {expected}, not `{text}`")),
        }
    }

    /// A build without fault points refuses to run, rather than let a trial believe that it had tried something.
    fn fault(&mut self, to: &mut Option<Fault>) {
        if !fault::COMPILED_IN && self.variables.contains_key("MINOS_FAULT") {
            let why = "this build has no fault points: unset it, or use a debug build or the feature `fault-points`";
            self.mistakes.push(format!("`MINOS_FAULT` is set, but {why}"));
            return;
        }
        let points = Point::ALL.map(Point::name).join(", ");
        let expected = format!("a point and a pass such as `after-append:7`, of {points},");
        self.set("FAULT", &expected, to, |text| Fault::parse(text).map(Some));
    }

    /// A misspelt name would else be passed over in silence.
    fn unknown(&mut self) {
        for name in self.variables.keys() {
            let Some(rest) = name.strip_prefix("MINOS_") else { continue };
            if !KNOWN.contains(&rest) {
                self.mistakes.push(format!("`{name}` is not known; there are MINOS_{}", KNOWN.join(", ")));
            }
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn duration(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|seconds| (1..=3600).contains(seconds)).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        Config::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let errors = read(&[
            ("MINOS_LISTEN", "here"),
            ("MINOS_BODY_LIMIT", "0"),
            ("MINOS_LOG_FORMAT", "xml"),
            ("MINOS_LISTN", "x"),
        ]);
        let text = errors.unwrap_err().to_string();
        for name in ["`MINOS_LISTEN`", "`MINOS_BODY_LIMIT`", "`MINOS_LOG_FORMAT`", "`MINOS_LISTN`"] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn development_is_for_loopback_without_keys() {
        assert!(read(&[]).unwrap().is_development());
        assert!(!read(&[("MINOS_LISTEN", "0.0.0.0:80")]).unwrap().is_development());
        assert!(!read(&[("MINOS_KEYS", "/keys.json")]).unwrap().is_development());
        assert!(!read(&[("MINOS_DEVELOPMENT", "off")]).unwrap().is_development());
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.2.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!(Network::loopback().iter().any(|it| it.contains("127.9.9.9".parse().unwrap())));
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(Network::parse("10.0.0.0/33").is_none());
    }
}
