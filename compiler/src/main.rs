//! The command line.

use clap::Parser;

mod cli;

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(cli::run(&cli::Arguments::parse()))
}
