//! A registry in a process of its own, for systems whose services run in processes of their own.

use std::io::Write as _;
use std::process::ExitCode;

use super::running::{bind, start_registry};
use super::signals::Signals;
use super::{StartError, failed};
use crate::config::{Config, ConfigErrors};
use crate::context::Context;
use crate::shutdown::Shutdown;
use crate::token::keys::Keys;

/// Runs a registry at `listen` until the process is told to stop: the whole of a `main`. It knows the names of the services whose
/// credentials the key file holds, and keeps nothing: after a restart the services register again within seconds.
pub fn run_registry(config: &Config) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    crate::telemetry::begin(config);
    match runtime.block_on(serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn serve(config: &Config) -> Result<(), StartError> {
    let Some(path) = &config.keys else {
        let why = "MINOS_KEYS is not set: the registry would know nobody's name; `minos keys` makes a file of keys";
        return Err(ConfigErrors(vec![why.to_owned()]).into());
    };
    let keys = Keys::read(path)?;
    if !config.is_development() && keys.are_of_development() {
        let why = format!("`{}` holds keys of development mode; make keys of your own", path.display());
        return Err(ConfigErrors(vec![why]).into());
    }
    let process = |error: &dyn std::fmt::Display| StartError::Process(error.to_string());
    let mut signals = Signals::listen().map_err(|error| process(&error))?;
    let client = crate::http::client(config.request_time).map_err(|error| process(&error))?;
    let shutdown = Shutdown::new();
    let address = start_registry(bind(config.listen).await?, &keys, config, &client, &Context::system(), &shutdown)?;
    tracing::info!(%address, services = ?keys.registration.keys().collect::<Vec<_>>(), "registry");
    // Nobody listens: that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "registry: http://{address}");
    let signal = signals.next().await;
    tracing::info!(signal, "stopping");
    shutdown.finish(config.shutdown_time).await;
    Ok(())
}
