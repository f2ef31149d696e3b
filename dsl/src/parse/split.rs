//! Finds where members and statements begin.
//!
//! Members have no separators: each begins with a word that only a member can begin with there, or with `name:`. The scanner's
//! tokens are enough to tell; what stands before the first one, or after the end of one, belongs to the piece before it.

use super::place::{Next, Place, STATEMENTS, UNAVAILABLE};
use super::scan::{Kind, Token};
use super::words::WORDS;
use crate::ast::Noun;
use crate::suggest::nearest;

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
