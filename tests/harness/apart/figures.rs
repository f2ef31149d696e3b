//! How much a trial was, in one line.

use std::fmt;

/// How much a trial was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// kill -9 of a process of the shop.
    pub kills: u32,
    /// Restarts of Postgres.
    pub postgres: u32,
    /// Restarts of Kafka.
    pub kafka: u32,
    /// Processes paused past their lease.
    pub pauses: u32,
    /// Commits cut off or delayed.
    pub cuts: u32,
    /// Processes that ended by themselves, and were started again.
    pub ended: u32,
    /// Commands answered.
    pub commands: u64,
    /// Of these, orders taken.
    pub orders: u64,
    /// Commands sent again under a key that had been answered.
    pub repeated: u64,
    /// Events in the stores.
    pub events: usize,
    /// What was wrong.
    pub findings: usize,
    /// Seconds, from the first start to the last stop.
    pub seconds: u64,
}

impl Figures {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.postgres += other.postgres;
        self.kafka += other.kafka;
        self.pauses += other.pauses;
        self.cuts += other.cuts;
        self.ended += other.ended;
        self.commands += other.commands;
        self.orders += other.orders;
        self.repeated += other.repeated;
        self.events += other.events;
        self.findings += other.findings;
        self.seconds += other.seconds;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, postgres, kafka, pauses, cuts, ended, commands, orders, repeated, events, findings, seconds } =
            self;
        write!(
            f,
            "{kills} kills, {postgres} restarts of Postgres, {kafka} of Kafka, {pauses} processes paused past their lease, {cuts} commits \
             cut or delayed, {ended} ended by themselves; {commands} commands answered, of these {orders} orders; {repeated} sent once \
             more; {events} events; {findings} findings; {seconds} s"
        )
    }
}
