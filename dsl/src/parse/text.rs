//! Quoted texts: escapes and interpolation.

use super::builder::{Builder, Pair};
use super::grammar::{self, Rule};
use crate::ast::{Expr, ExprKind, Text, TextPart};
use crate::diagnostic::{Diagnostic, syntax};
use crate::source::Span;

/// Brackets inside an interpolation may nest so deep.
const MAX_DEPTH: usize = 4;

impl Builder<'_> {
    /// A text of the grammar, with its quotes.
    pub(super) fn text(&mut self, pair: &Pair<'_>) -> Text {
        let span = self.span(pair);
        let quoted = pair.as_str();
        match quoted.strip_prefix("r\"") {
            Some(rest) => {
                let inner = rest.strip_suffix('"').unwrap_or(rest);
                let parts = if inner.is_empty() { Vec::new() } else { vec![TextPart::Literal(inner.to_owned())] };
                Text { parts, raw: true, span }
            }
            None => {
                let inner = quoted.strip_prefix('"').unwrap_or(quoted);
                let inner = inner.strip_suffix('"').unwrap_or(inner);
                Text { parts: self.parts(inner, span.start + 1), raw: false, span }
            }
        }
    }

    /// A text that must not interpolate.
    pub(super) fn plain_text(&mut self, pair: &Pair<'_>) -> Text {
        let text = self.text(pair);
        if text.parts.iter().any(|part| matches!(part, TextPart::Expr(_))) {
            self.bad_text(text.span, "this text takes no expression", "write a brace that stands for itself as `\\{`");
        }
        text
    }

    fn parts(&mut self, inner: &str, offset: u32) -> Vec<TextPart> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut letters = inner.char_indices();
        while let Some((at, letter)) = letters.next() {
            let place = offset + at as u32;
            match letter {
                '\\' => {
                    let escaped = letters.next().map(|(_, letter)| letter);
                    match escaped {
                        Some('n') => literal.push('\n'),
                        Some('t') => literal.push('\t'),
                        Some(itself @ ('"' | '\\' | '{' | '}')) => literal.push(itself),
                        other => {
                            let length = 1 + other.map_or(0, char::len_utf8) as u32;
                            let span = Span::new(self.file, place, place + length);
                            self.bad_text(
                                span,
                                "unknown escape",
                                "there are `\\n`, `\\t`, `\\\"`, `\\\\`, `\\{` and `\\}`; a raw text `r\"…\"` has none",
                            );
                        }
                    }
                }
                '{' => {
                    let Some(length) = inner[at..].find('}') else {
                        let span = Span::new(self.file, place, place + 1);
                        self.bad_text(
                            span,
                            "`{` is not closed in this text",
                            "write a brace that stands for itself as `\\{`",
                        );
                        return parts;
                    };
                    if !literal.is_empty() {
                        parts.push(TextPart::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(TextPart::Expr(self.interpolated(&inner[at + 1..at + length], place + 1)));
                    letters = inner.char_indices();
                    let _ = letters.by_ref().find(|&(other, _)| other == at + length);
                }
                '}' => {
                    let span = Span::new(self.file, place, place + 1);
                    self.bad_text(
                        span,
                        "`}` opens nothing in this text",
                        "write a brace that stands for itself as `\\}`",
                    );
                }
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            parts.push(TextPart::Literal(literal));
        }
        parts
    }

    fn interpolated(&mut self, text: &str, offset: u32) -> Expr {
        let span = Span::new(self.file, offset, offset + text.len() as u32);
        let depth = text.bytes().filter(|byte| matches!(byte, b'(' | b'[')).count();
        let parsed = if depth > MAX_DEPTH { None } else { grammar::parse(Rule::expr_piece, text).ok() };
        match parsed.and_then(|mut pairs| pairs.next()) {
            Some(pair) => {
                let base = std::mem::replace(&mut self.base, offset);
                let expr = self.expr(pair);
                self.base = base;
                expr
            }
            None => {
                self.bad_text(span, "this is not an expression", "between braces stands one expression, without texts in it; write a brace that stands for itself as `\\{`");
                Expr { kind: ExprKind::Broken, span }
            }
        }
    }

    fn bad_text(&mut self, span: Span, message: &str, hint: &str) {
        self.report(Diagnostic::new(&syntax::BAD_TEXT, span, message).hint(hint));
    }
}
