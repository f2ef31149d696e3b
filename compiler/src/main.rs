//! The command line.

use clap::Parser;

mod cli;
#[cfg(feature = "operate")]
mod operate;

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(cli::run(&cli::Arguments::parse()))
}
