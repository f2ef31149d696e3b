//! Where the payment provider is; and one of our own where none is configured.

use std::path::Path;

use minos_runtime::config::Config;
use reqwest::Url;
use shop_payments::{Book, serve};

/// The URL in that variable, if it is set.
pub(crate) fn url(config: &Config, variable: &str) -> Result<Option<Url>, String> {
    let Some(text) = config.environment.get(variable) else { return Ok(None) };
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.host().is_some() => Ok(Some(url)),
        _ => Err(format!("`{variable}` is `{text}`; it must be a URL such as `http://127.0.0.1:7080`")),
    }
}

/// Starts a provider in this process, on a free port of loopback, with its records in `data`. It ends with the process.
pub(crate) async fn start(data: &Path) -> Result<Url, Box<dyn std::error::Error>> {
    let book = Book::open(&data.join("payments.jsonl"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
    tokio::spawn(serve(listener, book, std::future::pending()));
    Ok(url)
}
