//! Commands that are repeated under one key until there is a definite answer, however often the shop dies meanwhile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::{Answer, Intent, Ledger, Line};
use crate::{Api, Reply};

/// The file that holds where the shop is now: it is somewhere else after each start.
pub const ADDRESS: &str = "address";
/// The file of the ledger.
pub const LEDGER: &str = "ledger.jsonl";
/// The file whose being there says that enough was done.
pub const STOP: &str = "stop";

/// Who has had no definite answer for so long gives up: the checker then says so.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(25);

/// Somebody who sends commands.
#[derive(Clone, Debug)]
pub struct Person {
    /// The `sub` of the token.
    pub subject: String,
    /// The token.
    pub token: String,
}

/// Sends commands until they are answered, and writes down both. Cheap to clone.
#[derive(Clone)]
pub struct Insisting {
    folder: PathBuf,
    api: Api,
    ledger: Ledger,
}

impl Insisting {
    /// In a folder with the files above.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        let api = Api::with_timeout("", Duration::from_secs(15));
        Ok(Self { folder: folder.to_owned(), api, ledger: Ledger::open(&folder.join(LEDGER))? })
    }

    /// A client of the shop, where it was last said to be.
    pub fn api(&self) -> Api {
        self.api.at(std::fs::read_to_string(self.folder.join(ADDRESS)).unwrap_or_default().trim())
    }

    /// A token, however often the shop has to be asked.
    pub async fn person(&self, subject: &str, roles: &[&str], customer: Option<&str>) -> Person {
        let mut claims = json!({ "sub": subject, "roles": roles, "ttl": 86_400 });
        if let Some(customer) = customer {
            claims["customer_id"] = json!(customer);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let reply = self.api().post("/dev/tokens", "", &claims).await;
            if let (201, Some(token)) = (reply.status, reply.body["token"].as_str()) {
                return Person { subject: subject.to_owned(), token: token.to_owned() };
            }
            assert!(Instant::now() < until, "no token for {subject}: {reply:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a command until there is a definite answer.
    pub async fn command(&self, who: &Person, key: &str, path: &str, body: &Value) -> Reply {
        let (subject, key) = (who.subject.clone(), key.to_owned());
        self.write(&Line::Intent(Intent { key: key.clone(), subject, path: path.to_owned(), body: body.clone() }));
        self.again(who, &key, path, body).await
    }

    /// Sends a command that was sent before.
    pub async fn again(&self, who: &Person, key: &str, path: &str, body: &Value) -> Reply {
        let until = Instant::now() + PATIENCE;
        for tries in 1.. {
            let reply = self.api().send("POST", path, &who.token, Some(body), &[("Idempotency-Key", key)]).await;
            if is_definite(&reply) {
                let (status, body) = (reply.status, reply.body.clone());
                self.write(&Line::Answer(Answer { key: key.to_owned(), status, body, tries }));
                return reply;
            }
            if Instant::now() > until {
                return reply;
            }
            tokio::time::sleep(PAUSE).await;
        }
        unreachable!("it is tried until it is answered, or patience ends")
    }

    /// The ids of all that was created by `POST` at that path, in the order of the answers.
    pub fn created(&self, path: &str) -> Vec<String> {
        let lines = Ledger::read(&self.folder.join(LEDGER)).expect("the ledger can be read");
        let mut keys = BTreeSet::new();
        let mut ids = Vec::new();
        for line in lines {
            match line {
                Line::Intent(intent) if intent.path == path => _ = keys.insert(intent.key),
                Line::Answer(answer) if answer.status == 201 && keys.remove(&answer.key) => {
                    ids.extend(answer.body["id"].as_str().map(str::to_owned));
                }
                _ => {}
            }
        }
        ids
    }

    fn write(&self, line: &Line) {
        self.ledger.write(line).expect("the ledger can be written");
    }
}

/// Whether an answer says what became of the command. A lost connection, an error of the server, an overload do not; nor does a
/// 401: another's shop may have been given the port of one that was killed.
fn is_definite(reply: &Reply) -> bool {
    match reply.status {
        0 | 401 | 408 | 429 => false,
        409 => reply.body["error"] != "Conflict",
        status => status < 500,
    }
}
