//! What runs or looks after a system of services in processes of their own: `minos keys`, `minos registry`, `minos operator`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use minos_compiler::{Compiled, spec};
use minos_runtime::config::Config;
use minos_runtime::context::Context;
use minos_runtime::system::run_registry;
use minos_runtime::token::keys::Keys;

use crate::cli::{FAILED, USAGE, complain, report};

mod operator;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a file of keys for the services of a spec, or add to one what it lacks.
    Keys {
        /// The folder of `.minos` files.
        spec: PathBuf,
        /// The file; only its owner may read it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Run a registry: where services that run in processes of their own find each other.
    Registry(Settings),
    /// See and decide what a service's operator can: `minos operator orders parked`.
    Operator(Box<operator::Request>),
}

/// Settings of a process; the rest comes from the environment.
#[derive(Args)]
pub(crate) struct Settings {
    /// Where to listen (MINOS_LISTEN).
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The file of keys (MINOS_KEYS).
    #[arg(long)]
    keys: Option<PathBuf>,
    /// A file of settings (MINOS_CONFIG).
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Settings {
    fn config(&self) -> Result<Config, String> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let given = [
            ("MINOS_LISTEN", self.listen.map(|it| it.to_string())),
            ("MINOS_KEYS", self.keys.as_ref().map(path)),
            ("MINOS_CONFIG", self.config.as_ref().map(path)),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Config::from_env_and(given).map_err(|errors| errors.to_string())
    }
}

/// Does what is asked for; gives the exit status.
pub(crate) fn run(command: &Command) -> u8 {
    match command {
        Command::Keys { spec, out } => keys(spec, out),
        Command::Registry(settings) => match settings.config() {
            Ok(config) if run_registry(&config) == ExitCode::SUCCESS => 0,
            Ok(_) => FAILED,
            Err(error) => complain(&error, USAGE),
        },
        Command::Operator(request) => operator::run(request),
    }
}

fn keys(folder: &Path, out: &Path) -> u8 {
    let compiled = match spec::read(folder) {
        Ok(sources) => Compiled::check(sources),
        Err(error) => return complain(&error, USAGE),
    };
    let Some(model) = &compiled.model else {
        report(&compiled);
        return FAILED;
    };
    let services: Vec<String> = model.subdomains().map(|it| it.name.to_string()).collect();
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    match Keys::make(out, &services, &Context::system()) {
        Ok(_) => 0,
        Err(error) => complain(&error, FAILED),
    }
}
