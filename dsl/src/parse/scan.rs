//! Cuts a text into words, numbers, texts, brackets and signs, and keeps the comments aside.
//!
//! It knows just enough of the language to find pieces in it: what is inside a text or a comment is not a bracket.

use crate::ast::Comment;
use crate::diagnostic::{Diagnostic, Diagnostics, syntax};
use crate::source::{SourceId, Span};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// Begins with a digit.
    Number,
    /// `"…"` or `r"…"`
    Text,
    /// `(`, `[` or `{`
    Open(u8),
    /// `)`, `]` or `}`
    Close(u8),
    /// An operator or other sign.
    Sign,
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A text, cut up.
pub(super) struct Scanned {
    pub(super) tokens: Vec<Token>,
    pub(super) comments: Vec<Comment>,
    /// The text with its comments blanked; every byte keeps its place.
    pub(super) clean: Vec<u8>,
    /// Places of faults that were reported here: pieces that hold one are not reported again.
    pub(super) faults: Vec<u32>,
}

/// Signs of more than one character, the longest first.
const LONG_SIGNS: [&[u8]; 11] = [b"..=", b"..", b"->", b"=>", b"==", b"!=", b"<=", b">=", b"??", b"?.", b".*"];

/// Signs that mean nothing in the language.
const FOREIGN: &[u8] = b"#$&'@;\\^`|~";

/// The length of a run of foreign signs.
fn foreign_length(text: &str) -> usize {
    let foreign = |letter: char| match u8::try_from(letter) {
        Ok(byte) if byte.is_ascii() => {
            FOREIGN.contains(&byte) || (byte.is_ascii_control() && !byte.is_ascii_whitespace())
        }
        _ => true,
    };
    let end = text.find(|letter| !foreign(letter)).unwrap_or(text.len());
    end.max(text.chars().next().map_or(0, char::len_utf8))
}

fn foreign(sign: &str, span: Span) -> Diagnostic {
    let hint = match sign {
        ";" => "declarations and statements need nothing between them",
        "&&" | "&" => "write `and`",
        "||" | "|" => "write `or`",
        "'" => "a text is written in double quotes",
        _ if sign.chars().all(char::is_alphanumeric) => {
            "names are made of ASCII letters, digits and `_`; texts stand in quotes"
        }
        _ => "remove it",
    };
    let shown: String = sign.chars().take(20).collect();
    Diagnostic::new(&syntax::UNEXPECTED, span, format!("`{}` means nothing here", shown.escape_debug())).hint(hint)
}

/// Scans a text; a text that is not closed is reported.
pub(super) fn scan(file: SourceId, text: &str, diagnostics: &mut Diagnostics) -> Scanned {
    let bytes = text.as_bytes();
    let mut scanned = Scanned {
        tokens: Vec::with_capacity(bytes.len() / 5),
        comments: Vec::new(),
        clean: bytes.to_vec(),
        faults: Vec::new(),
    };
    let mut at = 0;
    let mut angles = Angles::default();
    while at < bytes.len() {
        let start = at;
        let kind = match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = line_end(bytes, at);
                let doc = bytes[start..at].starts_with(b"///") && !bytes[start..at].starts_with(b"////");
                scanned.comments.push(Comment { span: Span::new(file, start as u32, at as u32), doc });
                scanned.clean[start..at].fill(b' ');
                continue;
            }
            b'"' => text_token(file, text, &mut at, false, &mut scanned.faults, diagnostics),
            b'r' if bytes.get(at + 1) == Some(&b'"') => {
                at += 1;
                text_token(file, text, &mut at, true, &mut scanned.faults, diagnostics)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                at = word_end(bytes, at);
                Kind::Word
            }
            b'0'..=b'9' => {
                at = number_end(bytes, at);
                Kind::Number
            }
            bracket @ (b'(' | b'[' | b'{') => {
                at += 1;
                Kind::Open(bracket)
            }
            bracket @ (b')' | b']' | b'}') => {
                at += 1;
                Kind::Close(bracket)
            }
            byte if byte.is_ascii_graphic() && !FOREIGN.contains(&byte) => {
                at += LONG_SIGNS.iter().find(|sign| bytes[at..].starts_with(sign)).map_or(1, |sign| sign.len());
                Kind::Sign
            }
            _ => {
                at += foreign_length(&text[at..]);
                let span = Span::new(file, start as u32, at as u32);
                let same_line = scanned.faults.last().is_some_and(|&fault| !text[fault as usize..start].contains('\n'));
                if !same_line {
                    diagnostics.push(foreign(&text[start..at], span));
                }
                scanned.clean[start..at].fill(b' ');
                scanned.faults.push(start as u32);
                continue;
            }
        };
        let token = Token { kind, start: start as u32, end: at as u32 };
        if angles.too_deep(text, token, scanned.tokens.last()) {
            scanned.clean[start..at].fill(b' ');
            scanned.faults.push(token.start);
            angles.report(file, token, diagnostics);
            continue;
        }
        scanned.tokens.push(token);
    }
    scanned
}

/// Types may nest so deep; the grammar recurses through their angle brackets.
const MAX_TYPE_DEPTH: u32 = 16;

/// Counts `list<`, `set<`, `map<`.
#[derive(Default)]
struct Angles {
    depth: u32,
    reported: bool,
}

impl Angles {
    fn too_deep(&mut self, text: &str, token: Token, last: Option<&Token>) -> bool {
        match (&text[token.start as usize..token.end as usize], token.kind) {
            ("<", _)
                if last.is_some_and(|last| {
                    matches!(&text[last.start as usize..last.end as usize], "list" | "set" | "map")
                }) =>
            {
                self.depth += 1;
                self.depth > MAX_TYPE_DEPTH
            }
            (">", _) => {
                self.depth = self.depth.saturating_sub(1);
                false
            }
            (_, Kind::Open(b'{') | Kind::Close(b'}')) => {
                *self = Angles::default();
                false
            }
            _ => false,
        }
    }

    fn report(&mut self, file: SourceId, token: Token, diagnostics: &mut Diagnostics) {
        if !std::mem::replace(&mut self.reported, true) {
            let span = Span::new(file, token.start, token.end);
            let message = format!("types nest deeper than {MAX_TYPE_DEPTH}");
            diagnostics
                .push(Diagnostic::new(&syntax::TOO_DEEP, span, message).hint("name the inner types: `type Inner = …`"));
        }
    }
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| from + length)
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    bytes[from..].iter().position(|byte| !is_word(byte)).map_or(bytes.len(), |length| from + length)
}

/// Digits, and a point only where a digit follows: `1..=5` begins with the number `1`.
fn number_end(bytes: &[u8], from: usize) -> usize {
    let end = word_end(bytes, from);
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'.'), Some(next)) if next.is_ascii_digit() => word_end(bytes, end + 1),
        _ => end,
    }
}

/// Moves past a text whose opening quote is at `at`. A text ends on its line, so that a forgotten quote costs one line.
fn text_token(
    file: SourceId,
    text: &str,
    at: &mut usize,
    raw: bool,
    faults: &mut Vec<u32>,
    diagnostics: &mut Diagnostics,
) -> Kind {
    let bytes = text.as_bytes();
    let start = *at;
    *at += 1;
    while let Some(&byte) = bytes.get(*at) {
        match byte {
            b'"' => {
                *at += 1;
                return Kind::Text;
            }
            b'\n' => break,
            b'\\' if !raw && bytes.get(*at + 1).is_some_and(|&next| next != b'\n') => *at += 2,
            _ => *at += 1,
        }
    }
    *at = (*at).min(bytes.len());
    faults.push(start as u32);
    let span = Span::new(file, start as u32, *at as u32);
    diagnostics.push(
        Diagnostic::new(&syntax::UNCLOSED_TEXT, span, "the text is not closed on its line")
            .at("begins here")
            .hint("close it with `\"`; inside a text write a quote as `\\\"` and a line break as `\\n`"),
    );
    Kind::Text
}
