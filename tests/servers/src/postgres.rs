//! A private Postgres: one database and one role a service, each role shut out of the others' databases.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::child::{Account, Child, Start, command};
use crate::{Missing, free_port, or_left_out};

const SUPERUSER: &str = "postgres";
const SUPERUSERS_PASSWORD: &str = "a-test-of-minos";

/// A private server.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    account: Option<Account>,
    port: u16,
    child: Option<Child>,
    /// Last: the folder goes after the server.
    folder: tempfile::TempDir,
}

/// A service's database, and its role, the only one that may open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The database's name, and the role's.
    pub name: String,
    /// The role's password.
    pub password: String,
    /// `postgres://ROLE:PASSWORD@127.0.0.1:PORT/DATABASE`.
    pub url: String,
}

/// Whether its programs are here.
pub(crate) fn can_be_had() -> Result<(), Missing> {
    binaries().map(drop)
}

impl Postgres {
    /// The one of this test process, started when first asked for. `None`: left out, which it says.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, Missing>> = OnceLock::new();
        or_left_out(SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone), "Postgres")
    }

    /// Starts one.
    ///
    /// # Errors
    /// There is no Postgres on this machine, or no user that it could run as.
    pub fn start() -> Result<Self, Missing> {
        let binaries = binaries()?;
        let account = Account::instead_of_root("postgres").or_else(|| Account::instead_of_root("nobody"));
        if account.is_none() && Account::is_root() {
            return Err(Missing("it refuses to run as root, and there is no user `postgres` or `nobody`".to_owned()));
        }
        let folder = tempfile::Builder::new().prefix("minos-postgres-").tempdir().expect("a temporary folder");
        if let Some(account) = account {
            account.own(folder.path());
        }
        let mut server = Self { binaries, account, port: free_port(), child: None, folder };
        server.initialise();
        server.start_again();
        server.administer("postgres", "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
        server.administer("postgres", "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC");
        Ok(server)
    }

    /// The port that it listens at, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's URL.
    pub fn admin_url(&self) -> String {
        self.url(SUPERUSER, SUPERUSERS_PASSWORD, "postgres")
    }

    /// The folder of its programs: `pgbench`, `psql`.
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// A new, empty database of a service, with a role that owns it and may open no other. Each call makes another one.
    pub fn provision(&self, service: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        self.provision_as(&format!("{}_{}_{number}", service.to_lowercase(), std::process::id()))
    }

    /// As [`Postgres::provision`], with that name; once a name.
    pub fn provision_as(&self, name: &str) -> Database {
        let password = format!("of-{name}");
        self.administer("postgres", &format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'"));
        self.administer("postgres", &format!("CREATE DATABASE \"{name}\" OWNER \"{name}\""));
        self.administer("postgres", &format!("REVOKE CONNECT ON DATABASE \"{name}\" FROM PUBLIC"));
        Database { url: self.url(name, &password, name), name: name.to_owned(), password }
    }

    /// Runs a statement as the superuser, and gives what it printed, unaligned.
    pub fn administer(&self, database: &str, statement: &str) -> String {
        let output = Command::new(self.binaries.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(self.url(SUPERUSER, SUPERUSERS_PASSWORD, database))
            .output()
            .expect("psql starts");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Has it speak TLS too, with that certificate and key (PEM), after a restart.
    pub fn speak_tls(&mut self, certificate: &str, key: &str) {
        use std::io::Write as _;
        use std::os::unix::fs::PermissionsExt as _;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.data().join(name);
            std::fs::write(&file, text).expect("the folder can be written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
            if let Some(account) = self.account {
                account.own(&file);
            }
        }
        let settings = std::fs::OpenOptions::new().append(true).open(self.data().join("postgresql.auto.conf"));
        settings.and_then(|mut file| file.write_all(b"ssl = on\n")).expect("the folder can be written");
        self.stop();
        self.start_again();
    }

    /// kill -9 of all of it, as a power cut would end it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.signal("KILL");
            child.wait();
            // The postmaster's children notice that it is gone, once they are done with what they were at; until then they hold the
            // shared memory, and no other may start.
            let until = Instant::now() + Duration::from_secs(30);
            while self.has_children() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Whether any of its processes is there: they all stand in its folder.
    fn has_children(&self) -> bool {
        let data = self.data();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok()).any(|folder| folder == data)
    }

    /// Ends it as an operator would (connections are cut, what is committed is flushed).
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.signal("INT");
            child.wait();
        }
    }

    /// Starts it on the data that it has, at the same port.
    pub fn start_again(&mut self) {
        let (data, log) = (self.data(), self.log());
        let (data, port) = (data.to_string_lossy(), self.port.to_string());
        let sockets = self.folder.path().to_string_lossy().into_owned();
        let arguments = ["-D", &data, "-p", &port, "-k", &sockets, "-h", "127.0.0.1"];
        self.child = Some(Child::start(&Start {
            program: &self.binaries.join("postgres"),
            arguments: &arguments,
            environment: &[],
            account: self.account,
            folder: self.folder.path(),
            signal: "QUIT",
        }));
        let until = Instant::now() + Duration::from_secs(60);
        while !self.is_ready() {
            let ended = self.child.as_mut().is_none_or(Child::has_ended);
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(!ended && Instant::now() < until, "Postgres does not start; it says:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_ready(&self) -> bool {
        Command::new(self.binaries.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn initialise(&self) {
        let secret = self.folder.path().join("password");
        std::fs::write(&secret, SUPERUSERS_PASSWORD).expect("the folder can be written");
        if let Some(account) = self.account {
            account.own(&secret);
        }
        let output = command(&self.binaries.join("initdb"), self.account)
            .current_dir(self.folder.path())
            .args(["--username", SUPERUSER, "--auth", "password", "--encoding", "UTF8", "--locale", "C"])
            .arg("--pwfile")
            .arg(&secret)
            .arg("--pgdata")
            .arg(self.data())
            .output()
            .expect("initdb starts");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        // As a server is: durable, with its defaults. Only what a small machine needs is set.
        let settings = "fsync = on\nsynchronous_commit = on\nmax_connections = 200\nshared_buffers = 128MB\n";
        let file = self.data().join("postgresql.auto.conf");
        std::fs::write(file, settings).expect("the folder can be written");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

/// `MINOS_TEST_POSTGRES`, the newest of the distribution's, or what the path finds.
fn binaries() -> Result<PathBuf, Missing> {
    if let Some(folder) = std::env::var_os("MINOS_TEST_POSTGRES") {
        return Ok(folder.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| version(path));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = newest.map(|path| path.join("bin")).into_iter().chain(std::env::split_paths(&on_path));
    folders.into_iter().find(|folder| folder.join("initdb").is_file()).ok_or_else(|| {
        let hint = "install the package `postgresql`, or set MINOS_TEST_POSTGRES to the folder of its programs";
        Missing(format!("no `initdb` was found: {hint}"))
    })
}
