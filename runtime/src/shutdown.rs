//! Shutdown as a value: who may ask for it, who waits for it, and which tasks must end before the process does.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Shared by the tasks of one service (or system). Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    asked: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Not asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for it.
    pub fn ask(&self) {
        self.asked.cancel();
    }

    /// A part that can be stopped alone: asked for with the whole, its tasks waited for with the whole's.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { asked: self.asked.child_token(), tasks: self.tasks.clone() }
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until it is asked for.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Sleeps, at most until it is asked for; says whether it was asked for.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            () = self.asked.cancelled() => true,
            () = tokio::time::sleep(duration) => false,
        }
    }

    /// Runs a task that must end (soon after shutdown is asked for) before the process does.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task.instrument(tracing::info_span!("task", name)));
    }

    /// Asks for shutdown and waits until all tasks have ended; false where some had not after `at_most`.
    pub async fn finish(&self, at_most: Duration) -> bool {
        self.ask();
        self.tasks.close();
        tokio::time::timeout(at_most, self.tasks.wait()).await.is_ok()
    }
}
