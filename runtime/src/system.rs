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
//!
//! Gateway and services talk over HTTP on loopback, services with each other by the log alone, as if they ran in processes
//! of their own. All they share is the data folder, the log file in it, and this process.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, ConfigErrors};
use crate::gateway::Gateway;
use crate::service::Service;

mod data;
mod engines;
mod registry;
mod running;
mod signals;

pub use registry::run_registry;
pub use running::Running;

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

    /// Runs until the process is told to stop (SIGINT, SIGTERM; a second time: at once); configuration from the environment, logs
    /// to stderr. The whole of a `main`.
    pub fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        match runtime {
            Ok(runtime) => {
                let code = runtime.block_on(self.serve());
                runtime.shutdown_background();
                code
            }
            Err(error) => failed(&error),
        }
    }

    /// As [`System::run`], inside of a tokio runtime that is there already.
    pub async fn serve(mut self) -> ExitCode {
        let config = match Config::from_env() {
            Ok(config) => config,
            Err(errors) => return failed(&errors),
        };
        crate::telemetry::begin(&config);
        if let Some(fault) = config.fault {
            fault.arm();
        }
        let mut signals = match signals::Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return failed(&error),
        };
        let on_ready = self.on_ready.take();
        let running = tokio::select! {
            started = self.start(config) => match started {
                Ok(running) => running,
                Err(error) => return failed(&error),
            },
            signal = signals.next() => {
                tracing::info!(signal, "stopped before all had started");
                return ExitCode::FAILURE;
            }
        };
        if let Some(hook) = on_ready {
            hook(&running);
        }
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
        tokio::select! {
            () = running.stop() => ExitCode::SUCCESS,
            signal = signals.next() => {
                tracing::warn!(signal, "stopped at once");
                ExitCode::FAILURE
            }
        }
    }

    /// Starts everything, and returns when it is ready. Does not call the hook of [`System::on_ready`].
    ///
    /// # Errors
    /// Why it cannot run. What had started is stopped again.
    pub async fn start(self, config: Config) -> Result<Running, StartError> {
        Running::start(self, config).await
    }
}

/// Runs one service alone.
pub fn run(service: Service) -> ExitCode {
    System::new(service.name).service(service).run()
}

/// Says on stderr why it cannot run: also where logging has not begun, or is for machines.
fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
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
    /// Keys cannot be used.
    #[error(transparent)]
    Keys(#[from] crate::token::keys::KeysError),
    /// The log between services cannot be used.
    #[error("the log `{place}` cannot be used: {why}")]
    Log {
        /// Its file, or the brokers.
        place: String,
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
    /// Anything else that the process needs and does not get.
    #[error("{0}")]
    Process(String),
}

impl StartError {
    fn data(folder: &Path, why: impl Into<String>) -> Self {
        Self::Data { folder: folder.to_owned(), why: why.into() }
    }
}
