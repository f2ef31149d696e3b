//! The gateway alone: services find it, and it them, by the registry that `MINOS_REGISTRY` names.

use std::io::Write as _;

use minos_runtime::system::System;

fn main() -> std::process::ExitCode {
    System::new("gateway")
        .gateway(shop_gateway::gateway())
        // Nobody listens: that is no reason to stop.
        .on_ready(|running| drop(writeln!(std::io::stdout(), "gateway: http://{}", running.address())))
        .run()
}
