//! A process: the services that run in it, the gateway, and a registry where none of its own is configured.
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     System::new("shop")
//!         .service(customers::service())
//!         .service(catalog::service())
//!         .service(orders::service(payments, mailer))
//!         .gateway(gateway::gateway())
//!         .on_ready(|running| println!("http://{}", running.address()))
//!         .run()
//! }
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, ConfigErrors};
use crate::gateway::Gateway;
use crate::service::Service;

/// What is called when everything runs.
type Hook = Box<dyn FnOnce(&Running) + Send>;

/// What one process runs.
pub struct System {
    name: &'static str,
    services: Vec<Service>,
    gateway: Option<Gateway>,
    on_ready: Option<Hook>,
}

impl System {
    /// A process of the system `name` that runs nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, services: Vec::new(), gateway: None, on_ready: None }
    }

    /// Adds a service.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Sets the gateway.
    #[must_use]
    pub fn gateway(mut self, gateway: Gateway) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// Calls `hook` when everything runs: to print where.
    #[must_use]
    pub fn on_ready(mut self, hook: impl FnOnce(&Running) + Send + 'static) -> Self {
        self.on_ready = Some(Box::new(hook));
        self
    }

    /// Runs until the process is told to stop (SIGINT, SIGTERM); configuration from the environment, logs to stderr. The
    /// whole of a `main`.
    pub fn run(self) -> ExitCode {
        ExitCode::FAILURE
    }

    /// As [`System::run`], inside of a tokio runtime that is there already.
    pub async fn serve(self) -> ExitCode {
        let _ = (self.name, &self.services, &self.gateway, &self.on_ready);
        ExitCode::FAILURE
    }

    /// Starts everything, and returns when it is ready.
    ///
    /// # Errors
    /// Why it cannot run. What had started is stopped again.
    pub async fn start(self, _config: Config) -> Result<Running, StartError> {
        Err(StartError::Service { service: self.name.to_owned(), why: "not wired yet".to_owned() })
    }
}

/// Runs one service alone.
pub fn run(service: Service) -> ExitCode {
    System::new(service.name).service(service).run()
}

/// A system that runs.
pub struct Running {
    address: SocketAddr,
    data: PathBuf,
    development: bool,
}

impl Running {
    /// Where the gateway (or a service alone) listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that holds everything that is kept.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Whether `POST /dev/tokens` hands out tokens.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// Stops in order: not ready, unregistered, no more intake, drained, flushed, closed.
    pub async fn stop(self) {}
}

/// Why a system could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The data folder cannot be used.
    #[error("the data folder `{}` {why}", .folder.display())]
    Data {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {why}; set MINOS_LISTEN to another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: String,
    },
    /// A service cannot start.
    #[error("service `{service}` cannot start: {why}")]
    Service {
        /// Its name.
        service: String,
        /// Why.
        why: String,
    },
}
