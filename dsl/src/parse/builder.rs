//! Reads pieces: a piece the grammar takes becomes a node, one it refuses becomes exactly one diagnostic.

use super::grammar::{self, Refusal, Rule};
use super::place::Place;
use super::split::Tokens;
use crate::ast::{Block, Broken, Comment, Doc, Ident, Noun, Path};
use crate::diagnostic::{Diagnostic, Diagnostics, syntax};
use crate::source::{SourceId, Span};

/// A pair of the grammar.
pub(super) type Pair<'a> = pest::iterators::Pair<'a, Rule>;

/// A range of tokens that holds one member, header or statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) first: usize,
    /// One past the last token.
    pub(super) end: usize,
}

/// Builds the tree of one file.
pub(super) struct Builder<'a> {
    pub(super) file: SourceId,
    pub(super) tokens: Tokens<'a>,
    /// The text with its comments.
    pub(super) original: &'a str,
    pub(super) comments: &'a [Comment],
    /// Places of faults that were reported before, sorted.
    pub(super) faults: &'a [u32],
    /// The offset in the file of the piece that is being built.
    pub(super) base: u32,
    /// What was found after the end of members and reported; the holder of the members takes it.
    pub(super) leftovers: Vec<Broken>,
    pub(super) diagnostics: &'a mut Diagnostics,
}

/// The children of a pair without signs and keywords.
pub(super) fn children(pair: Pair<'_>) -> impl Iterator<Item = Pair<'_>> {
    pair.into_inner().filter(|child| !grammar::is_mark(child.as_rule()))
}

/// Takes the next child, if it is of a rule.
pub(super) fn take<'a>(
    children: &mut std::iter::Peekable<impl Iterator<Item = Pair<'a>>>,
    rule: Rule,
) -> Option<Pair<'a>> {
    children.next_if(|child| child.as_rule() == rule)
}

impl<'a> Builder<'a> {
    // ------------------------------------------------------------ places and names

    /// The place of a pair, without blanks after it.
    pub(super) fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        let start = self.base + span.start() as u32;
        Span::new(self.file, start, start + pair.as_str().trim_end().len() as u32)
    }

    /// The place of a range of tokens.
    pub(super) fn place(&self, piece: Piece) -> Span {
        let tokens = self.tokens.tokens;
        let start = tokens.get(piece.first).map_or(self.original.len() as u32, |token| token.start);
        let end = piece.end.checked_sub(1).and_then(|last| tokens.get(last)).map_or(start, |token| token.end);
        Span::new(self.file, start, end.max(start))
    }

    pub(super) fn token_span(&self, at: usize) -> Span {
        self.place(Piece { first: at, end: at + 1 })
    }

    pub(super) fn ident(&self, pair: &Pair<'_>) -> Ident {
        Ident { text: pair.as_str().into(), span: self.span(pair) }
    }

    /// A name that must be Capitalised.
    pub(super) fn upper(&mut self, pair: &Pair<'_>, noun: Noun) -> Ident {
        let ident = self.ident(pair);
        if !ident.is_capitalised() {
            self.name_case(&ident, noun, true);
        }
        ident
    }

    /// A name that must begin in lower case.
    pub(super) fn lower(&mut self, pair: &Pair<'_>, noun: Noun) -> Ident {
        let ident = self.ident(pair);
        if ident.is_capitalised() {
            self.name_case(&ident, noun, false);
        }
        ident
    }

    fn name_case(&mut self, ident: &Ident, noun: Noun, capital: bool) {
        let mut letters = ident.text.chars();
        let first = letters.next().unwrap_or('x');
        let first = if capital { first.to_ascii_uppercase() } else { first.to_ascii_lowercase() };
        let fixed = format!("{first}{}", letters.as_str());
        let rule = if capital { "is Capitalised" } else { "begins in lower case" };
        self.report(
            Diagnostic::new(
                &syntax::NAME_CASE,
                ident.span,
                format!("the name of {} {rule}", super::report::with_article(noun.as_str())),
            )
            .hint(format!("write `{fixed}`")),
        );
    }

    pub(super) fn path(&self, pair: Pair<'_>) -> Path {
        let span = self.span(&pair);
        Path { segments: children(pair).map(|name| self.ident(&name)).collect(), span }
    }

    pub(super) fn names(&self, pair: Pair<'_>) -> Vec<Ident> {
        children(pair).map(|name| self.ident(&name)).collect()
    }

    /// The `///` lines just above a place.
    pub(super) fn doc(&self, span: Span) -> Option<Doc> {
        let above = self.comments.partition_point(|comment| comment.span.end <= span.start);
        let mut first = above;
        let mut below = span.start as usize;
        while let Some(comment) = first.checked_sub(1).map(|at| &self.comments[at]) {
            let between = &self.original.as_bytes()[comment.span.end as usize..below];
            if !comment.doc || !between.iter().all(u8::is_ascii_whitespace) {
                break;
            }
            first -= 1;
            below = comment.span.start as usize;
        }
        let lines = &self.comments[first..above];
        let (head, last) = (lines.first()?, lines.last()?);
        let text = |comment: &Comment| {
            let line = self.original[comment.span.range()].trim_start_matches("///").trim_end();
            line.strip_prefix(' ').unwrap_or(line).to_owned()
        };
        let text: Vec<String> = lines.iter().map(text).collect();
        Some(Doc { text: text.join("\n"), span: head.span.to(last.span) })
    }

    // ------------------------------------------------------------ pieces

    /// Reads a piece by a rule; one that cannot be read to its end is reported and gives `None`. Half of a member would mislead the
    /// passes to come, so nothing of it is kept but its name ([`Builder::broken`]), unless what is behind it is plainly something else.
    pub(super) fn read<T>(
        &mut self,
        rule: Rule,
        piece: Piece,
        place: Option<Place>,
        build: impl FnOnce(&mut Self, Pair<'a>) -> T,
    ) -> Option<T> {
        let refusal = match self.parse(rule, piece) {
            Ok(pair) => return Some(build(self, pair)),
            Err(refusal) => refusal,
        };
        let at = self.token_at(piece, refusal.offset);
        self.refused(piece, at, &refusal, place);
        let whole = Piece { first: piece.first, end: at };
        if at < piece.end && self.begins_other(whole, &refusal) {
            let pair = self.parse(rule, whole).ok()?;
            self.leftovers.push(self.broken(Noun::Unknown, Piece { first: at, end: piece.end }));
            return Some(build(self, pair));
        }
        None
    }

    /// Whether something else begins behind a whole piece: a word on a line of its own that is no misspelt part of the piece.
    fn begins_other(&self, whole: Piece, refusal: &Refusal) -> bool {
        let (Some(last), Some(next)) =
            (whole.end.checked_sub(1).and_then(|at| self.tokens.tokens.get(at)), self.tokens.tokens.get(whole.end))
        else {
            return false;
        };
        let word = self.tokens.str(whole.end);
        let parts = refusal.expected.iter().filter_map(|words| super::report::as_word(words));
        whole.end > whole.first
            && next.kind == super::scan::Kind::Word
            && self.original[last.end as usize..next.start as usize].contains('\n')
            && crate::suggest::nearest(word, parts).is_none()
    }

    /// Reads a member that ends in a block. Where the grammar refuses it as a whole, its header and each of its statements are
    /// read alone, so that each fault is reported, and reported once.
    pub(super) fn read_with_block<T>(
        &mut self,
        whole: Rule,
        header: Rule,
        piece: Piece,
        place: Option<Place>,
        context: super::stmt::Context,
        build: impl FnOnce(&mut Self, Pair<'a>, Option<Block>) -> T,
    ) -> Option<T> {
        let refusal = match self.parse_all(whole, piece) {
            Ok(mut pairs) => {
                let header = pairs.next()?;
                let block = pairs.next().filter(|pair| pair.as_rule() == Rule::block);
                let base = self.base;
                let block = block.map(|pair| self.block(pair, context));
                self.base = base;
                return Some(build(self, header, block));
            }
            Err(refusal) => refusal,
        };
        let reported = self.diagnostics.len();
        let Some(brace) = self.tokens.brace(piece.first, piece.end) else {
            let at = self.token_at(piece, refusal.offset);
            self.refused(piece, at, &refusal, place);
            let parsed =
                self.parse(header, Piece { first: piece.first, end: at.max(piece.first + 1).min(piece.end) }).ok()?;
            let end = self.place(piece).after();
            return Some(build(self, parsed, Some(super::stmt::broken_block(end))));
        };
        let end = self.tokens.skip(brace).min(piece.end);
        let parsed = self.read(header, Piece { first: piece.first, end: brace }, place, |_, pair| pair);
        let base = self.base;
        let block = self.statements(Piece { first: brace, end }, context);
        self.base = base;
        if end < piece.end {
            let rest = Piece { first: end, end: piece.end };
            self.leftover(rest, place, &[]);
        }
        if self.diagnostics.len() == reported && !self.has_fault(piece) {
            let at = self.token_at(piece, refusal.offset);
            self.refused(piece, at, &refusal, place);
        }
        parsed.map(|pair| build(self, pair, Some(block)))
    }

    /// Parses a piece; its one pair.
    fn parse(&mut self, rule: Rule, piece: Piece) -> Result<Pair<'a>, Refusal> {
        let mut pairs = self.parse_all(rule, piece)?;
        pairs.next().ok_or(Refusal { offset: 0, expected: Vec::new(), end: false })
    }

    fn parse_all(&mut self, rule: Rule, piece: Piece) -> Result<pest::iterators::Pairs<'a, Rule>, Refusal> {
        let span = self.place(piece);
        self.base = span.start;
        grammar::parse(rule, self.tokens.text.get(span.range()).unwrap_or(""))
    }

    /// The token of a piece that an offset into the piece falls on; its end, where it falls behind the last.
    fn token_at(&self, piece: Piece, offset: u32) -> usize {
        let offset = self.place(piece).start + offset;
        let tokens = &self.tokens.tokens[piece.first..piece.end];
        piece.first + tokens.partition_point(|token| token.end <= offset)
    }

    /// Reports a fault, unless one before it on its lines explains it.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.has_fault_at(diagnostic.primary.span) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// True where a fault that was reported before lies on the lines of a piece: what else is wrong there mostly follows from it.
    pub(super) fn has_fault(&self, piece: Piece) -> bool {
        self.has_fault_at(self.place(piece))
    }

    fn has_fault_at(&self, span: Span) -> bool {
        if self.faults.is_empty() {
            return false;
        }
        let bytes = self.original.as_bytes();
        let newline = |&byte: &u8| byte == b'\n';
        let start = bytes[..span.start as usize].iter().rposition(newline).map_or(0, |at| at + 1);
        let end = bytes[span.end as usize..].iter().position(newline).map_or(bytes.len(), |at| span.end as usize + at);
        let first = self.faults.partition_point(|&fault| (fault as usize) < start);
        self.faults.get(first).is_some_and(|&fault| fault as usize <= end)
    }
}
