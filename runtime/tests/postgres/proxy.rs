//! A proxy that cuts a connection at a chosen request: before the server has it, or after, before its answer.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never gets the request.
    Before,
    /// The server has done what was asked; its answer is lost.
    After,
}

/// The next cut, and the bytes of the request that it is for.
type Next = Arc<Mutex<Option<(Cut, Vec<u8>)>>>;

/// A proxy before a server of this machine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    next: Next,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(Mutex::new(None));
        tokio::spawn({
            let next = Arc::clone(&next);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                    tokio::spawn(carry(client, server, Arc::clone(&next)));
                }
            }
        });
        Self { port, next }
    }

    /// Cuts the connection on which the next request with these bytes in it comes; once.
    pub(crate) fn cut(&self, when: Cut, at: &[u8]) {
        *self.next.lock().unwrap() = Some((when, at.to_vec()));
    }

    /// Whether it has cut.
    pub(crate) fn has_cut(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

async fn carry(client: TcpStream, server: TcpStream, next: Next) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let swallow = Arc::new(Mutex::new(false));
    let answers = tokio::spawn(answers(from_server, to_client, Arc::clone(&swallow)));
    requests(from_client, to_server, next, swallow).await;
    answers.abort(); // both halves go: the connection is cut
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, next: Next, swallow: Arc<Mutex<bool>>) {
    let mut buffer = vec![0; 1 << 20];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let request = &buffer[..count];
        let cut = {
            let mut next = next.lock().unwrap();
            let hit = next.as_ref().is_some_and(|(_, at)| request.windows(at.len()).any(|bytes| bytes == at));
            if hit { next.take().map(|(cut, _)| cut) } else { None }
        };
        match cut {
            Some(Cut::Before) => return,
            Some(Cut::After) => *swallow.lock().unwrap() = true,
            None => {}
        }
        if to.write_all(request).await.is_err() {
            return;
        }
        if cut == Some(Cut::After) {
            // The answer is swallowed by the other half; the server has committed by then.
            while *swallow.lock().unwrap() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallow: Arc<Mutex<bool>>) {
    let mut buffer = vec![0; 1 << 20];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        if std::mem::take(&mut *swallow.lock().unwrap()) {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
