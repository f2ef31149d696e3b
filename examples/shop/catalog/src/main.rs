//! This service alone.

fn main() -> std::process::ExitCode {
    minos_runtime::system::run(shop_catalog::service())
}
