//! A server's process: as a user of its own, ended with the test process whatever becomes of that.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

/// A user of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl Account {
    /// The user of that name, where the test runs as root and there is one; servers that refuse root run as it.
    pub fn instead_of_root(name: &str) -> Option<Self> {
        if number(&["-u"]) != Some(0) {
            return None;
        }
        Some(Self { uid: number(&["-u", name])?, gid: number(&["-g", name])? })
    }

    /// Whether the test runs as root.
    pub fn is_root() -> bool {
        number(&["-u"]) == Some(0)
    }

    /// Gives it a file or folder.
    pub fn own(self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).expect("root may give files away");
    }
}

fn number(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A command that runs as `account`, or as the test does.
pub(crate) fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// A server's process. A shell holds it, and a pipe from the test process: when that closes, for whatever reason, the shell
/// ends the server.
#[derive(Debug)]
pub struct Child {
    shell: std::process::Child,
    pid: u32,
    /// Open as long as the server is to run.
    pipe: Option<ChildStdin>,
}

/// Starts the server (its output goes to the file `$1`), says its pid, and waits until the server ends. When the pipe closes, the
/// server is ended by the signal `$2` and the folder `$3` removed.
const HOLD: &str = r#"
exec 3<&0
log=$1; signal=$2; folder=$3; shift 3
"$@" >>"$log" 2>&1 </dev/null 3<&- &
server=$!
echo "$server"
{ cat; >"$folder/over"; kill -"$signal" "$server"; sleep 5; kill -KILL "$server"; } <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
[ ! -e "$folder/over" ] || { sleep 0.1; rm -rf "$folder"; }
"#;

/// What a server's process needs.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// Its environment, beside the test's own.
    pub environment: &'a [(&'a str, &'a str)],
    /// Whom it runs as; absent: whom the test runs as.
    pub account: Option<Account>,
    /// A folder that is removed after the test process has ended; the server's output goes to the file `log` in it.
    pub folder: &'a Path,
    /// What ends it quickly and cleanly: `INT`, `QUIT`, `TERM`.
    pub signal: &'a str,
}

impl Child {
    /// Starts a server.
    pub fn start(start: &Start<'_>) -> Self {
        let mut shell = command(Path::new("/bin/sh"), start.account);
        shell.args(["-c", HOLD, "hold"]).arg(start.folder.join("log")).arg(start.signal).arg(start.folder);
        shell.arg(start.program).args(start.arguments).envs(start.environment.iter().copied());
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().expect("/bin/sh starts");
        let mut line = String::new();
        let mut said = BufReader::new(shell.stdout.take().expect("its output is piped"));
        said.read_line(&mut line).expect("the shell says the server's pid");
        let pid = line.trim().parse().expect("a pid is a number");
        let pipe = shell.stdin.take();
        Self { shell, pid, pipe }
    }

    /// The server's pid.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.shell.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Sends it a signal: `KILL`, `STOP`, `CONT`, `INT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid.to_string()).status();
        assert!(sent.expect("there is `kill`").success(), "no process {} to send {signal} to", self.pid);
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) {
        self.shell.wait().expect("the shell is a child");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
