//! Clients that each ask, wait for the answer, and ask again; and how long each answer took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::wire::Connection;

/// What is asked of whom.
#[derive(Clone)]
pub(crate) struct Target {
    /// Where the gateway listens.
    pub(crate) address: String,
    /// A clerk's token.
    pub(crate) token: String,
    /// The customers that there are.
    pub(crate) customers: Arc<Vec<String>>,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A command: one event, durable when answered.
    Rename,
    /// A query of one row.
    Read,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Answers.
    pub(crate) answered: u64,
    /// Answers that were not 200.
    pub(crate) refused: u64,
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Half of them were faster, milliseconds.
    pub(crate) p50: f64,
    /// 99 of 100 were faster, milliseconds.
    pub(crate) p99: f64,
}

/// Until when clients go on.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// So long, after a second that does not count.
    Time(Duration),
    /// Until so many were answered, by all of them together.
    Count(u64),
}

impl Target {
    /// Registers customers until there are that many.
    pub(crate) async fn register(&mut self, count: usize) {
        let registering = (0..16).map(|part| {
            let target = self.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(&target.address).await.expect("the gateway listens");
                let mut ids = Vec::new();
                for number in (part..count).step_by(16) {
                    let body =
                        format!(r#"{{"name":"Customer {number}","email":"{number}@example.com","limit":"100.00"}}"#);
                    let answer = connection.ask("POST", "/customers", &target.token, &body).await.expect("an answer");
                    let text = String::from_utf8(answer.body).expect("UTF-8");
                    assert_eq!(answer.status, 201, "{text}");
                    let body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    ids.push(body["id"].as_str().expect("an id").to_owned());
                }
                ids
            })
        });
        let mut customers = Vec::with_capacity(count);
        for part in registering.collect::<Vec<_>>() {
            customers.extend(part.await.expect("a client does not panic"));
        }
        self.customers = Arc::new(customers);
    }

    /// Has `clients` ask, side by side.
    pub(crate) async fn run(&self, ask: Ask, clients: u64, until: Until) -> Measured {
        let warm = if matches!(until, Until::Time(_)) { Duration::from_secs(1) } else { Duration::ZERO };
        let from = Instant::now() + warm;
        let asking = (0..clients).map(|client| {
            let target = self.clone();
            let (end, most) = match until {
                Until::Time(time) => (Some(from + time), u64::MAX),
                Until::Count(count) => (None, count / clients),
            };
            tokio::spawn(async move { target.client(ask, (client, clients), from, end, most).await })
        });
        let (mut took, mut refused) = (Vec::new(), 0);
        for client in asking.collect::<Vec<_>>() {
            let (one, refusals) = client.await.expect("a client does not panic");
            took.extend(one);
            refused += refusals;
        }
        measured(took, refused, from.elapsed())
    }

    /// One client: gives how long each answer took, in microseconds, and how many were refused.
    async fn client(
        &self,
        ask: Ask,
        (client, clients): (u64, u64),
        from: Instant,
        end: Option<Instant>,
        most: u64,
    ) -> (Vec<u32>, u64) {
        let mut connection = Connection::open(&self.address).await.expect("the gateway listens");
        let (mut took, mut refused) = (Vec::new(), 0);
        let [skip, step] = [client, clients].map(|number| usize::try_from(number).unwrap_or(1));
        let mine = self.customers.iter().skip(skip).step_by(step).cycle();
        for (number, customer) in mine.enumerate() {
            let begun = Instant::now();
            if end.is_some_and(|end| begun >= end) || took.len() as u64 + refused >= most {
                break;
            }
            let answer = match ask {
                Ask::Rename => {
                    let body = format!(r#"{{"name":"Customer {client}-{number}"}}"#);
                    connection.ask("POST", &format!("/customers/{customer}/rename"), &self.token, &body).await
                }
                Ask::Read => connection.ask("GET", &format!("/customers/{customer}"), &self.token, "").await,
            };
            let answer = answer.expect("an answer");
            if begun < from {
                continue;
            }
            if answer.status == 200 {
                took.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
            } else {
                if refused == 0 {
                    eprintln!("client {client}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
                }
                refused += 1;
            }
        }
        (took, refused)
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn measured(mut took: Vec<u32>, refused: u64, elapsed: Duration) -> Measured {
    took.sort_unstable();
    let share = |permille: usize| f64::from(took.get(took.len() * permille / 1000).copied().unwrap_or(0)) / 1000.0;
    Measured {
        answered: took.len() as u64,
        refused,
        per_second: took.len() as f64 / elapsed.as_secs_f64(),
        p50: share(500),
        p99: share(990),
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { per_second, p50, p99, refused, .. } = self;
        write!(f, "{per_second:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms")?;
        if *refused > 0 { write!(f, ", {refused} refused") } else { Ok(()) }
    }
}
