//! A system that runs: started in order, stopped in order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::data::DataFolder;
use super::{StartError, System, engines};
use crate::config::{Config, ConfigErrors, HostPort};
use crate::context::Context;
use crate::evolution;
use crate::gateway::{Gateway, GatewayServer, Surroundings};
use crate::log::Log;
use crate::registry::{Directory, Registry};
use crate::service::Service;
use crate::service::running::{self, RunningService};
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::token::keys::Keys;

/// How long is waited until the services of this process are ready.
const READY: Duration = Duration::from_secs(10);

/// A system that runs.
pub struct Running {
    address: SocketAddr,
    development: bool,
    time: Duration,
    services: Vec<RunningService>,
    log: Option<Arc<dyn Log>>,
    /// The gateway's server and its watch of the registry.
    entrance: Shutdown,
    registry: Shutdown,
    registry_address: Option<HostPort>,
    data: Option<DataFolder>,
}

impl Running {
    /// Where the gateway (or a service alone) listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the registry listens; `None` where the addresses of services are configured instead.
    pub fn registry(&self) -> Option<&HostPort> {
        self.registry_address.as_ref()
    }

    /// Where each service of this process listens: for those who look after them; callers use the gateway.
    pub fn services(&self) -> Vec<(&'static str, SocketAddr)> {
        self.services.iter().map(|service| (service.name(), service.address())).collect()
    }

    /// The folder that holds everything that is kept here; `None` where nothing is.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_ref().map(DataFolder::path)
    }

    /// Whether `POST /dev/tokens` hands out tokens.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// Stops in order: no more intake, not ready, unregistered, drained, flushed, closed.
    pub async fn stop(self) {
        if !self.entrance.finish(self.time).await {
            tracing::warn!("requests were still under way");
        }
        let time = self.time;
        futures_util::future::join_all(self.services.into_iter().map(|service| service.stop(time))).await;
        if let Some(log) = self.log {
            log.close().await;
        }
        self.registry.finish(time).await;
    }

    pub(super) async fn start(system: System, config: Config) -> Result<Self, StartError> {
        check(&system, &config)?;
        let given = given_keys(&system, &config)?;
        // The address before the data: it is the mistake made most often, and nothing has been touched yet.
        let entrance = bind(config.listen).await?;
        let stands_here = config.keys.is_none() || (!system.services.is_empty() && engines::is_embedded(&config));
        let data = if stands_here { Some(DataFolder::open(&config.data, system.name)?) } else { None };
        let folder = data.as_ref().map_or(config.data.clone(), |data| data.path().to_owned());
        let context = Context::system();
        let keys = match given {
            Some(keys) => keys,
            None => development_keys(&system, &folder, &context)?,
        };
        let client =
            crate::http::client(config.request_time).map_err(|error| StartError::Process(error.to_string()))?;
        let registry = Shutdown::new();
        let registry_address = match &config.registry {
            Some(address) => Some(address.clone()),
            None if !config.services.is_empty() => None,
            None => {
                let listener = bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await?;
                Some(start_registry(listener, &keys, &config, &client, &context, &registry)?.into())
            }
        };
        let name = system.name;
        let mut starting = Starting {
            around: running::Surroundings {
                config: Arc::new(config),
                keys: Arc::new(keys),
                registry: registry_address,
                client,
                context,
            },
            log: None,
            entrance: Shutdown::new(),
            services: Vec::new(),
        };
        let started = starting.all(system, entrance, &folder).await;
        let running = starting.running(registry, data);
        match started {
            Ok(address) => {
                let data = running.data().map(|it| tracing::field::display(it.display()));
                tracing::info!(system = name, %address, data, "ready");
                Ok(Self { address, ..running })
            }
            Err(error) => {
                running.stop().await;
                Err(error)
            }
        }
    }
}

/// What has started so far.
struct Starting {
    around: running::Surroundings,
    /// `None` where there is no service.
    log: Option<Arc<dyn Log>>,
    entrance: Shutdown,
    services: Vec<RunningService>,
}

impl Starting {
    /// Starts log, services and gateway; says where the first of them listens.
    async fn all(&mut self, system: System, entrance: TcpListener, data: &Path) -> Result<SocketAddr, StartError> {
        let address = entrance.local_addr().map_err(|error| StartError::Process(error.to_string()))?;
        let System { services, gateway, .. } = system;
        let mut entrance = Some(entrance);
        let names: Vec<&'static str> = services.iter().map(|service| service.name).collect();
        for (service, store) in self.open(services, data).await? {
            let name = service.name;
            let listener = match (&gateway, entrance.take()) {
                (None, Some(listener)) => listener,
                (_, kept) => {
                    entrance = kept;
                    bind(SocketAddr::new(inside(self.around.config.listen.ip()), 0)).await?
                }
            };
            let log = match &self.log {
                Some(log) => Arc::clone(log),
                None => Arc::clone(self.log.insert(engines::log(&self.around.config, data).await?)),
            };
            let running = RunningService::start(service, store, log, listener, self.around.clone()).await;
            self.services.push(running.map_err(|why| StartError::Service { service: name.to_owned(), why })?);
        }
        if let (Some(gateway), Some(listener)) = (gateway, entrance) {
            self.gateway(&gateway, listener, &names).await?;
        }
        Ok(address)
    }

    /// Opens what each service has stored, and makes it ready for the spec of today: all of it is checked before any of it is
    /// changed.
    async fn open(&self, services: Vec<Service>, data: &Path) -> Result<Vec<(Service, Arc<dyn Store>)>, StartError> {
        let (config, context) = (&self.around.config, &self.around.context);
        let refused = |service: &Service, why: String| StartError::Service { service: service.name.to_owned(), why };
        let mut opened: Vec<(Service, Arc<dyn Store>)> = Vec::new();
        let made_ready = async || {
            for service in services {
                let store = engines::store(config, service.name, data, context).await;
                let store = store.map_err(|why| refused(&service, why))?;
                opened.push((service, store));
            }
            let mut upgrades = Vec::new();
            for (service, store) in &opened {
                let upgrade = evolution::check(&service.aggregates, &**store).await;
                upgrades.push(upgrade.map_err(|error| refused(service, error.to_string()))?);
            }
            for ((service, store), upgrade) in opened.iter().zip(upgrades) {
                upgrade.record(&**store).await.map_err(|error| refused(service, error.to_string()))?;
            }
            Ok(())
        };
        if let Err(error) = made_ready().await {
            for (_, store) in &opened {
                store.close().await;
            }
            return Err(error);
        }
        Ok(opened)
    }

    /// Begins to take requests once the services of this process are ready.
    async fn gateway(&self, gateway: &Gateway, listener: TcpListener, names: &[&str]) -> Result<(), StartError> {
        let running::Surroundings { config, keys, registry, client, context, .. } = &self.around;
        let (directory, shutdown) = (Directory::default(), &self.entrance);
        let around = Surroundings {
            config,
            keys,
            directory: directory.clone(),
            client: client.clone(),
            context: context.clone(),
            shutdown: shutdown.clone(),
        };
        let server = GatewayServer::new(gateway, around).map_err(ConfigErrors)?;
        let found = directory.clone();
        match registry {
            Some(registry) => {
                shutdown.spawn("registry.watch", found.watch(registry.clone(), client.clone(), shutdown.clone()));
            }
            None => shutdown.spawn("services.look_up", found.keep_fixed(config.services.clone(), shutdown.clone())),
        }
        if !directory.wait_for(names, READY).await {
            tracing::warn!("not all services are ready yet");
        }
        crate::http::serve("gateway", listener, server.router(), shutdown);
        Ok(())
    }

    fn running(self, registry: Shutdown, data: Option<DataFolder>) -> Running {
        let config = &self.around.config;
        Running {
            address: config.listen,
            development: config.is_development(),
            time: config.shutdown_time,
            services: self.services,
            log: self.log,
            entrance: self.entrance,
            registry,
            registry_address: self.around.registry.clone(),
            data,
        }
    }
}

/// What can be said before anything is touched.
fn check(system: &System, config: &Config) -> Result<(), ConfigErrors> {
    let mut mistakes = Vec::new();
    if config.is_development() && !config.listen.ip().is_loopback() {
        let why =
            "development mode hands out tokens to whoever asks: it is refused where others than this machine can ask";
        mistakes.push(format!("MINOS_LISTEN is {}: {why} (MINOS_DEVELOPMENT)", config.listen));
    }
    if !config.is_development() && config.keys.is_none() {
        mistakes.push("MINOS_KEYS is not set: outside of development mode keys are never made up".to_owned());
    }
    mistakes.extend(engines::mistakes(config, system.services.len()));
    let mut names: Vec<_> = system.services.iter().map(|service| service.name).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|it| it[0] == it[1]) {
        mistakes.push(format!("service `{}` is there twice", twice[0]));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(ConfigErrors(mistakes)) }
}

/// The keys of `MINOS_KEYS`, complete for what runs here; nothing where none are configured.
fn given_keys(system: &System, config: &Config) -> Result<Option<Keys>, StartError> {
    let Some(path) = &config.keys else { return Ok(None) };
    let keys = Keys::read(path)?;
    let mut mistakes = Vec::new();
    if !config.is_development() && keys.are_of_development() {
        mistakes.push(format!("`{}` holds keys of development mode; make keys of your own", path.display()));
    }
    for service in &system.services {
        let name = service.name;
        if !keys.registration.contains_key(name) {
            mistakes.push(format!("`{}` lacks `services.{name}`", path.display()));
        } else if keys.messages.get(name).is_none_or(|pair| pair.signing.is_none()) {
            mistakes.push(format!("`{}` lacks a key that signs in `services.{name}.messages`", path.display()));
        }
    }
    if mistakes.is_empty() { Ok(Some(keys)) } else { Err(ConfigErrors(mistakes).into()) }
}

/// Keys of development mode, kept in the data folder.
fn development_keys(system: &System, data: &Path, context: &Context) -> Result<Keys, StartError> {
    let mut names: Vec<&str> = system.services.iter().map(|service| service.name).collect();
    names.extend(system.gateway.iter().flat_map(|gateway| gateway.routes.iter().map(|route| route.subdomain)));
    Ok(Keys::development(&data.join("keys.json"), &names, context)?)
}

/// Serves a registry; says where.
pub(super) fn start_registry(
    listener: TcpListener,
    keys: &Keys,
    config: &Config,
    client: &reqwest::Client,
    context: &Context,
    shutdown: &Shutdown,
) -> Result<SocketAddr, StartError> {
    let address = listener.local_addr().map_err(|error| StartError::Process(error.to_string()))?;
    let registry = Registry::new(context.new_id(), &keys.registration, config.probe_networks.clone());
    registry.serve(listener, client.clone(), shutdown);
    Ok(address)
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, why: error.to_string() })
}

/// Services beside a gateway listen to this machine alone.
fn inside(listen: IpAddr) -> IpAddr {
    if listen.is_ipv6() && listen.is_loopback() { listen } else { IpAddr::V4(Ipv4Addr::LOCALHOST) }
}
