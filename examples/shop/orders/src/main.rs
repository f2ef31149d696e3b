//! This service alone, with the provider that `PAYMENTS_URL` (and `MAIL_URL`) name.

use std::io::Write;
use std::process::ExitCode;

use minos_runtime::config::Config;
use shop_orders::{HttpMailer, HttpPayments, provider_url};

fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    let payments = match provider_url(&config, "PAYMENTS_URL") {
        Ok(Some(url)) => url,
        Ok(None) => return refuse("`PAYMENTS_URL` is not set: where is the payment provider?"),
        Err(error) => return refuse(&error),
    };
    let mail = match provider_url(&config, "MAIL_URL") {
        Ok(url) => url.unwrap_or_else(|| payments.clone()),
        Err(error) => return refuse(&error),
    };
    minos_runtime::system::run(shop_orders::service(HttpPayments::new(payments), HttpMailer::new(mail)))
}

fn refuse(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::FAILURE
}
