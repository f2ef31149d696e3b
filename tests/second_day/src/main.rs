//! The shop built from the second day's spec. With `SECOND_DAY=refused` its customers follow a spec that cannot read what the first day
//! stored.

use std::io::Write as _;
use std::process::ExitCode;

use minos_runtime::config::Config;
use minos_runtime::system::{Running, System};
use second_day_orders::{HttpMailer, HttpPayments, provider_url};

#[tokio::main]
async fn main() -> ExitCode {
    match assemble() {
        Ok(system) => system.serve().await,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn assemble() -> Result<System, Box<dyn std::error::Error>> {
    let config = Config::from_env()?;
    let payments = provider_url(&config, "PAYMENTS_URL")?.ok_or("PAYMENTS_URL is not set")?;
    let mail = provider_url(&config, "MAIL_URL")?.unwrap_or_else(|| payments.clone());
    let customers = match std::env::var("SECOND_DAY").as_deref() {
        Ok("refused") => second_day_refused::service(),
        _ => second_day_customers::service(),
    };
    Ok(System::new("shop")
        .service(shop_catalog::service())
        .service(second_day_orders::service(HttpPayments::new(payments), HttpMailer::new(mail)))
        .service(customers)
        .gateway(second_day_gateway::gateway())
        .on_ready(welcome))
}

fn welcome(running: &Running) {
    // Nobody listens: that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "shop: http://{}", running.address());
}
