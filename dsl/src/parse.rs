//! From text to the syntax tree.
//!
//! ```text
//! text ─ scan ─► tokens ─ balance ─► paired tokens ─ split ─► pieces ─ grammar ─► pairs ─ one file a noun ─► ast
//! ```
//! pest neither recovers nor reports more than one fault, so it is given *pieces*: the scanner finds members and statements by
//! brackets and first words, and the grammar reads each alone. A piece that it refuses is one diagnostic; its name stays a
//! declaration ([`crate::ast::Broken`]), and the next piece is read as if nothing had happened. A member with a block that is refused is
//! read again as a header and statements, so that faults in two statements are two diagnostics.
//!
//! Every token belongs to a piece that is read to its end, or reported: nothing is skipped in silence.

mod aggregate;
mod balance;
mod builder;
mod caller;
mod command;
mod event;
mod expr;
mod gateway;
mod grammar;
mod place;
mod policy;
mod port;
mod report;
mod saga;
mod scan;
mod split;
mod stmt;
mod subdomain;
mod text;
mod types;
mod view;
mod words;

use std::sync::atomic::{AtomicUsize, Ordering};

use builder::{Builder, Piece, children};
use grammar::Rule;
use place::Place;
use split::Tokens;

use crate::ast::{Broken, File, Noun, System};
use crate::diagnostic::{Diagnostic, Diagnostics, syntax};
use crate::source::{SourceId, Sources};

/// Reads one file. Whatever the text is, a file comes back; what could not be read is reported and stands in it as broken.
pub fn parse(source: SourceId, text: &str, diagnostics: &mut Diagnostics) -> File {
    let mut scanned = scan::scan(source, text, diagnostics);
    let partners = balance::balance(source, text, &mut scanned, diagnostics);
    let clean = String::from_utf8_lossy(&scanned.clean);
    let mut builder = Builder {
        file: source,
        tokens: Tokens { text: &clean, tokens: &scanned.tokens, partners: &partners },
        original: text,
        comments: &scanned.comments,
        faults: &scanned.faults,
        base: 0,
        leftovers: Vec::new(),
        diagnostics,
    };
    let mut file = File {
        source,
        systems: Vec::new(),
        shared: Vec::new(),
        callers: Vec::new(),
        subdomains: Vec::new(),
        gateways: Vec::new(),
        broken: Vec::new(),
        comments: Vec::new(),
    };
    let all = Piece { first: 0, end: scanned.tokens.len() };
    builder.members(Place::File, all, |this, noun, piece| this.file_member(noun, piece, &mut file));
    file.broken.append(&mut builder.leftovers);
    file.comments = scanned.comments;
    file
}

/// Below so many bytes a thread costs more than it saves.
const WORTH_THREADS: usize = 64 * 1024;

/// Reads files, side by side where there is enough to read. Files and diagnostics come in the order that is given.
pub(crate) fn parse_all(sources: &Sources, order: &[SourceId], diagnostics: &mut Diagnostics) -> Vec<File> {
    let bytes: usize = order.iter().map(|&id| sources.get(id).text().len()).sum();
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(bytes / WORTH_THREADS).min(order.len());
    let read = |id: SourceId| {
        let mut told = Diagnostics::new();
        (parse(id, sources.get(id).text(), &mut told), told)
    };
    let read_files: Vec<(File, Diagnostics)> =
        if threads < 2 { order.iter().map(|&id| read(id)).collect() } else { in_parallel(order, threads, &read) };
    let each = |(file, told)| {
        diagnostics.extend(told);
        file
    };
    read_files.into_iter().map(each).collect()
}

/// Applies `read` to each item on some threads, which take the next item as they are free; the results in the order of the items.
fn in_parallel<T: Copy + Sync, R: Send>(items: &[T], threads: usize, read: &(impl Fn(T) -> R + Sync)) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&item) = items.get(at) else { return done };
            done.push((at, read(item)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Builder<'_> {
    fn file_member(&mut self, noun: Noun, piece: Piece, file: &mut File) -> Option<()> {
        match noun {
            Noun::System => file.systems.push(self.system(piece)?),
            Noun::Shared => file.shared.push(self.shared(piece)?),
            Noun::Caller => file.callers.push(self.caller(piece)?),
            Noun::Subdomain => file.subdomains.push(self.subdomain(piece)?),
            Noun::Gateway => file.gateways.push(self.gateway(piece)?),
            _ => return None,
        }
        Some(())
    }

    fn system(&mut self, piece: Piece) -> Option<System> {
        self.read(Rule::system_piece, piece, Some(Place::File), |this, pair| {
            let span = this.span(&pair);
            let name = this.lower(&children(pair).next()?, Noun::System);
            Some(System { doc: this.doc(span), name, span })
        })?
    }

    /// Reads the members in a range of tokens, one piece each. A member that `read` refuses becomes a [`Broken`] among the
    /// leftovers, which the caller takes.
    fn members(&mut self, place: Place, body: Piece, mut read: impl FnMut(&mut Self, Noun, Piece) -> Option<()>) {
        let mut broken: Vec<Broken> = std::mem::take(&mut self.leftovers);
        let tokens = self.tokens;
        let starts = tokens.split(body.first, body.end, |at| {
            tokens.member(place, body.first, at).is_some() || tokens.misspelt_member(place, body.first, at)
        });
        for (index, &first) in starts.iter().enumerate() {
            let piece = Piece { first, end: starts.get(index + 1).copied().unwrap_or(body.end) };
            match tokens.member(place, body.first, first) {
                None => self.leftover(piece, Some(place), &[]),
                Some(start) if !start.available => broken.push(self.later(start, piece)),
                Some(start) => {
                    if read(self, start.noun, piece).is_none() {
                        broken.push(self.broken(start.noun, piece));
                    }
                }
            }
            broken.append(&mut self.leftovers);
        }
        self.leftovers = broken;
    }

    /// Reports what stands between a word and the brace that should follow it.
    fn word_alone(&mut self, head: Piece) {
        let rest = Piece { first: head.first + 1, end: head.end };
        if rest.first < rest.end && !self.has_fault(rest) {
            let message = format!(
                "expected `{{` after `{}`, found `{}`",
                self.tokens.str(head.first),
                self.tokens.str(rest.first)
            );
            self.report(
                Diagnostic::new(&syntax::UNEXPECTED, self.place(rest), message).hint("this has no name: remove it"),
            );
        }
    }

    /// Takes a member apart: its header, and the tokens between its braces. What stands behind them is reported; so is the lack of
    /// braces, where the member cannot be without (`optional`).
    fn open(&mut self, piece: Piece, place: Place, optional: bool) -> (Piece, Option<Piece>) {
        let Some(brace) = self.tokens.brace(piece.first, piece.end) else {
            if !optional && !self.has_fault(piece) && piece.end - piece.first <= 2 {
                let here = self.place(piece).after();
                let words = [self.tokens.str(piece.first), self.tokens.str(piece.first + 1)];
                let name = words[..(piece.end - piece.first).min(2)].join(" ");
                let message = format!("expected `{{` after `{name}`");
                self.report(Diagnostic::new(&syntax::UNEXPECTED, here, message).hint("its members stand in braces"));
            } else if !optional && !self.has_fault(piece) {
                let here = self.place(piece).after();
                self.report(
                    Diagnostic::new(&syntax::UNEXPECTED, here, "expected `{`").hint("its members stand in braces"),
                );
            }
            return (piece, None);
        };
        let close = (self.tokens.skip(brace) - 1).min(piece.end - 1).max(brace);
        if close + 1 < piece.end {
            self.leftover(Piece { first: close + 1, end: piece.end }, Some(place), &[]);
        }
        (Piece { first: piece.first, end: brace }, Some(Piece { first: brace + 1, end: close.max(brace + 1) }))
    }
}
