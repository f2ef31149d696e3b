//! Reading partitions from given offsets.
//!
//! A client of librdkafka has one place in each partition, but several consumers of a process read the same partition at
//! places of their own. So there are as many clients ("lanes") as readers of one partition at the same moment, two or three
//! in practice. A reader takes a cursor that stands where it wants to read on (its own of last time), or places another one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Quiet, settings::KafkaSettings, unavailable};
use crate::log::{LogError, Message, Read, Unreadable};

/// A cursor that nobody came back to for so long may be placed elsewhere, rather than opening another lane.
const ABANDONED: Duration = Duration::from_secs(5);

/// How many lanes there are at most; beyond, cursors are taken from others, which costs a seek each time.
const LANES: usize = 16;

/// Events of a client are looked after at least so often while something waits.
const TURN: Duration = Duration::from_millis(500);

type Client = BaseConsumer<Quiet>;

/// A partition, by its name on the brokers.
type Place = (String, u32);

/// All cursors of a process.
pub(super) struct Readers {
    settings: KafkaSettings,
    shared: Mutex<Shared>,
}

struct Shared {
    lanes: Vec<Arc<Client>>,
    /// Which lanes are in use for a partition, and the cursors there that nobody reads with at the moment.
    partitions: BTreeMap<Place, Partition>,
    closed: bool,
}

#[derive(Default)]
struct Partition {
    in_use: Vec<usize>,
    idle: Vec<Cursor>,
}

/// A place in a partition, on a lane.
struct Cursor {
    lane: usize,
    client: Arc<Client>,
    queue: PartitionQueue<Quiet>,
    filled: Arc<Notify>,
    /// The client reads this partition.
    assigned: bool,
    /// Where it reads on.
    next: u64,
    /// It came to an offset past the one wanted, which is believed at the second time: the log has a hole there.
    jumped: Option<u64>,
    since: Instant,
}

/// A cursor being read with; given back when dropped, also where the reader was given up in the middle.
struct Held<'a> {
    readers: &'a Readers,
    place: &'a Place,
    cursor: Option<Cursor>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(mut cursor) = self.cursor.take() else { return };
        cursor.since = Instant::now();
        let mut shared = self.readers.lock();
        if !shared.closed {
            shared.partitions.entry(self.place.clone()).or_default().idle.push(cursor);
        }
    }
}

impl Readers {
    pub(super) fn new(settings: KafkaSettings, first: Arc<Client>) -> Self {
        let shared = Shared { lanes: vec![first], partitions: BTreeMap::new(), closed: false };
        Self { settings, shared: Mutex::new(shared) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `limit` messages from `offset` on, as soon as there are any; none after `until`.
    pub(super) async fn read(
        &self,
        place: &Place,
        offset: u64,
        limit: usize,
        until: Instant,
    ) -> Result<Vec<Read>, LogError> {
        let mut held = self.hold(place, offset)?;
        let Some(cursor) = held.cursor.as_mut() else { return Ok(Vec::new()) };
        loop {
            let filled = Arc::clone(&cursor.filled);
            let read = cursor.drain(place, limit)?;
            let now = Instant::now();
            if !read.is_empty() || now >= until {
                return Ok(read);
            }
            tokio::select! {
                () = filled.notified() => {}
                () = tokio::time::sleep_until(until.min(now + TURN)) => {}
            }
        }
    }

    /// A cursor at `offset`.
    fn hold<'a>(&'a self, place: &'a Place, offset: u64) -> Result<Held<'a>, LogError> {
        let mut held = Held { readers: self, place, cursor: Some(self.take(place, offset)?) };
        match held.cursor.as_mut() {
            Some(cursor) if cursor.next != offset => {
                cursor.jumped = None;
                cursor.seek(place, offset)?;
            }
            _ => {}
        }
        Ok(held)
    }

    /// The cursor that stands there already; one that nobody needs any more; a new one.
    fn take(&self, place: &Place, offset: u64) -> Result<Cursor, LogError> {
        let mut shared = self.lock();
        if shared.closed {
            return Err(LogError::Unavailable("the log is closed".to_owned()));
        }
        let lanes = shared.lanes.len();
        let partition = shared.partitions.entry(place.clone()).or_default();
        let exact = partition.idle.iter().position(|cursor| cursor.next == offset);
        let oldest = (0..partition.idle.len()).min_by_key(|index| partition.idle[*index].since);
        let full = partition.in_use.len() >= LANES;
        let free = oldest.filter(|index| full || partition.idle[*index].since.elapsed() > ABANDONED);
        if let Some(index) = exact.or(free) {
            return Ok(partition.idle.swap_remove(index));
        }
        if full {
            return Err(LogError::Unavailable(format!(
                "more than {LANES} read partition {} of `{}`",
                place.1, place.0
            )));
        }
        let lane = (0..).find(|lane| !partition.in_use.contains(lane)).unwrap_or(lanes);
        if lane >= lanes {
            let client = self.settings.reader().create_with_context(Quiet).map_err(|error| unavailable(&error))?;
            shared.lanes.push(Arc::new(client));
        }
        let client = Arc::clone(&shared.lanes[lane]);
        let cursor = Cursor::new(lane, client, place)?;
        shared.partitions.entry(place.clone()).or_default().in_use.push(lane);
        Ok(cursor)
    }

    /// Gives all clients up.
    pub(super) async fn close(&self) {
        let (lanes, partitions) = {
            let mut shared = self.lock();
            shared.closed = true;
            (std::mem::take(&mut shared.lanes), std::mem::take(&mut shared.partitions))
        };
        // An error says that closing panicked; there is nothing else to be done.
        let _ = tokio::task::spawn_blocking(move || drop((partitions, lanes))).await;
    }
}

impl Cursor {
    fn new(lane: usize, client: Arc<Client>, place: &Place) -> Result<Self, LogError> {
        let queue = client.split_partition_queue(&place.0, signed(place.1));
        let mut queue = queue.ok_or_else(|| LogError::Refused(format!("`{}` is no topic's name", place.0)))?;
        let filled = Arc::new(Notify::new());
        let notify = Arc::clone(&filled);
        queue.set_nonempty_callback(move || notify.notify_one());
        Ok(Self { lane, client, queue, filled, assigned: false, next: u64::MAX, jumped: None, since: Instant::now() })
    }

    /// Has the client read this partition from `offset` on, and nothing that it fetched before.
    fn seek(&mut self, place: &Place, offset: u64) -> Result<(), LogError> {
        let mut list = TopicPartitionList::new();
        let from = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        list.add_partition_offset(&place.0, signed(place.1), from).map_err(|error| unavailable(&error))?;
        // Until it stands there it stands nowhere.
        self.next = u64::MAX;
        if self.assigned {
            self.client.incremental_unassign(&list).map_err(|error| unavailable(&error))?;
            self.assigned = false;
        }
        self.client.incremental_assign(&list).map_err(|error| unavailable(&error))?;
        (self.assigned, self.next) = (true, offset);
        tracing::debug!(topic = place.0, partition = place.1, offset, lane = self.lane, "reading on from there");
        Ok(())
    }

    /// What has come by now.
    fn drain(&mut self, place: &Place, limit: usize) -> Result<Vec<Read>, LogError> {
        // Serves the client's own events.
        if let Some(Err(error)) = self.client.poll(Duration::ZERO) {
            tracing::debug!(%error, "kafka");
        }
        let mut read = Vec::new();
        while read.len() < limit {
            let (offset, message) = match self.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => (unsigned(message.offset()), decode(message.payload())),
                Some(Err(error)) => {
                    if !read.is_empty() && !is_passing(&error) {
                        // What came before is good; the error comes again.
                        return self.seek(place, self.next).map(|()| read);
                    }
                    if let Err(refused) = passing(&error, place, self.next) {
                        // The client reads this partition no more: it stands nowhere until it is placed again.
                        self.next = u64::MAX;
                        return Err(refused);
                    }
                    continue;
                }
            };
            if offset < self.next {
                continue;
            }
            if offset > self.next && self.jumped != Some(offset) {
                self.jumped = Some(offset);
                self.seek(place, self.next)?;
                break;
            }
            self.jumped = None;
            self.next = offset + 1;
            read.push(Read { next_offset: offset + 1, message });
        }
        Ok(read)
    }
}

fn decode(payload: Option<&[u8]>) -> Result<Box<Message>, Unreadable> {
    match std::str::from_utf8(payload.unwrap_or_default()) {
        Ok(text) => Message::decode(text),
        Err(error) => Err(Unreadable {
            why: format!("it is no message: {error}"),
            raw: String::from_utf8_lossy(payload.unwrap_or_default()).into_owned(),
        }),
    }
}

fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    !matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
        )
    )
}

/// The client gets over most errors by itself; what it does not is told.
fn passing(error: &KafkaError, place: &Place, offset: u64) -> Result<(), LogError> {
    use RDKafkaErrorCode as Code;
    let (topic, partition) = place;
    match error.rdkafka_error_code() {
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Err(LogError::Refused(format!(
            "partition {partition} of topic `{topic}` has nothing at offset {offset}: what stood there was deleted, or the topic was made anew; nothing is passed over silently"
        ))),
        _ if is_passing(error) => {
            tracing::debug!(topic, partition, %error, "kafka");
            Ok(())
        }
        _ => Err(LogError::Refused(format!("partition {partition} of topic `{topic}` cannot be read: {error}"))),
    }
}

fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
