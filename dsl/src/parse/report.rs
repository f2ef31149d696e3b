//! What cannot be read, in the user's words.

use super::builder::{Builder, Piece};
use super::grammar::Refusal;
use super::place::{Place, STATEMENTS, is_later};
use super::scan::Kind;
use super::split::Start;
use crate::ast::{Broken, Ident, Noun};
use crate::diagnostic::{Diagnostic, syntax};
use crate::suggest::nearest;

impl Builder<'_> {
    /// A declaration that could not be read; its name is the second word.
    pub(super) fn broken(&self, noun: Noun, piece: Piece) -> Broken {
        let named = match noun {
            Noun::Field | Noun::Identity | Noun::Operation | Noun::Part => piece.first,
            _ => piece.first + 1,
        };
        let known = Place::ALL.iter().flat_map(|place| place.words()).map(|(word, ..)| *word);
        let known: Vec<&str> = known.chain(["fn"]).collect();
        let named = self.tokens.name_at(named);
        let mut words = (named..piece.end.min(named + 2)).take_while(|&at| self.tokens.kind(at) == Some(Kind::Word));
        let name = words.find(|&at| at == piece.first || !known.contains(&self.tokens.str(at)));
        let name = name.map(|at| Ident { text: self.tokens.str(at).into(), span: self.token_span(at) });
        Broken { noun, name, span: self.place(piece) }
    }

    /// Reports a piece that the grammar refused at a token.
    pub(super) fn refused(&mut self, piece: Piece, at: usize, refusal: &Refusal, place: Option<Place>) {
        if self.has_fault(piece) {
            return;
        }
        let word = self.tokens.str(at);
        if at < piece.end && is_later(word) && self.not_available(at) {
            return;
        }
        if at < piece.end && (at == piece.first || refusal.end) && self.tokens.kind(at) == Some(Kind::Word) {
            return self.unknown_word(at, place, &refusal.expected);
        }
        let expected = any_of(&refusal.expected);
        let found = self.found(at);
        let tells = !refusal.end && !expected.is_empty() && refusal.expected.len() <= 4;
        let message = if tells { format!("expected {expected}, found {found}") } else { format!("unexpected {found}") };
        let here = if at < piece.end { self.token_span(at) } else { self.place(piece).after() };
        let mut diagnostic = Diagnostic::new(&syntax::UNEXPECTED, here, message);
        if at < piece.end && self.tokens.kind(at) == Some(Kind::Word) {
            let candidates = refusal.expected.iter().filter_map(|words| as_word(words));
            if is_reserved(word) {
                diagnostic = diagnostic.hint(format!("`{word}` is a word of the language and cannot be a name"));
            } else if let Some(meant) = nearest(word, candidates) {
                diagnostic = diagnostic.hint(format!("did you mean `{meant}`?"));
            }
        } else if !tells && !expected.is_empty() {
            diagnostic = diagnostic.hint(format!("here could stand {expected}"));
        }
        if at >= piece.end {
            diagnostic = diagnostic.at(format!("{} ends here", self.called(piece)));
        } else if refusal.expected == ["`)`", "`,`"]
            || (refusal.expected.contains(&"`,`") && refusal.expected.contains(&"`)`"))
        {
            diagnostic = diagnostic.at("perhaps a `,` or `)` is missing before this");
        }
        self.report(diagnostic);
    }

    /// Reports what stands after the end of a member, up to the next one.
    pub(super) fn leftover(&mut self, rest: Piece, place: Option<Place>, expected: &[&'static str]) {
        self.leftovers.push(self.broken(Noun::Unknown, rest));
        if self.has_fault(rest) {
            return;
        }
        let at = rest.first;
        let inner = (at..rest.end.min(at + 2)).find(|&at| is_later(self.tokens.str(at)));
        if inner.is_some_and(|at| self.not_available(at)) {
            return;
        }
        if self.tokens.kind(at) == Some(Kind::Word) {
            return self.unknown_word(at, place, expected);
        }
        let message = format!("unexpected {}", self.found(at));
        self.report(Diagnostic::new(&syntax::UNEXPECTED, self.token_span(at), message));
    }

    /// Reports a word that begins nothing where it stands.
    fn unknown_word(&mut self, at: usize, place: Option<Place>, expected: &[&'static str]) {
        let word = self.tokens.str(at);
        let span = self.token_span(at);
        let begun = place.map_or(&[] as &[_], Place::words).iter().find(|(name, ..)| *name == word);
        if let Some((_, _, next)) = begun {
            let message = format!("expected {} after `{word}`, found {}", next.as_str(), self.found(at + 1));
            self.report(Diagnostic::new(&syntax::UNEXPECTED, span, message));
            return;
        }
        let home =
            Place::ALL.iter().find(|home| Some(**home) != place && home.words().iter().any(|(name, ..)| *name == word));
        let here = place.map_or("here".to_owned(), |place| format!("in {}", place.as_str()));
        let words = place.map_or(&[] as &[_], Place::words).iter().map(|(name, ..)| *name);
        let words = words.chain(expected.iter().filter_map(|words| as_word(words)));
        let meant = nearest(word, words.chain(if place.is_none() { &STATEMENTS[..] } else { &[] }.iter().copied()));
        let diagnostic = match (meant, home) {
            (Some(meant), _) => Diagnostic::new(&syntax::UNKNOWN_WORD, span, format!("`{word}` begins nothing {here}"))
                .hint(format!("did you mean `{meant}`?")),
            (None, Some(home)) => Diagnostic::new(&syntax::UNKNOWN_WORD, span, format!("`{word}` cannot stand {here}"))
                .hint(format!("it belongs in {}", home.as_str())),
            (None, None) if is_reserved(word) => {
                Diagnostic::new(&syntax::UNEXPECTED, span, format!("unexpected `{word}`"))
            }
            (None, None) => {
                let words: Vec<String> =
                    place.map_or(&[] as &[_], Place::words).iter().map(|(name, ..)| format!("`{name}`")).collect();
                let diagnostic =
                    Diagnostic::new(&syntax::UNKNOWN_WORD, span, format!("`{word}` begins nothing {here}"));
                if words.is_empty() {
                    diagnostic
                } else {
                    diagnostic.hint(format!("here may begin {}", words.join(", ")))
                }
            }
        };
        self.report(diagnostic);
    }

    /// Reports a feature to come; true, so that it reads well in conditions.
    pub(super) fn not_available(&mut self, at: usize) -> bool {
        let word = self.tokens.str(at);
        let span = self.token_span(at);
        self.report(
            Diagnostic::new(&syntax::NOT_AVAILABLE, span, format!("`{word}` is not available yet"))
                .hint("this compiler knows the word and cannot do it yet; leave it out for now"),
        );
        true
    }

    /// A member that is not available yet: reported, kept as a declaration.
    pub(super) fn later(&mut self, start: Start, piece: Piece) -> Broken {
        self.not_available(piece.first);
        self.broken(start.noun, piece)
    }

    fn found(&self, at: usize) -> String {
        match self.tokens.tokens.get(at) {
            None => "the end of the file".to_owned(),
            Some(token) => {
                let text: String = self.tokens.str(at).chars().take(40).collect();
                match token.kind {
                    Kind::Text => format!("the text {text}"),
                    _ => format!("`{text}`"),
                }
            }
        }
    }

    /// What a piece is, as its first two words say.
    fn called(&self, piece: Piece) -> String {
        let words = (piece.first..piece.end.min(piece.first + 2)).map(|at| self.tokens.str(at));
        let words: Vec<&str> = words.filter(|word| *word != ":").collect();
        format!("`{}`", words.join(" "))
    }
}

/// The word in "`word`"; `None` for signs and descriptions.
pub(super) fn as_word(words: &str) -> Option<&str> {
    words
        .strip_prefix('`')?
        .strip_suffix('`')
        .filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()))
}

/// "a command", "an event".
pub(super) fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// "`a`, `b` or `c`".
fn any_of(expected: &[&str]) -> String {
    match expected {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Words that are never names.
pub(super) fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "not"
            | "in"
            | "is"
            | "if"
            | "else"
            | "match"
            | "true"
            | "false"
            | "absent"
            | "now"
            | "caller"
            | "self"
    )
}
