//! The whole shop in one process: three services, the gateway, the registry; and a payment provider where `PAYMENTS_URL` names
//! none.

mod provider;

use std::io::Write;
use std::process::ExitCode;

use minos_runtime::config::Config;
use minos_runtime::system::{Running, System};
use shop_orders::{HttpMailer, HttpPayments, provider_url};

#[tokio::main]
async fn main() -> ExitCode {
    match assemble().await {
        Ok(system) => system.serve().await,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn assemble() -> Result<System, Box<dyn std::error::Error>> {
    let config = Config::from_env()?;
    let payments = match provider_url(&config, "PAYMENTS_URL")? {
        Some(url) => url,
        None => provider::start(&config.data).await?,
    };
    let mail = provider_url(&config, "MAIL_URL")?.unwrap_or_else(|| payments.clone());
    Ok(System::new("shop")
        .service(shop_customers::service())
        .service(shop_catalog::service())
        .service(shop_orders::service(HttpPayments::new(payments), HttpMailer::new(mail)))
        .gateway(shop_gateway::gateway())
        .on_ready(welcome))
}

/// Says where it is and what to try.
fn welcome(running: &Running) {
    let url = format!("http://{}", running.address());
    let data = running.data().map_or_else(String::new, |data| format!("data in {}; ", data.display()));
    let mut text = format!("shop: {url}   ({data}Ctrl-C ends it)\n");
    if running.is_development() {
        text.push_str(&first_steps(&url));
    }
    // Nobody listens: that is no reason to stop.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn first_steps(url: &str) -> String {
    format!(
        r#"
A development token, for a clerk (the body is the claims):
  TOKEN=$(curl -s {url}/dev/tokens -H 'Content-Type: application/json' -d '{{"sub":"clara","roles":["clerk"]}}' | jq -r .token)
Then:
  curl -s {url}/products -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"title":"Pen","price":"2.50","stock":10}}'
  curl -s {url}/products/all
Everything else, step by step: examples/shop/README.md; all of it at once: examples/shop/tour {url}
"#
    )
}
