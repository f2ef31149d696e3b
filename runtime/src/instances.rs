//! The instances of one service that share a store, and which of them does what.
//!
//! Each instance beats: a row of its own in the service's store, renewed every two seconds by the store's clock; one that has
//! not beaten for eight is gone. Work has names (`relay`, partition 3 of the inbox), and everyone computes the same owner of
//! each from the same list. So a killed or paused instance's work moves within some ten seconds, and an instance that cannot
//! reach the store does nothing.
//!
//! **Nothing rests on it being exact.** For a moment two instances may do the same work: a consumer's position is moved by
//! compare-and-set in the commit of its effect, readers drop what the relay publishes twice, a timer fired twice is refused.
//! That is why one small row an instance is enough, and why it is this rather than Kafka's group protocol: it serves the
//! relay, own events, timers and port calls as well as partitions, on the embedded log too, and while the broker is away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::commit::Commit;
use crate::context::Context;
use crate::process::tables::{column, optional_column, text, text_of, timestamp_of};
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

/// How often an instance beats.
const BEAT: Duration = Duration::from_secs(2);

/// How long after its last beat an instance counts as alive.
const ALIVE: Duration = Duration::from_secs(8);

/// How long an instance that joins others waits until it takes work over: until they have seen it.
const SETTLING: Duration = Duration::from_millis(2500);

/// How long rows of those that are gone are kept.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How often those who wait look at the time.
const TICK: Duration = Duration::from_millis(250);

/// The table's name.
const TABLE: &str = "instances";

/// The instances of one service, as this one knows them. Cheap to clone.
#[derive(Clone)]
pub struct Instances(Arc<Inner>);

struct Inner {
    /// Empty: this instance is the only one.
    me: String,
    store: Option<Arc<dyn Store>>,
    known: watch::Sender<Known>,
}

/// What this instance knew when it beat last.
struct Known {
    /// Who is alive, this one too.
    alive: BTreeSet<String>,
    /// It takes no work before.
    from: Instant,
    /// Others count it as gone from then on, unless it beats again.
    until: Instant,
}

/// A piece of work, which one instance does.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Its name: `relay`, `inbox`.
    pub name: &'a str,
    /// Which of several of that name: they are shared out evenly.
    pub number: u32,
}

impl Instances {
    /// The only instance: all work is its own. So it is where the store is a file that one process locks.
    pub fn alone() -> Self {
        let now = Instant::now();
        let known = Known { alive: BTreeSet::new(), from: now, until: now };
        Self(Arc::new(Inner { me: String::new(), store: None, known: watch::Sender::new(known) }))
    }

    /// Joins the others where the store is shared, until shutdown; is alone where it is not.
    ///
    /// # Errors
    /// The store is away.
    pub async fn join(store: &Arc<dyn Store>, context: &Context, shutdown: &Shutdown) -> Result<Self, StoreError> {
        if store.is_shared() { Self::among(store, context, shutdown).await } else { Ok(Self::alone()) }
    }

    /// Joins the others, whatever the store says of itself.
    ///
    /// # Errors
    /// The store is away.
    pub async fn among(store: &Arc<dyn Store>, context: &Context, shutdown: &Shutdown) -> Result<Self, StoreError> {
        store.create_table(&table()).await?;
        let me = context.new_id().to_string();
        let now = Instant::now();
        let known = watch::Sender::new(Known { alive: BTreeSet::new(), from: now, until: now });
        let instances = Self(Arc::new(Inner { me, store: Some(Arc::clone(store)), known }));
        instances.beat().await?;
        if instances.0.known.borrow().alive.len() > 1 {
            instances.0.known.send_modify(|known| known.from = Instant::now() + SETTLING);
        }
        shutdown.spawn("beat", instances.clone().keep(shutdown.clone()));
        Ok(instances)
    }

    /// Tells the others that it is gone, once its work is drained.
    pub async fn leave(&self) {
        let Some(store) = &self.0.store else { return };
        let filter = Filter::Compare("id".to_owned(), Comparison::Eq, text(&self.0.me));
        let gone = Commit { rows: vec![RowChange::Delete { table: TABLE.to_owned(), filter }], ..Commit::default() };
        // Where it fails the others notice by themselves.
        let _ = store.write(vec![gone]).await;
    }

    /// This instance's name; empty where it is alone.
    pub fn me(&self) -> &str {
        &self.0.me
    }

    /// Whether there may be others.
    pub fn is_alone(&self) -> bool {
        self.0.me.is_empty()
    }

    /// Whether an instance of that name is alive, as far as is known.
    pub fn is_alive(&self, name: &str) -> bool {
        name == self.0.me || self.0.known.borrow().alive.contains(name)
    }

    /// Whether this instance does that work.
    pub fn does(&self, work: Work<'_>) -> bool {
        if self.is_alone() {
            return true;
        }
        let (known, now) = (self.0.known.borrow(), Instant::now());
        if now < known.from || now >= known.until {
            return false;
        }
        let place = (u64::from(work.number) + hash(work.name)) % (known.alive.len().max(1) as u64);
        known.alive.iter().nth(usize::try_from(place).unwrap_or(0)).is_some_and(|owner| *owner == self.0.me)
    }

    /// Waits until `holds` does, looking whenever it may have changed.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut known = self.0.known.subscribe();
        while !holds(self) {
            if self.is_alone() {
                return std::future::pending().await;
            }
            // An error cannot be: the sender lives as long as this value.
            let _ = tokio::time::timeout(TICK, known.changed()).await;
        }
    }

    async fn keep(self, shutdown: Shutdown) {
        while !shutdown.sleep(BEAT).await {
            match tokio::time::timeout(ALIVE / 2, self.beat()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the instance could not beat"),
                Err(_) => tracing::warn!("the instance could not beat in time"),
            }
        }
    }

    /// Says that it is alive, and looks who else is.
    async fn beat(&self) -> Result<(), StoreError> {
        let Some(store) = &self.0.store else { return Ok(()) };
        let begun = Instant::now();
        let now = store.now().await?;
        let row = vec![text(&self.0.me), Value::Int(now.as_microsecond()), process::me().map_or(Value::Null, text)];
        let rows = vec![
            RowChange::Put { table: TABLE.to_owned(), row },
            RowChange::Delete { table: TABLE.to_owned(), filter: before(now, FORGOTTEN) },
        ];
        for written in store.write(vec![Commit { rows, ..Commit::default() }]).await {
            written.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        let everyone = Select {
            table: TABLE.to_owned(),
            filter: Filter::everything(),
            order: Vec::new(),
            after: None,
            limit: 1000,
        };
        let rows = store.select(&everyone).await?;
        let alive: BTreeSet<String> = rows.iter().filter_map(|row| alive(row, now)).collect();
        self.0.known.send_modify(|known| {
            if known.alive != alive && !known.alive.is_empty() {
                tracing::info!(instances = alive.len(), "work is shared out anew");
            }
            known.alive = alive;
            known.until = begun + ALIVE;
        });
        Ok(())
    }
}

/// The name in a row, if its instance is alive.
fn alive(row: &Row, now: Timestamp) -> Option<String> {
    let beat = timestamp_of(row.get(1)?)?;
    let gone = row.get(2).and_then(text_of).is_some_and(|process| process::has_ended(&process));
    (beat + ALIVE > now && !gone).then(|| text_of(row.first()?)).flatten()
}

fn before(now: Timestamp, age: Duration) -> Filter {
    Filter::Compare("beat_at".to_owned(), Comparison::Lt, Value::Int((now - age).as_microsecond()))
}

fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        key: 1,
        columns: vec![
            column("id", ColumnKind::Text),
            column("beat_at", ColumnKind::Timestamp),
            optional_column("process", ColumnKind::Text),
        ],
    }
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)) >> 8
}

/// Processes by name, so that one that was killed on this machine need not be waited for.
mod process {
    use std::sync::OnceLock;

    /// This machine since its start, and the space that process ids count in; absent where the system does not say.
    fn machine() -> Option<&'static str> {
        static MACHINE: OnceLock<Option<String>> = OnceLock::new();
        let read = || {
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
            Some(format!("{} {}", boot.trim(), space.display()))
        };
        MACHINE.get_or_init(read).as_deref()
    }

    /// This process.
    pub(super) fn me() -> Option<String> {
        machine().map(|machine| format!("{machine} {}", std::process::id()))
    }

    /// Whether a process of this machine has ended; false where that cannot be said.
    pub(super) fn has_ended(name: &str) -> bool {
        match (name.rsplit_once(' '), machine()) {
            (Some((there, id)), Some(here)) if there == here => !std::path::Path::new("/proc").join(id).exists(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
