//! A process under test: started with an environment of its own, watched, killed with the test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A running process.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    errors: PathBuf,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to stderr.
    pub errors: String,
}

impl Process {
    /// Starts `binary` with `environment` beside the test's own; its stderr goes to a file in `folder`.
    pub fn start(binary: &Path, environment: &[(&str, &str)], folder: &Path) -> Self {
        Self::start_with(binary, &[], environment, folder)
    }

    /// As [`Process::start`], with arguments.
    pub fn start_with(binary: &Path, arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Self {
        let name = binary.file_name().expect("a binary has a name").to_string_lossy().into_owned();
        let errors = folder.join(format!("{name}.stderr"));
        let log = File::options().create(true).append(true).open(&errors).expect("a temporary folder can be written");
        // What the test itself is told by its environment is not for those that it starts.
        let own = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("MINOS_"));
        let mut command = Command::new(binary);
        own.for_each(|name| _ = command.env_remove(name));
        let mut child = command
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        // Reads to the end, also when nobody listens any more: a full pipe would stop the process.
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        Self { name, child, lines, errors }
    }

    /// Waits for a line of stdout in which `find` finds something.
    pub fn says<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        self.says_within(Duration::from_secs(60), find)
    }

    /// As [`Process::says`], for what may take longer.
    pub fn says_within<T>(&mut self, at_most: Duration, find: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + at_most;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = find(&line) {
                        return found;
                    }
                }
                Err(_) => panic!(
                    "{} did not say within {at_most:?} what was waited for; its stderr:\n{}",
                    self.name,
                    self.errors()
                ),
            }
        }
    }

    /// The first URL that it prints.
    pub fn says_url(&mut self) -> String {
        self.says(url_in)
    }

    /// The next URL that it has printed, without waiting for one.
    pub fn has_said_url(&mut self) -> Option<String> {
        self.lines.try_iter().find_map(|line| url_in(&line))
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<Ended> {
        let status = self.child.try_wait().expect("it is a child")?;
        Some(Ended { status, errors: self.errors() })
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal: `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("there is `kill`").success());
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ends by itself within that time.
    pub fn ends_within(&mut self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            if self.child.try_wait().expect("it is a child").is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Waits until it ends by itself.
    pub fn ends(&mut self, at_most: Duration) -> Ended {
        let until = Instant::now() + at_most;
        loop {
            if let Some(ended) = self.has_ended() {
                return ended;
            }
            assert!(
                Instant::now() < until,
                "{} still runs after {at_most:?}; its stderr:\n{}",
                self.name,
                self.errors()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resident memory, in MB.
    pub fn resident_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux reports it");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number of kB") / 1024
    }

    /// What it has written to stderr.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

fn url_in(line: &str) -> Option<String> {
    let url = &line[line.find("http://")?..];
    Some(url.split_whitespace().next()?.trim_end_matches(['/', ',', ')']).to_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let errors = self.errors();
            let from = errors.char_indices().rev().nth(8_000).map_or(0, |(index, _)| index);
            eprintln!("--- the end of {}'s stderr ---\n{}", self.name, &errors[from..]);
        }
    }
}
