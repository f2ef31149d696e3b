//! Logs: to stderr, for people on a terminal or as one JSON object a line; each with the trace id of the request, message or
//! saga that it belongs to, through the span that the work runs in.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::context::{Context, Meta};

/// Begins logging. Does nothing where logging has begun already (in tests, in a host of its own).
pub fn begin(config: &Config) {
    let filter = EnvFilter::try_new(&config.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let format = config.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Text => builder.with_ansi(terminal).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
}

/// The span of a piece of work of a service: whatever is logged within carries the trace id.
pub fn span(service: &str, meta: &Meta) -> tracing::Span {
    tracing::info_span!("work", service, trace_id = %meta.trace_id)
}

/// The W3C header that says which request this belongs to: `00-<trace>-<span>-01`.
pub fn traceparent(trace_id: &str, context: &Context) -> String {
    let mut span = [0u8; 8];
    context.fill(&mut span);
    span[0] |= 1;
    format!("00-{trace_id}-{:016x}-01", u64::from_be_bytes(span))
}

/// The trace id of a `traceparent` header; `None` where it is not one.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |text: &str, length| text.len() == length && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |text: &str| text.bytes().all(|it| it == b'0');
    let rest_fits = version != "00" || parts.next().is_none();
    let fits = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && rest_fits;
    (fits && !zero(trace) && !zero(span)).then_some(trace)
}

/// A new trace id.
pub fn new_trace_id(context: &Context) -> String {
    context.new_id().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_through_the_header() {
        let context = Context::system();
        let id = new_trace_id(&context);
        assert_eq!(trace_id(&traceparent(&id, &context)), Some(id.as_str()));
    }

    #[test]
    fn what_is_no_trace_is_left_out() {
        let zeros = format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16));
        let upper = format!("00-{}-{}-01", "A".repeat(32), "1".repeat(16));
        for text in ["", "00", "00-a-b-01", zeros.as_str(), upper.as_str(), "ff-x", "\u{fc}"] {
            assert_eq!(trace_id(text), None, "{text}");
        }
    }
}
