//! A request's body, read as a whole, up to a limit.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;

use super::Problem;

/// Reads a body.
///
/// # Errors
/// 413 where it is longer than `limit` bytes, 400 where it breaks off or is not framed as HTTP frames it.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    let mut first = Bytes::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "a body could not be read");
            Problem::new(StatusCode::BAD_REQUEST, "Malformed", "the body broke off, or is not framed rightly")
        })?;
        if first.len() + whole.len() + chunk.len() > limit {
            let detail = format!("the body is longer than {limit} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Malformed", detail));
        }
        // Most bodies are one chunk, which is passed on as it came.
        if first.is_empty() && whole.is_empty() {
            first = chunk;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(chunks: &[&'static str], limit: usize) -> Result<Bytes, Problem> {
        let chunks: Vec<_> =
            chunks.iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes()))).collect();
        read(Body::from_stream(futures_util::stream::iter(chunks)), limit).await
    }

    #[tokio::test]
    async fn chunks_are_joined_up_to_the_limit() {
        assert_eq!(of(&[], 4).await.unwrap(), "");
        assert_eq!(of(&["abcd"], 4).await.unwrap(), "abcd");
        assert_eq!(of(&["a", "", "b", "cd"], 4).await.unwrap(), "abcd");
        assert_eq!(of(&["abcd", "e"], 4).await.unwrap_err().status, 413);
        assert_eq!(of(&["abcde"], 4).await.unwrap_err().status, 413);
    }

    #[tokio::test]
    async fn one_that_breaks_off_is_malformed() {
        let chunks = [Ok(Bytes::from_static(b"a")), Err(std::io::Error::other("cut"))];
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        assert_eq!(read(body, 4).await.unwrap_err().status, 400);
    }
}
