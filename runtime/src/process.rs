//! What moves by itself: sagas, policies, durable timers, port calls, and the inbox that commands and replies come to.
//!
//! [`Processes`] holds all of one service. Its handlers run as consumers; what else it needs runs as tasks. Nothing of it
//! remembers anything that matters: a crash at any moment is mended by reading the store again.

use std::sync::Arc;

use async_trait::async_trait;

use crate::commit::{CommitError, Timer};
use crate::context::Context;
use crate::engine::{Beside, CommandRequest, Engine, ExecuteError, Executed};
use crate::event::DecodeError;
use crate::instances::{Instances, Work};
use crate::log::HandlingError;
use crate::log::consumer::{Handler, Source};
use crate::service::Service;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};

pub mod decisions;
pub mod inbox;
pub mod operator;
pub mod policy;
pub mod port_caller;
pub mod refused;
pub mod saga;
pub(crate) mod tables;
pub mod timer;

use inbox::Inbox;
use operator::Operator;
use policy::{AnyPolicy, PolicyHandler};
use port_caller::PortCaller;
use saga::AnySaga;
use saga::mover::Mover;
use saga::starter::Starter;
use timer::Timers;

/// Who decides commands and timers of aggregates: the engine.
#[async_trait]
pub trait Decider: Send + Sync {
    /// Decides a command; see [`crate::engine`].
    async fn execute(&self, request: CommandRequest, beside: &Beside<'_>) -> Result<Executed, ExecuteError>;
    /// Fires a timer of an aggregate, and clears it, also where its time is over.
    async fn fire(&self, timer: &Timer) -> Result<(), ExecuteError>;
}

/// Everything of one service that moves by itself.
pub struct Processes {
    service: String,
    store: Arc<dyn Store>,
    context: Context,
    decider: Arc<dyn Decider>,
    mover: Arc<Mover>,
    sagas: Vec<Arc<dyn AnySaga>>,
    policies: Vec<Arc<dyn AnyPolicy>>,
    ports: PortCaller,
    shutdown: Shutdown,
    instances: Instances,
}

/// Timers are fired, and ports called, by one instance each.
const TIMERS: Work<'static> = Work { name: "timers", number: 0 };
/// How long it waits before it tries again to take sagas up.
const RECOVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// See [`TIMERS`].
const PORTS: Work<'static> = Work { name: "timers", number: 1 };

impl Processes {
    /// What `service` registered, over its store and engine.
    pub fn new(
        service: &Service,
        store: Arc<dyn Store>,
        context: Context,
        decider: Arc<dyn Decider>,
        shutdown: Shutdown,
    ) -> Self {
        let mover = Arc::new(Mover::new(service.name, Arc::clone(&store), context.clone(), &service.sagas));
        let ports = PortCaller::new(
            service.name,
            Arc::clone(&store),
            context.clone(),
            &service.ports,
            Arc::clone(&mover),
            shutdown.clone(),
        );
        let (sagas, policies) = (service.sagas.clone(), service.policies.clone());
        let (service, instances) = (service.name.to_owned(), Instances::alone());
        Self { service, store, context, decider, mover, sagas, policies, ports, shutdown, instances }
    }

    /// One of several that share the work.
    #[must_use]
    pub fn among(mut self, instances: Instances) -> Self {
        self.instances = instances;
        self
    }

    /// The consumers: the inbox, one a saga, one a policy.
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let inbox = Inbox::new(&self.service, Arc::clone(&self.decider), Arc::clone(&self.mover));
        let mut handlers: Vec<Arc<dyn Handler>> = vec![Arc::new(inbox)];
        for saga in &self.sagas {
            handlers.push(Arc::new(Starter::new(&self.service, Arc::clone(&self.mover), Arc::clone(saga))));
        }
        for policy in &self.policies {
            handlers.push(Arc::new(PolicyHandler::new(&self.service, Arc::clone(policy))));
        }
        handlers
    }

    /// Makes the tables that are not there. Before any consumer starts.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        for table in [saga::index::table(), refused::table(), port_caller::calls::table(), decisions::table()] {
            self.store.create_table(&table).await?;
        }
        Ok(())
    }

    /// Takes up what a crash left, then calls ports and runs timers until shutdown.
    pub async fn start(&self) -> Result<(), ProcessError> {
        if self.instances.does(PORTS) {
            saga::recovery::recover(&self.mover, &self.ports).await?;
        }
        let timers = Timers {
            service: self.service.clone(),
            store: Arc::clone(&self.store),
            context: self.context.clone(),
            decider: Arc::clone(&self.decider),
            mover: Arc::clone(&self.mover),
            instances: self.instances.clone(),
        };
        self.shutdown.spawn("timers", timers.run(self.shutdown.clone()));
        let (mover, ports) = (Arc::clone(&self.mover), self.ports.clone());
        self.shutdown.spawn("port calls", call_ports(mover, ports, self.instances.clone(), self.shutdown.clone()));
        Ok(())
    }

    /// What an operator sees and decides.
    pub fn operator(&self) -> Operator {
        Operator { store: Arc::clone(&self.store), mover: Arc::clone(&self.mover), ports: self.ports.clone() }
    }
}

/// Calls ports while that is this instance's work; one that takes it over takes up what the other left.
async fn call_ports(mover: Arc<Mover>, ports: PortCaller, instances: Instances, shutdown: Shutdown) {
    let mut taken_up = instances.does(PORTS);
    loop {
        tokio::select! {
            () = instances.until(|instances| instances.does(PORTS)) => {}
            () = shutdown.asked() => return,
        }
        if !taken_up && let Err(error) = saga::recovery::recover(&mover, &ports).await {
            tracing::warn!(%error, "sagas under way could not be taken up; trying again");
            if shutdown.sleep(RECOVERY).await {
                return;
            }
            continue;
        }
        taken_up = false;
        tokio::select! {
            () = ports.clone().run() => return,
            () = instances.until(|instances| !instances.does(PORTS)) => {}
        }
    }
}

/// Where the events of that wire name come from, for `service`.
pub(crate) fn source_of(service: &str, event_type: &str) -> Source {
    match event_type.split_once('.') {
        Some((subdomain, _)) if subdomain != service => Source::Topic(format!("{subdomain}.events")),
        _ => Source::Own,
    }
}

/// Why something that moves by itself did not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not take a commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What is stored or was sent cannot be read by this build.
    #[error("{0}")]
    Corrupt(String),
    /// There is no such saga, message or call.
    #[error("{0}")]
    NotFound(String),
    /// An operator asked for what cannot be.
    #[error("{0}")]
    Refused(String),
    /// It could not be done now, at any attempt: try again.
    #[error("it could not be done now: {0}")]
    Busy(String),
}

impl From<DecodeError> for ProcessError {
    fn from(error: DecodeError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<ProcessError> for HandlingError {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Corrupt(why) | ProcessError::NotFound(why) | ProcessError::Refused(why) => Self::Poison(why),
            ProcessError::Commit(CommitError::Invalid(why)) => Self::Poison(why),
            other => Self::Transient(other.to_string()),
        }
    }
}

#[async_trait]
impl Decider for Engine {
    async fn execute(&self, request: CommandRequest, beside: &Beside<'_>) -> Result<Executed, ExecuteError> {
        Engine::execute(self, request, beside).await
    }

    async fn fire(&self, timer: &Timer) -> Result<(), ExecuteError> {
        match Engine::fire(self, timer).await? {
            Some(_) => Ok(()),
            None => Err(ExecuteError::Broken(format!("nobody knows the timer `{}`", timer.payload))),
        }
    }
}
