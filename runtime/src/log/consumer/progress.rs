//! How far a consumer has come and how it is doing, for those who wait for it or look after it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gaps::Gap;
use crate::log::{Position, SourceKey};

/// How far a consumer has come, and how it is doing.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The last message done with, a source.
    pub reached: BTreeMap<SourceKey, Position>,
    /// How it is doing.
    pub state: State,
}

/// How a consumer is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum State {
    /// Not started, or stopped by shutdown.
    #[default]
    Stopped,
    /// It handles what comes.
    Running,
    /// What it needs is away: it tries again.
    Retrying(String),
    /// Messages are missing: it reads again, and goes on when they come, or an operator passes over them.
    Gap(Gap),
    /// Many keys of a partition were parked one after the other: that one is not read until an operator resumes it.
    Paused(String),
}

impl Progress {
    /// The position applied of a service's messages: of its events, not of its commands and replies; of that partition,
    /// where they come over a topic.
    pub fn applied(&self, service: &str, partition: u32) -> u64 {
        let events = self.reached.iter().filter(|(key, _)| {
            let here = key.topic == "own" || key.partition == partition;
            key.source == service && !key.topic.ends_with(".inbox") && here
        });
        events.map(|(_, position)| position.pos).max().unwrap_or(0)
    }

    /// Where it reads on in a topic (`own`: the position in the service's own store).
    pub fn offset(&self, topic: &str, partition: u32) -> u64 {
        let of_partition = self.reached.iter().filter(|(key, _)| key.topic == topic && key.partition == partition);
        of_partition.map(|(_, position)| position.offset).max().unwrap_or(0)
    }
}
