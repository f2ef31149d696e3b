//! Finds where members and statements begin.
//!
//! Members have no separators: each begins with a word that only a member can begin with there, or with `name:`. The scanner's
//! tokens are enough to tell; what stands before the first one, or after the end of one, belongs to the piece before it.

use super::scan::{Kind, Token};
use super::words::WORDS;
use crate::ast::Noun;
use crate::suggest::nearest;

/// What holds the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Shared,
    Caller,
    Subdomain,
    Aggregate,
    View,
    Saga,
    Port,
    Gateway,
}

impl Place {
    /// As it is called in messages.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Place::File => "a file",
            Place::Shared => "`shared`",
            Place::Caller => "`caller`",
            Place::Subdomain => "a subdomain",
            Place::Aggregate => "an aggregate",
            Place::View => "a view",
            Place::Saga => "a saga",
            Place::Port => "a port",
            Place::Gateway => "the gateway",
        }
    }

    /// Every place, from the outside to the inside.
    pub(super) const ALL: [Place; 9] = [
        Place::File,
        Place::Shared,
        Place::Caller,
        Place::Subdomain,
        Place::Aggregate,
        Place::View,
        Place::Saga,
        Place::Port,
        Place::Gateway,
    ];

    /// The words that begin a member there.
    pub(super) fn words(self) -> &'static [(&'static str, Noun, Next)] {
        use Next::{Brace, Name, NameThenColon, NameThenEq, Text};
        match self {
            Place::File => &[
                ("system", Noun::System, Name),
                ("shared", Noun::Shared, Brace),
                ("caller", Noun::Caller, Brace),
                ("subdomain", Noun::Subdomain, Name),
                ("gateway", Noun::Gateway, Brace),
            ],
            Place::Shared => &[("type", Noun::Type, Name), ("value", Noun::Value, Name), ("enum", Noun::Enum, Name)],
            Place::Caller => &[("roles", Noun::Roles, Name)],
            Place::Subdomain => &[
                ("type", Noun::Type, Name),
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
                ("error", Noun::Error, Name),
                ("aggregate", Noun::Aggregate, Name),
                ("view", Noun::View, Name),
                ("saga", Noun::Saga, Name),
                ("policy", Noun::Policy, Name),
                ("port", Noun::Port, Name),
            ],
            Place::Aggregate => &[
                ("let", Noun::Let, NameThenEq),
                ("lifecycle", Noun::Lifecycle, Name),
                ("state", Noun::State, Name),
                ("create", Noun::Create, Name),
                ("command", Noun::Command, Name),
                ("timer", Noun::Timer, Name),
                ("event", Noun::Event, Name),
                ("error", Noun::Error, Name),
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
            ],
            Place::View => &[
                ("key", Noun::Key, NameThenColon),
                ("on", Noun::Handler, Name),
                ("ignore", Noun::Ignore, Name),
                ("query", Noun::Query, Name),
            ],
            Place::Saga => &[("step", Noun::Step, Name), ("pivot", Noun::Step, Name), ("failed", Noun::Failed, Brace)],
            Place::Port => &[
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
                ("error", Noun::Error, Name),
                ("type", Noun::Type, Name),
                ("reads", Noun::Operation, Name),
            ],
            Place::Gateway => &[
                ("authenticate", Noun::Authenticate, Name),
                ("expose", Noun::Expose, Name),
                ("compose", Noun::Compose, Name),
                ("GET", Noun::Route, Text),
                ("POST", Noun::Route, Text),
                ("PUT", Noun::Route, Text),
                ("PATCH", Noun::Route, Text),
                ("DELETE", Noun::Route, Text),
            ],
        }
    }

    /// What `name:` is there.
    fn field(self) -> Option<Noun> {
        match self {
            Place::Caller => Some(Noun::Identity),
            Place::Aggregate | Place::View => Some(Noun::Field),
            _ => None,
        }
    }
}

/// What must follow a word for it to begin a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A name.
    Name,
    /// `name =`
    NameThenEq,
    /// `name:`
    NameThenColon,
    /// `{`
    Brace,
    /// `(`
    Paren,
    /// A text in quotes.
    Text,
    /// Anything but what makes the word itself a name: `:`, `=`, `.`, `,`, `)`.
    Any,
}

impl Next {
    /// As it is called in messages.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Next::Name => "a name",
            Next::NameThenEq => "a name and `=`",
            Next::NameThenColon => "a name and `:`",
            Next::Brace => "`{`",
            Next::Paren => "`(`",
            Next::Text => "a text in quotes",
            Next::Any => "more",
        }
    }
}

/// What the language knows, and this compiler cannot do yet: the word, what it would be, where, and what follows.
const UNAVAILABLE: [(&str, Noun, &[Place], Next); 19] = [
    ("scenario", Noun::Unknown, &[Place::File], Next::Any),
    ("external", Noun::Subdomain, &[Place::File], Next::Name),
    ("fn", Noun::Unknown, &[Place::Shared, Place::Subdomain, Place::Aggregate], Next::Name),
    ("extern", Noun::Unknown, &[Place::Shared, Place::Subdomain, Place::Aggregate], Next::Name),
    ("rule", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Name),
    ("invariant", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("upsert", Noun::Command, &[Place::Aggregate], Next::Name),
    ("private", Noun::Event, &[Place::Aggregate], Next::Name),
    ("upcast", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("formerly", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("entity", Noun::Value, &[Place::Aggregate], Next::Name),
    ("unique", Noun::Unknown, &[Place::Aggregate], Next::Paren),
    ("secret", Noun::Field, &[Place::Aggregate, Place::View], Next::NameThenColon),
    ("personal", Noun::Field, &[Place::Aggregate, Place::View], Next::NameThenColon),
    ("parallel", Noun::Step, &[Place::Saga], Next::Any),
    ("wait", Noun::Step, &[Place::Saga], Next::Any),
    ("stop", Noun::Step, &[Place::Saga], Next::Any),
    ("saga", Noun::Step, &[Place::Saga], Next::Name),
    ("limit", Noun::Unknown, &[Place::Gateway], Next::Any),
];

/// Words that, wherever the grammar stops at them, are not mistakes but features to come.
const LATER: [&str; 22] = [
    "scenario",
    "external",
    "fn",
    "extern",
    "rule",
    "invariant",
    "private",
    "upcast",
    "formerly",
    "entity",
    "secret",
    "personal",
    "parallel",
    "wait",
    "stop",
    "match",
    "requires",
    "refused",
    "reserved",
    "every",
    "is",
    "previous",
];

/// True for a word of a feature that is not available yet.
pub(super) fn is_later(word: &str) -> bool {
    LATER.contains(&word)
}

/// Words that begin statements.
pub(super) const STATEMENTS: [&str; 13] =
    ["let", "require", "if", "done", "emit", "do", "for", "add", "remove", "insert", "update", "upsert", "delete"];

/// A word that begins a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) noun: Noun,
    pub(super) available: bool,
}

/// Tokens of one file, balanced, with the text they are of.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    /// For each bracket the index of its partner, for each other token its own.
    pub(super) partners: &'a [u32],
}

impl<'a> Tokens<'a> {
    /// The text of a token; empty past the end.
    pub(super) fn str(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| {
            // A bracket that was put in for a missing one stands where the text has a blank.
            self.text.get(token.start as usize..token.end as usize).unwrap_or("")
        })
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// The index after a token, or after the partner of an opening bracket.
    pub(super) fn skip(&self, at: usize) -> usize {
        (self.partners.get(at).map_or(at, |&partner| partner as usize)).max(at) + 1
    }

    /// The token at an index, or the one after it, if a sign stands where a name is due.
    pub(super) fn name_at(&self, at: usize) -> usize {
        let sign = self.kind(at) == Some(Kind::Sign) && self.kind(at + 1) == Some(Kind::Word);
        at + usize::from(sign)
    }

    /// The first `{` of a range that is not inside other brackets.
    pub(super) fn brace(&self, first: usize, end: usize) -> Option<usize> {
        let mut at = first;
        while at < end {
            if self.kind(at) == Some(Kind::Open(b'{')) {
                return Some(at);
            }
            at = self.skip(at);
        }
        None
    }

    fn follows(&self, at: usize, next: Next) -> bool {
        let word = |at| self.kind(at) == Some(Kind::Word);
        match next {
            Next::Name => word(at + 1),
            Next::NameThenEq => word(at + 1) && self.str(at + 2) == "=",
            Next::NameThenColon => word(at + 1) && self.str(at + 2) == ":",
            Next::Brace => self.kind(at + 1) == Some(Kind::Open(b'{')),
            Next::Paren => self.kind(at + 1) == Some(Kind::Open(b'(')),
            Next::Text => self.kind(at + 1) == Some(Kind::Text),
            Next::Any => !matches!(self.str(at + 1), ":" | "=" | "." | "," | ")"),
        }
    }

    /// True where the token before `at` cannot end anything, so that a word at `at` goes on with it.
    fn continues(&self, first: usize, at: usize) -> bool {
        if at == first {
            return false;
        }
        match (self.kind(at - 1), self.str(at - 1)) {
            (Some(Kind::Sign), sign) => !matches!(sign, "?" | ".*" | ">"),
            (Some(Kind::Word), word) => matches!(
                word,
                "and"
                    | "or"
                    | "not"
                    | "in"
                    | "else"
                    | "if"
                    | "allow"
                    | "when"
                    | "where"
                    | "by"
                    | "from"
                    | "as"
                    | "enters"
                    | "of"
                    | "require"
                    | "for"
                    | "to"
                    | "with"
                    | "let"
                    | "extern"
                    | "reads"
                    | "set"
                    | "carry"
                    | "distinct"
                    | "matches"
                    | "join"
            ),
            _ => false,
        }
    }

    /// True for a word that can only begin a member, although what must follow is missing: it is not the name of one, and nothing after it
    /// makes it a name.
    fn begins_broken(&self, place: Place, first: usize, at: usize) -> bool {
        let named = at > first && place.words().iter().any(|(name, ..)| *name == self.str(at - 1));
        let used = matches!(self.str(at + 1), ":" | "=" | "." | "?." | "," | ")" | "(" | "[" | "{");
        !named && !used
    }

    /// True where a word and what follows it can be nothing but a declaration, even where an operand is due: no operand is
    /// followed by a Capitalised name, by `name =` or by `name {`.
    fn declares(&self, at: usize) -> bool {
        if self.kind(at + 1) != Some(Kind::Word) {
            return false;
        }
        self.str(at + 1).starts_with(|letter: char| letter.is_ascii_uppercase())
            || matches!(self.str(at + 2), "=" | "{")
            || (self.str(at) == "timer" && matches!(self.str(at + 2), "after" | "at"))
    }

    /// Whether a word is a misspelt first word of a member or statement. Only an unknown word that follows another without a sign
    /// between them, and is followed by one, is asked for: no sound text has that.
    fn misspelt(&self, first: usize, at: usize, words: &mut dyn Iterator<Item = &'static str>) -> bool {
        self.kind(at) == Some(Kind::Word)
            && self.str(at).starts_with(|letter: char| letter.is_ascii_lowercase())
            && self.kind(at + 1) == Some(Kind::Word)
            && !self.continues(first, at)
            && WORDS.binary_search(&self.str(at)).is_err()
            && nearest(self.str(at), words).is_some()
    }

    /// Whether a misspelt member begins at a token.
    pub(super) fn misspelt_member(&self, place: Place, first: usize, at: usize) -> bool {
        let opened = matches!(self.str(at + 2), "(" | "{" | "=");
        opened && self.misspelt(first, at, &mut place.words().iter().map(|(word, ..)| *word))
    }

    /// Whether a misspelt statement begins at a token.
    pub(super) fn misspelt_statement(&self, first: usize, at: usize) -> bool {
        self.misspelt(first, at, &mut STATEMENTS.into_iter())
    }

    /// Whether a member begins at a token; `first` is the first token of what holds it.
    pub(super) fn member(&self, place: Place, first: usize, at: usize) -> Option<Start> {
        if self.kind(at) != Some(Kind::Word) {
            return None;
        }
        let word = self.str(at);
        if self.str(at + 1) == ":" {
            let prefixed = at > first && matches!(self.str(at - 1), "key" | "secret" | "personal");
            return place.field().filter(|_| !prefixed).map(|noun| Start { noun, available: true });
        }
        if self.continues(first, at) && !self.declares(at) {
            return None;
        }
        let known = place.words().iter().find(|(name, ..)| *name == word);
        if let Some(&(_, noun, next)) = known
            && (self.follows(at, next) || self.begins_broken(place, first, at))
        {
            return Some(Start { noun, available: true });
        }
        let later = |(name, _, places, next): &&(&str, Noun, &[Place], Next)| {
            *name == word && places.contains(&place) && self.follows(at, *next)
        };
        if let Some(&(_, noun, ..)) = UNAVAILABLE.iter().find(later) {
            return Some(Start { noun, available: false });
        }
        let operation = place == Place::Port
            && self.kind(at + 1) == Some(Kind::Open(b'('))
            && word.starts_with(|letter: char| letter.is_ascii_lowercase());
        operation.then_some(Start { noun: Noun::Operation, available: true })
    }

    /// Whether a statement begins at a token; `first` is the first token of the block.
    pub(super) fn statement(&self, first: usize, at: usize) -> bool {
        if self.kind(at) != Some(Kind::Word) || self.continues(first, at) {
            return false;
        }
        let names_something = matches!(self.str(at + 1), "." | "?." | "," | ")" | ":");
        match self.str(at) {
            "let" => self.follows(at, Next::Name),
            "require" | "do" | "for" | "emit" | "remove" | "add" | "match" | "parallel" | "wait" | "stop" => {
                self.str(at + 1) != "=" && !names_something
            }
            "if" => self.str(at + 1) != "given",
            "done" => self.str(at + 1) != "=" && !names_something,
            "insert" | "update" | "upsert" | "delete" => {
                matches!(self.kind(at + 1), Some(Kind::Open(b'(' | b'['))) || self.str(at + 1) == "where"
            }
            _ => {
                let after = if self.kind(at + 1) == Some(Kind::Open(b'[')) { self.skip(at + 1) } else { at + 1 };
                self.str(after) == "="
            }
        }
    }

    /// Splits a range: the index at which each piece begins. What stands before the first start is a piece too.
    pub(super) fn split(&self, first: usize, end: usize, begins: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut at = first;
        while at < end {
            if at == first || begins(at) {
                starts.push(at);
            }
            at = self.skip(at);
        }
        starts
    }
}
