//! A way to Postgres that can be cut: between a commit and its answer, before the commit, or made slow at that moment.
//!
//! Of the protocol it knows as much as it takes to see a commit go by: the frames of the client, the text of each prepared statement, and
//! whether a transaction was begun.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long the server's answer is waited for, before the connection is cut all the same.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is done, and nobody hears of it.
    Unanswered,
    /// It is sent, and the connection is gone before anybody knows.
    Sent,
    /// It is never sent: the server rolls back.
    Unsent,
    /// It is sent so much later.
    Late(Duration),
    /// Its answer comes so much later.
    AnsweredLate(Duration),
}

/// The way from one process to Postgres.
pub(crate) struct Proxy {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    cuts: Mutex<VecDeque<Cut>>,
    done: AtomicU32,
}

impl Proxy {
    /// Starts one to the server at that port of loopback.
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        let shared = Arc::new(Shared { server, cuts: Mutex::default(), done: AtomicU32::new(0) });
        let each = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&each);
                tokio::spawn(async move { shared.carry(client).await });
            }
        });
        Self { port, shared, accepting }
    }

    /// The next commit that goes by has this happen to it, after those for which it was asked before.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.shared.cuts().push_back(cut);
    }

    /// What was asked for, and did not happen yet, will not.
    pub(crate) fn leave_alone(&self) {
        self.shared.cuts().clear();
    }

    /// How often it has done what was asked for.
    pub(crate) fn done(&self) -> u32 {
        self.shared.done.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn cuts(&self) -> std::sync::MutexGuard<'_, VecDeque<Cut>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one connection, until either side ends it, or it is cut. An error is an end.
    async fn carry(&self, mut client: TcpStream) -> Option<()> {
        let mut server = TcpStream::connect(self.server).await.ok()?;
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let mut frames = Frames::default();
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let bytes = &asked[..read.ok().filter(|read| *read > 0)?];
                    let cut = if frames.commit(bytes) { self.cuts().pop_front() } else { None };
                    let Some(cut) = cut else {
                        server.write_all(bytes).await.ok()?;
                        continue;
                    };
                    self.done.fetch_add(1, Ordering::Relaxed);
                    if let Cut::Late(by) = cut {
                        tokio::time::sleep(by).await;
                    }
                    if cut == Cut::Unsent {
                        return None;
                    }
                    server.write_all(bytes).await.ok()?;
                    if cut == Cut::Sent {
                        return None;
                    }
                    let answer = tokio::time::timeout(ANSWERS_WITHIN, server.read(&mut answered)).await.ok()?;
                    let answer = &answered[..answer.ok().filter(|read| *read > 0)?];
                    match cut {
                        Cut::Unanswered => return None,
                        Cut::AnsweredLate(by) => tokio::time::sleep(by).await,
                        _ => {}
                    }
                    client.write_all(answer).await.ok()?;
                }
                read = server.read(&mut answered) => {
                    client.write_all(&answered[..read.ok().filter(|read| *read > 0)?]).await.ok()?;
                }
            }
        }
    }
}

/// The client's side of a connection, as far as it is looked at.
#[derive(Default)]
struct Frames {
    /// What has come of a frame that is not whole yet.
    rest: Vec<u8>,
    is_open: bool,
    /// By name: whether a prepared statement writes.
    statements: BTreeMap<Vec<u8>, bool>,
    /// `BEGIN` has gone by, and neither `COMMIT` nor `ROLLBACK`.
    is_begun: bool,
    /// A statement that writes is under way.
    writes: bool,
}

impl Frames {
    /// Takes bytes; whether a commit is whole with them.
    fn commit(&mut self, bytes: &[u8]) -> bool {
        self.rest.extend_from_slice(bytes);
        let mut commits = false;
        loop {
            // The first frames (encryption asked for, the start itself) have no kind.
            let head = usize::from(self.is_open);
            let Some(length) = self.rest.get(head..head + 4) else { return commits };
            let length = head + u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            if length < head + 4 || self.rest.len() < length {
                return commits;
            }
            let frame: Vec<u8> = self.rest.drain(..length).collect();
            let body = &frame[head + 4..];
            if self.is_open {
                commits |= self.frame(frame[0], body);
            } else {
                self.is_open = body.len() > 4;
            }
        }
    }

    fn frame(&mut self, kind: u8, body: &[u8]) -> bool {
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        match kind {
            b'P' => {
                let (name, query) = (text().to_vec(), text());
                self.statements.insert(name, writes(query));
                false
            }
            b'B' => {
                let (_, name) = (text(), text());
                self.writes |= self.statements.get(name).copied().unwrap_or(false);
                false
            }
            b'Q' => {
                let query = String::from_utf8_lossy(text()).trim_start().to_uppercase();
                let was_begun = self.is_begun;
                self.is_begun = query.starts_with("BEGIN") || was_begun && !ends(&query);
                query.starts_with("COMMIT") || !was_begun && !self.is_begun && writes(query.as_bytes())
            }
            b'S' => std::mem::take(&mut self.writes) && !self.is_begun,
            _ => false,
        }
    }
}

fn ends(query: &str) -> bool {
    query.starts_with("COMMIT") || query.starts_with("ROLLBACK") && !query.starts_with("ROLLBACK TO")
}

fn writes(query: &[u8]) -> bool {
    let query = String::from_utf8_lossy(query).to_uppercase();
    ["INSERT INTO", "UPDATE ", "DELETE FROM"].iter().any(|word| query.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_commit_is_seen_and_nothing_else_is() {
        let mut frames = Frames::default();
        let start = [&16u32.to_be_bytes()[..], &196_608u32.to_be_bytes(), b"user\0me\0"].concat();
        assert!(!frames.commit(&[&8u32.to_be_bytes()[..], &80_877_103u32.to_be_bytes()].concat()));
        assert!(!frames.commit(&start));
        let prepared = [frame(b'P', b"w\0insert into t select 1\0\0\0"), frame(b'P', b"r\0select 1\0\0\0")].concat();
        assert!(!frames.commit(&[prepared, frame(b'S', b"")].concat()));
        let run =
            |name: &[u8]| [frame(b'B', &[b"\0", name, b"\0"].concat()), frame(b'E', b"\0"), frame(b'S', b"")].concat();
        assert!(frames.commit(&run(b"w")));
        assert!(!frames.commit(&run(b"r")));
        let (first, second) = (run(b"w")[..9].to_vec(), run(b"w")[9..].to_vec());
        assert!(!frames.commit(&first) && frames.commit(&second), "in two pieces");
        assert!(!frames.commit(&frame(b'Q', b"BEGIN\0")));
        assert!(!frames.commit(&run(b"w")), "not before the end of the transaction");
        assert!(frames.commit(&frame(b'Q', b"COMMIT\0")));
        assert!(frames.commit(&run(b"w")));
    }
}
