//! What happens at start to the sagas that are under way: port calls are made again under the same keys; a saga whose
//! definition is gone is stuck, and goes on once it is back. All else waits for answers and timers, which are durable.

use super::index::{self, SagaRow};
use super::log::{Verdict, saga_stream};
use super::mover::{Mover, News};
use super::progress::Status;
use crate::process::ProcessError;
use crate::process::port_caller::PortCaller;

/// How many sagas are looked at at once.
const PAGE: usize = 200;

/// Takes up all sagas that are under way. One that cannot be taken up is reported and left as it is.
pub(crate) async fn recover(mover: &Mover, ports: &PortCaller) -> Result<(), ProcessError> {
    let mut after = None;
    loop {
        let rows = index::sagas(mover.store(), &Status::UNDER_WAY, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.id);
        for row in &rows {
            if let Err(error) = take_up(mover, ports, row).await {
                tracing::error!(saga = row.saga, id = %row.id, %error, "a saga could not be taken up");
            }
        }
    }
}

async fn take_up(mover: &Mover, ports: &PortCaller, row: &SagaRow) -> Result<(), ProcessError> {
    let stream = saga_stream(&row.saga, row.id);
    let Some(loaded) = mover.load(&stream).await? else { return Ok(()) };
    let known = mover.knows(&loaded);
    match &loaded.progress.stuck {
        Some(stuck) if stuck.slot.is_none() && known => {
            let (reason, by) = ("its definition is back".to_owned(), "recovery".to_owned());
            mover.tell(&stream, &News::Verdict { verdict: Verdict::Retry, reason, by }).await
        }
        Some(_) => Ok(()),
        None if known => ports.resume(&stream).await,
        None => mover.tell(&stream, &News::Wake(mover.now())).await,
    }
}
