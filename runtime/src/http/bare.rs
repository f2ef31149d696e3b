//! What is no HTTP is refused below every router, by hyper itself: with a status and no body. This gives such a refusal its body,
//! so that every refusal is a problem of RFC 9457.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::problem::MEDIA_TYPE;

/// A connection on which bare refusals become problems.
pub(super) struct Explained<S> {
    stream: S,
    /// A refusal under way, and how much of it is written.
    refusal: Vec<u8>,
    written: usize,
}

impl<S> Explained<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, refusal: Vec::new(), written: 0 }
    }
}

/// The refusal with a body, where `bytes` are a whole one without: no answer of ours is an error and empty.
fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
    let status =
        StatusCode::from_bytes(head.get(..3)?).ok().filter(|it| it.is_client_error() || it.is_server_error())?;
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    if !head.to_ascii_lowercase().contains("\r\ncontent-length: 0") {
        return None;
    }
    let detail = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the request's head is longer, or has more headers, than is taken"
        }
        StatusCode::URI_TOO_LONG => "the path is too long",
        StatusCode::HTTP_VERSION_NOT_SUPPORTED => "this version of HTTP is not spoken here",
        _ => "this is no request of HTTP/1.1",
    };
    let (code, title) = (status.as_u16(), status.canonical_reason().unwrap_or_default());
    let body = format!(
        r#"{{"type":"urn:minos:problem:Malformed","title":"{title}","status":{code},"detail":"{detail}","error":"Malformed"}}"#
    );
    let rest = head.split("\r\n").skip(1).filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
    let rest: String = rest.map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    Some(
        format!(
            "HTTP/1.1 {code} {title}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {length}\r\n{rest}\r\n{body}"
        )
        .into_bytes(),
    )
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    /// Writes what is left of a refusal.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.refusal.len() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.refusal[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        Poll::Ready(Ok(()))
    }

    /// Begins a refusal where `bytes` are a bare one: they count as written, it follows with the next flush.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        // Cheap for all that is no error: `HTTP/1.1 4…`, `HTTP/1.1 5…`.
        if !matches!(bytes.get(9), Some(b'4' | b'5')) {
            return false;
        }
        let Some(refusal) = explained(bytes) else { return false };
        (self.refusal, self.written) = (refusal, 0);
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(context))?;
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(context))?;
        if let [only] = buffers
            && self.takes(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn sent(bytes: &[u8]) -> String {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let mut ours = Explained::new(ours);
        ours.write_all(bytes).await.unwrap();
        ours.shutdown().await.unwrap();
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_bare_refusal_becomes_a_problem() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        let text = sent(bare.as_bytes()).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(
            head.contains("content-type: application/problem+json") && head.contains("connection: close"),
            "{head}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["detail"].is_string());
    }

    #[tokio::test]
    async fn all_else_passes_as_it_is() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "some 4 bytes of a body",
            "",
        ] {
            assert_eq!(sent(text.as_bytes()).await, text);
        }
    }
}
