use super::Expr;
use crate::source::Span;

/// A quoted text: `"{held} of {limit} is in use"`, or raw: `r"[^@]+"`.
#[derive(Debug, Clone)]
pub struct Text {
    /// What it is made of; no part is an empty literal, and no two literals follow each other.
    pub parts: Vec<TextPart>,
    /// True for `r"…"`, which has neither escapes nor interpolation.
    pub raw: bool,
    /// With its quotes.
    pub span: Span,
}

/// A part of a [`Text`].
#[derive(Debug, Clone)]
pub enum TextPart {
    /// Characters, with escapes resolved.
    Literal(String),
    /// `{expression}`.
    Expr(Expr),
}

impl Text {
    /// The characters, where nothing is interpolated.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Literal(text)] => Some(text),
            _ => None,
        }
    }
}
