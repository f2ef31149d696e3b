//! A service that runs: store, log, engine, views, processes and HTTP, wired; and its end, in order.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpListener;
use tracing::Instrument as _;

use super::Service;
use crate::config::{Config, HostPort};
use crate::context::Context;
use crate::engine::{Engine, SNAPSHOT_EVERY};
use crate::http::service::ServiceHttp;
use crate::instances::Instances;
use crate::log::consumer::{Consumers, Parts, Source};
use crate::log::relay::Relay;
use crate::log::{Log, LogError, MessageSigner, MessageVerifier};
use crate::process::{Decider, Processes};
use crate::projection::Projections;
use crate::registry::Registration;
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::token::internal::InternalVerifier;
use crate::token::keys::Keys;
use crate::token::message::{ServiceSigner, ServiceVerifier};
use crate::token::operator::OperatorTokens;

/// How long requests are still taken after the registry was told: so long may a gateway not know.
const GRACE: std::time::Duration = std::time::Duration::from_millis(50);

/// What a service needs of its process.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) config: Arc<Config>,
    pub(crate) keys: Arc<Keys>,
    /// `None`: where services are is configured, and nobody need be told.
    pub(crate) registry: Option<HostPort>,
    pub(crate) client: reqwest::Client,
    pub(crate) context: Context,
}

/// A service that runs.
pub(crate) struct RunningService {
    name: &'static str,
    address: SocketAddr,
    store: Arc<dyn Store>,
    registration: Option<Registration>,
    client: reqwest::Client,
    ready: Arc<AtomicBool>,
    /// The server.
    intake: Shutdown,
    instances: Instances,
    /// Renews the lease.
    lease: Shutdown,
    /// Consumers, relay, timers, port calls.
    work: Shutdown,
}

impl RunningService {
    /// Starts everything of a service, and registers it.
    ///
    /// # Errors
    /// Why it cannot start; what had started is stopped.
    pub(crate) async fn start(
        service: Service,
        store: Arc<dyn Store>,
        log: Arc<dyn Log>,
        listener: TcpListener,
        around: Surroundings,
    ) -> Result<Self, String> {
        let span = tracing::info_span!("service", service = service.name);
        let work = Shutdown::new();
        let started = start(service, (Arc::clone(&store), log), listener, around, work.clone()).instrument(span).await;
        if started.is_err() {
            work.ask();
            store.close().await;
        }
        started
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Not ready, unregistered, no more intake, drained, closed.
    pub(crate) async fn stop(self, at_most: std::time::Duration) {
        let service = self.name;
        self.ready.store(false, Ordering::SeqCst);
        self.lease.finish(at_most).await;
        if let Some(registration) = &self.registration {
            registration.end(&self.client).await;
            tokio::time::sleep(GRACE).await;
        }
        if !self.intake.finish(at_most).await {
            tracing::warn!(service, "requests were still under way");
        }
        if !self.work.finish(at_most).await {
            tracing::warn!(service, "work was still under way; it goes on at the next start");
        }
        self.instances.leave().await;
        self.store.close().await;
        tracing::info!(service, "stopped");
    }
}

async fn start(
    service: Service,
    (store, log): (Arc<dyn Store>, Arc<dyn Log>),
    listener: TcpListener,
    around: Surroundings,
    work: Shutdown,
) -> Result<RunningService, String> {
    let name = service.name;
    let Surroundings { config, keys, registry, client, context } = around;
    let signer = ServiceSigner::new(&keys, name).ok_or_else(|| no_key(name, "messages"))?;
    let credential = keys.registration.get(name).cloned().ok_or_else(|| no_key(name, "registration"))?;
    let (signer, verifier): (Arc<dyn MessageSigner>, Arc<dyn MessageVerifier>) =
        (Arc::new(signer), Arc::new(ServiceVerifier::new(&keys)));
    let instances = Instances::join(&store, &context, &work).await.map_err(text)?;
    let parts = Parts {
        instances: instances.clone(),
        service: name.to_owned(),
        store: Arc::clone(&store),
        log: Arc::clone(&log),
        verifier,
        context: context.clone(),
    };
    let relay = Relay {
        instances: instances.clone(),
        service: name.to_owned(),
        store: Arc::clone(&store),
        log: Arc::clone(&log),
        signer,
        context: context.clone(),
    };
    relay.start(&work).await.map_err(text)?;
    let consumers = Arc::new(Consumers::open(parts, &work).await.map_err(text)?);
    create_topics(&service, &*log).await?;
    let views = (&service.views, &service.kept_views);
    let projections = Projections::start(views.0, views.1, Arc::clone(&consumers), &work).await.map_err(text)?;
    let (tables, kept) = (Arc::clone(&projections.tables), Arc::clone(&projections.kept));
    let engine = Engine::new(&service, Arc::clone(&store), context.clone(), tables, kept);
    let engine = Arc::new(engine.with_snapshots(SNAPSHOT_EVERY).await.map_err(text)?);
    let decider = Arc::clone(&engine) as Arc<dyn Decider>;
    let processes =
        Processes::new(&service, Arc::clone(&store), context.clone(), decider, work.clone()).among(instances.clone());
    processes.prepare().await.map_err(text)?;
    for handler in processes.handlers() {
        for source in handler.sources() {
            if let Source::Topic(topic) = source {
                make_topic(&*log, &topic).await?;
            }
        }
        consumers.start(handler).await.map_err(text)?;
    }
    processes.start().await.map_err(text)?;
    let address = advertised(&listener, config.advertise)?;
    let (instance, ready) = (context.new_id(), Arc::new(AtomicBool::new(true)));
    let http = ServiceHttp {
        service: name,
        instance,
        engine,
        store: Arc::clone(&store),
        log,
        projections: Arc::new(projections),
        consumers,
        operator: processes.operator(),
        tokens: InternalVerifier::new(keys.internal.verifying.clone(), name, context.clone()),
        operators: OperatorTokens::new(keys.operator.verifying.clone(), context.clone()),
        context,
        ready: Arc::clone(&ready),
        body_limit: config.body_limit,
        time: config.request_time,
    };
    let (intake, lease) = (Shutdown::new(), Shutdown::new());
    crate::http::serve("http", listener, http.router(&service)?, &intake);
    let registration =
        registry.map(|registry| Registration { registry, service: name.to_owned(), instance, address, credential });
    if let Some(registration) = registration.clone() {
        lease.spawn("registration", registration.keep(client.clone(), lease.clone()));
    }
    tracing::info!(%address, %instance, "started");
    Ok(RunningService { name, address, store, registration, client, ready, intake, instances, lease, work })
}

/// Topics that others fill, so that they can be read before those others have ever started.
async fn create_topics(service: &Service, log: &dyn Log) -> Result<(), String> {
    let events = service.views.iter().flat_map(|view| view.handles());
    let foreign = events.filter_map(|event| event.split_once('.')).map(|(owner, _)| owner);
    for owner in foreign.filter(|owner| *owner != service.name).collect::<std::collections::BTreeSet<_>>() {
        make_topic(log, &format!("{owner}.events")).await?;
    }
    Ok(())
}

/// Where the log is away the topic is made later, by whoever reads it: a service answers without the log.
async fn make_topic(log: &dyn Log, topic: &str) -> Result<(), String> {
    match log.create_topic(topic).await {
        Err(LogError::Unavailable(why)) => tracing::warn!(topic, why, "the topic is made later"),
        made => made.map_err(text)?,
    }
    Ok(())
}

/// The address that others use: the listener's port, at the configured address where it listens on all.
fn advertised(listener: &TcpListener, advertise: IpAddr) -> Result<SocketAddr, String> {
    let local = listener.local_addr().map_err(text)?;
    Ok(if local.ip().is_unspecified() { SocketAddr::new(advertise, local.port()) } else { local })
}

fn no_key(service: &str, what: &str) -> String {
    format!("the keys hold no `services.{service}.{what}`")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
