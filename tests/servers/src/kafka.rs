//! A private Apache Kafka broker: one process in KRaft mode, controller and broker in one.

mod jars;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child::{Child, Start};
use crate::{Missing, free_port, or_left_out};

/// How long a broker may take to start.
const READY: Duration = Duration::from_secs(120);

/// The virtual machine's settings: a small heap, and what starts fast.
const JAVA: [&str; 4] =
    ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"];

/// A broker for tests.
#[derive(Debug)]
pub struct Kafka {
    brokers: String,
    /// Absent: the broker was given by `MINOS_TEST_KAFKA`, and is not ours to stop.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    java: PathBuf,
    classpath: String,
    port: u16,
    child: Option<Child>,
    /// Last: the folder goes after the server.
    folder: TempDir,
}

/// Whether a broker is given, or can be started.
pub(crate) fn can_be_had() -> Result<(), Missing> {
    if std::env::var_os("MINOS_TEST_KAFKA").is_none() {
        jars::java()?;
        jars::classpath()?;
    }
    Ok(())
}

impl Kafka {
    /// The one of this test process, started when first asked for; its tests keep apart by the names of their topics.
    /// `None`: there is none, which it says.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Kafka, Missing>> = OnceLock::new();
        or_left_out(SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone), "a Kafka broker")
    }

    /// Starts one, or takes the one that `MINOS_TEST_KAFKA=host:port` names.
    ///
    /// # Errors
    /// There is no Java on this machine, or the broker's jars cannot be fetched.
    pub fn start() -> Result<Self, Missing> {
        if let Ok(brokers) = std::env::var("MINOS_TEST_KAFKA") {
            return Ok(Self { brokers, own: None });
        }
        let (java, classpath) = (jars::java()?, jars::classpath()?);
        let folder = tempfile::Builder::new().prefix("minos-kafka-").tempdir().expect("a temporary folder");
        let (port, controller) = (free_port(), free_port());
        let properties = folder.path().join("server.properties");
        std::fs::write(&properties, settings(folder.path(), port, controller)).expect("the folder can be written to");
        let own = Own { java, classpath, port, child: None, folder };
        own.format_storage();
        let mut kafka = Self { brokers: format!("127.0.0.1:{port}"), own: Some(own) };
        kafka.start_again();
        Ok(kafka)
    }

    /// Its address: `host:port`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Whether it was started here, and so may be stopped.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Its process id; absent for a given broker, and while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.own.as_ref()?.child.as_ref().map(Child::pid)
    }

    /// Ends it at once, as a crash does; what it holds stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.own.as_mut().and_then(|own| own.child.take()) {
            child.signal("KILL");
            child.wait();
        }
    }

    /// Starts it again: same address, same data.
    pub fn start_again(&mut self) {
        self.kill();
        let own = self.own.as_mut().expect("a given broker is not started here");
        let properties = own.folder.path().join("server.properties").display().to_string();
        let mut arguments = JAVA.to_vec();
        arguments.extend(["-cp", &own.classpath, "kafka.Kafka", &properties]);
        let mut child = Child::start(&Start {
            program: &own.java,
            arguments: &arguments,
            environment: &[],
            account: None,
            folder: own.folder.path(),
            signal: "KILL",
        });
        let (address, begun) = (SocketAddr::from((Ipv4Addr::LOCALHOST, own.port)), Instant::now());
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            let ended = child.has_ended();
            assert!(!ended && begun.elapsed() < READY, "Kafka does not start:\n{}", own.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        own.child = Some(child);
    }
}

impl Own {
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn format_storage(&self) {
        let mut command = Command::new(&self.java);
        command.args(JAVA).args(["-cp", &self.classpath, "kafka.tools.StorageTool", "format"]);
        command.args(["-t", "bWlub3MtdGVzdC1rYWZrYQ", "-c"]).arg(self.folder.path().join("server.properties"));
        let output = command.stdin(Stdio::null()).output().expect("java starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the broker's storage cannot be formatted: {said}");
    }
}

/// Small, durable, and without topics that make themselves.
fn settings(folder: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
log.cleaner.enable=false
controlled.shutdown.enable=false
",
        folder.join("data").display()
    )
}
