//! Pairs brackets, and mends those that do not pair.
//!
//! Where every bracket has its partner, line breaks carry no meaning. Where one has not, the part of the file that holds it is read
//! as people indent: what begins a line no deeper than the line that opened a bracket is not inside it. Each missing or surplus
//! bracket is reported once, and mended in the blanked text, so that what holds it can mostly be read all the same.

use super::scan::{Kind, Scanned, Token};
use crate::diagnostic::{Diagnostic, Diagnostics, syntax};
use crate::source::{SourceId, Span};

/// Brackets may nest so deep; the grammar recurses through them.
const MAX_DEPTH: usize = 40;

/// Words that begin a part of a file at the start of a line.
const PARTS: [&str; 7] = ["system", "shared", "caller", "subdomain", "gateway", "scenario", "external"];

/// Words that begin a line whose declaration or statement has a block.
const BLOCKS: [&str; 21] = [
    "shared",
    "caller",
    "subdomain",
    "gateway",
    "aggregate",
    "lifecycle",
    "state",
    "enum",
    "create",
    "command",
    "timer",
    "view",
    "saga",
    "step",
    "pivot",
    "failed",
    "policy",
    "port",
    "compose",
    "if",
    "for",
];

/// Words that begin a line that goes on with the header above it.
const CLAUSES: [&str; 7] = ["allow", "when", "with", "where", "order", "enters", "on"];

/// Makes `scanned` balanced and returns, for each token, the index of its partner (of itself, if it is not a bracket).
pub(super) fn balance(file: SourceId, text: &str, scanned: &mut Scanned, diagnostics: &mut Diagnostics) -> Vec<u32> {
    if let Some(partners) = pair(&scanned.tokens) {
        return partners;
    }
    let tokens = std::mem::take(&mut scanned.tokens);
    let mut mend = Mend {
        file,
        text,
        scanned,
        diagnostics,
        stack: Vec::new(),
        out: Vec::with_capacity(tokens.len() + 8),
        dropped: usize::MAX,
    };
    let mut start = 0;
    while start < tokens.len() {
        let end = part_end(text, &tokens, start);
        match pair(&tokens[start..end]) {
            Some(_) => mend.out.extend_from_slice(&tokens[start..end]),
            None => mend.part(&tokens[start..end], tokens.get(end)),
        }
        start = end;
    }
    scanned.tokens = mend.out;
    scanned.faults.sort_unstable();
    // Mended tokens pair by construction; a file that still does not is given up as a whole by the caller.
    pair(&scanned.tokens).unwrap_or_default()
}

/// The partner of each token, if all brackets pair and none nests too deep.
fn pair(tokens: &[Token]) -> Option<Vec<u32>> {
    let mut partners: Vec<u32> = (0..tokens.len() as u32).collect();
    let mut stack: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) if stack.len() == MAX_DEPTH => return None,
            Kind::Open(_) => stack.push(at),
            Kind::Close(close) => {
                let open = stack.pop()?;
                if tokens[open].kind != Kind::Open(opener(close)) {
                    return None;
                }
                partners[open] = at as u32;
                partners[at] = open as u32;
            }
            _ => {}
        }
    }
    stack.is_empty().then_some(partners)
}

/// The index of the next token after `start` that begins a part of the file: such a word at the very start of a line.
fn part_end(text: &str, tokens: &[Token], start: usize) -> usize {
    let begins = |token: &Token| {
        let at = token.start as usize;
        token.kind == Kind::Word
            && (at == 0 || text.as_bytes()[at - 1] == b'\n')
            && PARTS.contains(&&text[at..token.end as usize])
    };
    tokens[start + 1..].iter().position(begins).map_or(tokens.len(), |offset| start + 1 + offset)
}

fn opener(close: u8) -> u8 {
    match close {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}

fn closer(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// An open bracket that waits for its partner.
struct Waiting {
    bracket: u8,
    token: Token,
    /// The indentation of the line that holds it.
    indent: usize,
    /// The start of that line.
    line: usize,
}

struct Mend<'a> {
    file: SourceId,
    text: &'a str,
    scanned: &'a mut Scanned,
    diagnostics: &'a mut Diagnostics,
    stack: Vec<Waiting>,
    out: Vec<Token>,
    /// The end of the last bracket that was dropped.
    dropped: usize,
}

/// How it was seen that a bracket is missing.
#[derive(Clone, Copy)]
enum Sign {
    /// The next line is not indented as if it were inside.
    Outdent,
    /// Another bracket closes what is around it.
    Closed(u8),
    /// The file, or this part of it, ends.
    End,
}

impl Mend<'_> {
    /// Mends the tokens of one part of the file; `next` is the token after it.
    fn part(&mut self, tokens: &[Token], next: Option<&Token>) {
        let mut line = tokens.first().map_or(0, |token| self.line_start(token.start as usize));
        let (mut head, mut head_line) = (0, line);
        for (at, token) in tokens.iter().enumerate() {
            let blank = at
                .checked_sub(1)
                .map_or(&[] as &[u8], |last| &self.text.as_bytes()[tokens[last].end as usize..token.start as usize]);
            let newline = blank.iter().rposition(|&byte| byte == b'\n');
            if let Some(newline) = newline {
                line = token.start as usize - blank.len() + newline + 1;
            }
            let first_on_line = at == 0 || newline.is_some();
            let indent = self.indent(line);
            match token.kind {
                Kind::Close(close) => {
                    self.close(*token, close, line, first_on_line.then_some(indent));
                    continue;
                }
                _ if first_on_line => {
                    self.outdent(indent, line, token);
                    if at > 0 {
                        self.unopened(&tokens[head..at], head_line, token, indent);
                    }
                    if !self.continues_header(token) {
                        (head, head_line) = (at, line);
                    }
                }
                _ => {}
            }
            if let Kind::Open(bracket) = token.kind {
                if self.stack.len() == MAX_DEPTH {
                    return self.too_deep(*token, tokens);
                }
                self.stack.push(Waiting { bracket, token: *token, indent, line });
            }
            self.out.push(*token);
        }
        if !self.stack.is_empty() {
            let before = next.map_or(self.text.len() as u32, |token| token.start);
            self.missing(0, before, Sign::End);
        }
    }

    /// A line that begins no deeper than an open bracket's line is not inside that bracket.
    fn outdent(&mut self, indent: usize, line: usize, token: &Token) {
        let outside = |waiting: &Waiting| waiting.line != line && indent <= waiting.indent;
        // `{` on a line of its own may follow a header whose brackets are closed.
        if let Some(at) = self.stack.iter().position(outside) {
            self.missing(at, token.start, Sign::Outdent);
        }
    }

    /// A line deeper than the one above it, which begins a declaration with a block and leaves no bracket open, lacks its `{`.
    fn unopened(&mut self, above: &[Token], line: usize, token: &Token, indent: usize) {
        let word = |token: &Token| &self.text[token.start as usize..token.end as usize];
        let (Some(first), Some(last)) = (above.first(), above.last()) else { return };
        let outer = self.indent(line);
        let open = self.stack.last().is_some_and(|waiting| waiting.line >= line);
        let clause = self.continues_header(token);
        let ended = last.kind == Kind::Sign || last.kind == Kind::Close(b'}');
        if indent <= outer || open || clause || ended || !BLOCKS.contains(&word(first)) {
            return;
        }
        let span = Span::new(self.file, last.end, last.end);
        let head = Span::new(self.file, first.start, first.end);
        self.diagnostics.push(
            Diagnostic::new(&syntax::MISSING_BRACKET, span, "`{` is missing")
                .at("expected `{`")
                .label(head, "this has a block")
                .hint("the next line is indented as if it were inside a block: open it with `{`"),
        );
        self.scanned.faults.push(last.end);
        self.insert(b'{', token.start);
        if let Some(&opened) = self.out.last() {
            self.stack.push(Waiting { bracket: b'{', token: opened, indent: outer, line });
        }
    }

    fn continues_header(&self, token: &Token) -> bool {
        let word = &self.text[token.start as usize..token.end as usize];
        word == "{" || CLAUSES.contains(&word)
    }

    /// Handles a closing bracket; `indent` is given where it is the first of its line.
    fn close(&mut self, token: Token, close: u8, line: usize, indent: Option<usize>) {
        match self.partner(opener(close), line, indent) {
            Some(at) => {
                if at + 1 < self.stack.len() {
                    self.missing(at + 1, token.start, Sign::Closed(close));
                }
                self.stack.truncate(at);
                self.out.push(token);
            }
            None => self.surplus(token),
        }
    }

    /// Which open bracket a closing one was meant for. A parenthesis closes nothing outside its braces; a brace closes one of its
    /// own line, or, where it begins a line, one whose line is indented alike.
    fn partner(&self, open: u8, line: usize, indent: Option<usize>) -> Option<usize> {
        if open != b'{' {
            let inside = self.stack.iter().rposition(|waiting| waiting.bracket == b'{').map_or(0, |brace| brace + 1);
            return self.stack.iter().rposition(|waiting| waiting.bracket == open).filter(|&at| at >= inside);
        }
        let brace = |test: &dyn Fn(&Waiting) -> bool| {
            self.stack.iter().rposition(|waiting| waiting.bracket == open && test(waiting))
        };
        match indent {
            None => brace(&|waiting| waiting.line == line),
            Some(indent) => brace(&|waiting| waiting.indent == indent)
                .or_else(|| self.stack.iter().position(|waiting| waiting.bracket == open && waiting.indent >= indent)),
        }
    }

    /// Closes every open bracket from `from` on, just before the byte `before`, and reports it once.
    fn missing(&mut self, from: usize, before: u32, seen: Sign) {
        let Some(innermost) = self.stack.last() else { return };
        let (bracket, opened) = (innermost.bracket, innermost.token);
        let place = self.out.last().map_or(before, |token| token.end);
        let sign = closer(bracket) as char;
        let span = Span::new(self.file, place, place);
        let opened = Span::new(self.file, opened.start, opened.end);
        let more = self.stack.len() - from - 1;
        let message = match (before as usize >= self.text.trim_end().len(), more) {
            (true, 0) => format!("the file ends where `{sign}` is missing"),
            (true, _) => format!("the file ends inside {} open brackets", more + 1),
            (false, _) => format!("`{sign}` is missing"),
        };
        let hint = match seen {
            Sign::Outdent => format!("the next line is not indented as if it were inside: put `{sign}` before it"),
            Sign::Closed(close) => format!("put `{sign}` before the `{}`", close as char),
            Sign::End => format!("put `{sign}` where what it holds ends"),
        };
        self.diagnostics.push(
            Diagnostic::new(&syntax::MISSING_BRACKET, span, message)
                .at(format!("expected `{sign}`"))
                .label(opened, format!("`{}` is opened here", bracket as char))
                .hint(hint),
        );
        while self.stack.len() > from {
            let Some(waiting) = self.stack.pop() else { break };
            self.insert(closer(waiting.bracket), before);
        }
        self.scanned.faults.push(place);
        self.scanned.faults.push(opened.start);
    }

    /// Writes a bracket over the first blank after the last token, if there is one.
    fn insert(&mut self, bracket: u8, before: u32) {
        let place = self.out.last().map_or(0, |token| token.end);
        let blank = self.scanned.clean.get(place as usize).is_some_and(|byte| byte.is_ascii_whitespace());
        let end = if blank && place < before {
            self.scanned.clean[place as usize] = bracket;
            place + 1
        } else {
            place
        };
        let kind = if bracket == b'{' { Kind::Open(bracket) } else { Kind::Close(bracket) };
        self.out.push(Token { kind, start: place, end });
    }

    /// Drops a closing bracket; a run of them is reported once.
    fn surplus(&mut self, token: Token) {
        let between = self.scanned.clean.get(self.dropped..token.start as usize);
        let run = between.is_some_and(|between| between.iter().all(u8::is_ascii_whitespace));
        self.dropped = token.end as usize;
        let span = Span::new(self.file, token.start, token.end);
        if !run {
            let sign = &self.text[span.range()];
            let mut diagnostic = Diagnostic::new(&syntax::SURPLUS_BRACKET, span, format!("`{sign}` closes nothing"))
                .hint("remove it, or open its partner before it");
            if let Some(waiting) = self.stack.last() {
                let opened = Span::new(self.file, waiting.token.start, waiting.token.end);
                diagnostic = diagnostic.label(opened, "this is still open, and closed further below");
            }
            self.diagnostics.push(diagnostic);
        }
        self.scanned.clean[span.range()].fill(b' ');
        self.scanned.faults.push(token.start);
    }

    /// Gives up the rest of a part of the file, from a bracket on that nests too deep.
    fn too_deep(&mut self, token: Token, part: &[Token]) {
        let span = Span::new(self.file, token.start, token.end);
        self.diagnostics.push(
            Diagnostic::new(&syntax::TOO_DEEP, span, format!("brackets nest deeper than {MAX_DEPTH}"))
                .hint("name parts of it with `let`"),
        );
        let end = part.last().map_or(token.end, |last| last.end);
        self.scanned.clean[token.start as usize..end as usize].fill(b' ');
        self.scanned.faults.push(token.start);
        while let Some(waiting) = self.stack.pop() {
            self.scanned.faults.push(waiting.token.start);
            self.insert(closer(waiting.bracket), end);
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.as_bytes()[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
    }

    /// Blanks before the first character of a line; a tab counts as four.
    fn indent(&self, line: usize) -> usize {
        let blanks = self.text.as_bytes()[line..].iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
        blanks.map(|&byte| if byte == b'\t' { 4 } else { 1 }).sum()
    }
}
