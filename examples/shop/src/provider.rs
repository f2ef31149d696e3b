//! A payment provider of our own, where none is configured.

use std::path::Path;

use reqwest::Url;
use shop_payments::{Book, serve};

/// Starts a provider in this process, on a free port of loopback, with its records in `data`. It ends with the process.
pub(crate) async fn start(data: &Path) -> Result<Url, Box<dyn std::error::Error>> {
    let book = Book::open(&data.join("payments.jsonl"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
    tokio::spawn(serve(listener, book, std::future::pending()));
    Ok(url)
}
