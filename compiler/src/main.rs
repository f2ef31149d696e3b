//! The command line.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

mod cli;
#[cfg(feature = "operate")]
mod operate;

/// What to try where a command is not known that another build knows.
const OPERATE: &str = "`keys`, `registry` and `operator` are in a `minos` that is built with the feature `operate`";

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if cfg!(not(feature = "operate")) && error.kind() == ErrorKind::InvalidSubcommand => {
            // Nobody listens: that is no reason to say no more.
            drop(error.print());
            return ExitCode::from(cli::complain(&OPERATE, cli::USAGE));
        }
        Err(error) => error.exit(),
    };
    ExitCode::from(cli::run(&arguments))
}
