//! The gateway alone.

use minos_runtime::system::System;

fn main() -> std::process::ExitCode {
    System::new("gateway").gateway(shop_gateway::gateway()).run()
}
