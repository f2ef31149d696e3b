//! The payment provider in a process of its own: `PAYMENTS_LISTEN` (default `127.0.0.1:7080`), `PAYMENTS_FILE` (default
//! `payments.jsonl`).

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use shop_payments::{Book, serve};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let address = std::env::var("PAYMENTS_LISTEN").unwrap_or_else(|_| "127.0.0.1:7080".to_owned());
    let path = PathBuf::from(std::env::var_os("PAYMENTS_FILE").unwrap_or_else(|| "payments.jsonl".into()));
    let book = Book::open(&path)?;
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on `{address}` (PAYMENTS_LISTEN): {error}"))?;
    writeln!(std::io::stdout(), "payments: http://{} (records in {})", listener.local_addr()?, path.display())?;
    let mut term = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    serve(listener, book, stop).await?;
    Ok(())
}
