//! What a partition still holds of what a service published: by it a relay finds out that a topic was lost, and made anew.

use std::time::Duration;

use super::{KafkaLog, LogError};
use crate::log::{Log as _, Read};

/// How many messages are read at once, from the end on backwards.
const PAGE: u64 = 500;

/// How far back it is looked. The newest of a service that sends at all is near the end; where it is not, that it is lost cannot be
/// told from others having sent a lot.
const BACK: u64 = 20_000;

impl KafkaLog {
    /// The position of the newest message of that source and epoch; 0: of none; `None`: it cannot be told.
    pub(super) async fn newest(
        &self,
        source: &str,
        epoch: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<u64>, LogError> {
        let (begin, end) = self.bounds(topic, partition).await?;
        let mut upper = end;
        while upper > begin && end - upper < BACK {
            let lower = upper.saturating_sub(PAGE).max(begin);
            let newest = newest_of(&self.page(topic, partition, lower, upper).await?, source, epoch);
            if newest.is_some() {
                return Ok(newest);
            }
            upper = lower;
        }
        // From the first offset ever, and nothing of it: a topic made anew. What lies before another one was let go with time.
        Ok((upper == 0).then_some(0))
    }

    /// The messages at offsets from `lower` to before `upper`.
    async fn page(&self, topic: &str, partition: u32, lower: u64, upper: u64) -> Result<Vec<Read>, LogError> {
        let (mut page, mut offset) = (Vec::new(), lower);
        while offset < upper {
            let limit = usize::try_from(upper - offset).unwrap_or(usize::MAX);
            let read = self.read(topic, partition, offset, limit, Duration::ZERO).await?;
            let Some(last) = read.last() else { break };
            offset = last.next_offset;
            page.extend(read);
        }
        Ok(page)
    }
}

fn newest_of(page: &[Read], source: &str, epoch: &str) -> Option<u64> {
    let messages = page.iter().filter_map(|read| read.message.as_ref().ok());
    messages.filter(|message| message.source == source && message.epoch == epoch).map(|message| message.pos).max()
}
