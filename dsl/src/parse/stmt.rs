//! Blocks and statements.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::scan::Kind;
use crate::ast::{Block, Do, DoTarget, Expr, ExprKind, Ident, Noun, OrElse, Refusal, RowOp, Stmt, StmtKind};
use crate::diagnostic::{Diagnostic, syntax};
use crate::source::Span;

/// What a block is for; it decides which statements may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// A command or a timer.
    Decision,
    /// The body of an event.
    Effect,
    /// A handler of a view.
    Rows,
    /// A policy, or what a saga does when it has failed.
    Flow,
}

impl Context {
    fn allows(self, rule: Rule) -> bool {
        match rule {
            Rule::if_stmt => true,
            Rule::let_stmt => matches!(self, Context::Decision | Context::Flow),
            Rule::require_stmt | Rule::done_stmt | Rule::emit_stmt => self == Context::Decision,
            Rule::do_stmt => self == Context::Flow,
            Rule::for_stmt => matches!(self, Context::Flow | Context::Effect),
            Rule::assign_stmt | Rule::add_stmt | Rule::remove_stmt => self == Context::Effect,
            _ => self == Context::Rows,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Context::Decision => "a command or timer",
            Context::Effect => "the body of an event",
            Context::Rows => "a handler of a view",
            Context::Flow => "a policy or a saga",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Context::Decision => "it decides with `let`, `require`, `if`, `done` and `emit`; events change the state",
            Context::Effect => "it changes fields: `field = …`, `map[key] = …`, `add … to …`, `remove …`",
            Context::Rows => "it changes rows: `insert`, `update`, `upsert`, `delete`",
            Context::Flow => "it sends: `do …`, with `let`, `if` and `for` around it",
        }
    }
}

/// So many `else if` may follow each other.
const MAX_ARMS: usize = 32;

/// A block of which nothing could be read.
pub(super) fn broken_block(span: Span) -> Block {
    Block { stmts: vec![Stmt { kind: StmtKind::Broken, span }], span }
}

impl<'a> Builder<'a> {
    /// A block that the grammar took.
    pub(super) fn block(&mut self, pair: Pair<'a>, context: Context) -> Block {
        let span = self.span(&pair);
        Block { stmts: children(pair).map(|stmt| self.stmt(stmt, context)).collect(), span }
    }

    /// A block that the grammar refused: each statement alone. The piece begins and ends with its braces.
    pub(super) fn statements(&mut self, piece: Piece, context: Context) -> Block {
        let inner = Piece { first: piece.first + 1, end: (piece.end - 1).max(piece.first + 1) };
        let tokens = self.tokens;
        let starts = tokens.split(inner.first, inner.end, |at| {
            tokens.statement(inner.first, at) || tokens.misspelt_statement(inner.first, at)
        });
        let mut stmts = Vec::new();
        for (index, &first) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(inner.end);
            let piece = Piece { first, end };
            let left = self.leftovers.len();
            let stmt = self.read(Rule::stmt_piece, piece, None, |this, pair| this.stmt(pair, context));
            let cut = self.leftovers.len() > left;
            self.leftovers.truncate(left);
            match stmt {
                Some(stmt) if cut => stmts.extend([stmt, Stmt { kind: StmtKind::Broken, span: self.place(piece) }]),
                Some(stmt) => stmts.push(stmt),
                None => self.broken_stmt(piece, &mut stmts),
            }
        }
        Block { stmts, span: self.place(piece) }
    }

    /// A statement that was refused; the name that a `let` gives stays, with an unknown value.
    fn broken_stmt(&self, piece: Piece, stmts: &mut Vec<Stmt>) {
        let span = self.place(piece);
        let at = self.tokens.name_at(piece.first + 1);
        let named = self.tokens.kind(at) == Some(Kind::Word) && at < piece.end;
        if named && self.tokens.str(piece.first) == "let" {
            let name = Ident { text: self.tokens.str(at).into(), span: self.token_span(at) };
            let value = Expr { kind: ExprKind::Broken, span };
            stmts.push(Stmt { kind: StmtKind::Let { name, value }, span });
        }
        stmts.push(Stmt { kind: StmtKind::Broken, span });
    }

    fn stmt(&mut self, pair: Pair<'a>, context: Context) -> Stmt {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        if !context.allows(rule) {
            let word = pair.as_str().split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or("this");
            let what = if rule == Rule::assign_stmt { "an assignment".to_owned() } else { format!("`{word}`") };
            let message = format!("{what} cannot stand in {}", context.as_str());
            self.report(Diagnostic::new(&syntax::MISPLACED, span, message).hint(context.hint()));
            return Stmt { kind: StmtKind::Broken, span };
        }
        let kind = match rule {
            Rule::if_stmt => self.if_stmt(pair, context, span),
            Rule::done_stmt => Some(StmtKind::Done),
            Rule::do_stmt => children(pair).next().and_then(|call| self.do_call(call)).map(StmtKind::Do),
            Rule::for_stmt => self.for_stmt(pair, context),
            Rule::remove_stmt => self.remove_stmt(pair),
            Rule::row_stmt => self.row_stmt(pair),
            _ => self.simple_stmt(rule, pair),
        };
        Stmt { kind: kind.unwrap_or(StmtKind::Broken), span }
    }

    fn simple_stmt(&mut self, rule: Rule, pair: Pair<'a>) -> Option<StmtKind> {
        let mut parts = children(pair).peekable();
        Some(match rule {
            Rule::let_stmt => {
                let name = self.lower(&parts.next()?, Noun::Let);
                StmtKind::Let { name, value: self.expr(parts.next()?) }
            }
            Rule::require_stmt => {
                let condition = self.expr(parts.next()?);
                StmtKind::Require { condition, otherwise: self.refusal(parts.next()?)? }
            }
            Rule::emit_stmt => {
                let event = self.ident(&parts.next()?);
                let args = parts.next().map(|args| self.args(args)).unwrap_or_default();
                StmtKind::Emit { event, args }
            }
            Rule::add_stmt => {
                let value = self.expr(parts.next()?);
                StmtKind::Add { value, field: self.ident(&parts.next()?) }
            }
            _ => {
                let field = self.ident(&parts.next()?);
                let key = take(&mut parts, Rule::index).and_then(|index| children(index).next());
                let key = key.map(|key| self.expr(key));
                let value = self.expr(parts.next()?);
                match key {
                    Some(key) => StmtKind::AssignEntry { field, key, value },
                    None => StmtKind::Assign { field, value },
                }
            }
        })
    }

    pub(super) fn refusal(&mut self, pair: Pair<'a>) -> Option<Refusal> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let error = self.path(parts.next()?);
        let args = parts.next().map(|args| self.args(args)).unwrap_or_default();
        Some(Refusal { error, args, span })
    }

    /// `if … else if … else …`: each `else if` is a block of one `if`.
    fn if_stmt(&mut self, pair: Pair<'a>, context: Context, span: Span) -> Option<StmtKind> {
        let mut arms = Vec::new();
        let mut otherwise = None;
        for part in children(pair) {
            match part.as_rule() {
                Rule::if_arm => arms.push(part),
                _ => otherwise = Some(self.block(part, context)),
            }
        }
        if arms.len() > MAX_ARMS {
            let message = format!("more than {MAX_ARMS} `else if` follow each other");
            self.report(Diagnostic::new(&syntax::TOO_DEEP, span, message).hint("a list or a map may say it"));
            return Some(StmtKind::Broken);
        }
        let mut result = None;
        while let Some(arm) = arms.pop() {
            let span = self.span(&arm);
            let mut parts = children(arm).peekable();
            let condition = self.expr(parts.next()?);
            let alias = take(&mut parts, Rule::alias).and_then(|alias| children(alias).next());
            let alias = alias.map(|name| self.ident(&name));
            let then = self.block(parts.next()?, context);
            let kind = StmtKind::If { condition, alias, then, otherwise: otherwise.take() };
            if arms.is_empty() {
                result = Some(kind);
            } else {
                otherwise = Some(Block { stmts: vec![Stmt { kind, span }], span });
            }
        }
        result
    }

    fn for_stmt(&mut self, pair: Pair<'a>, context: Context) -> Option<StmtKind> {
        let mut parts = children(pair);
        let each = self.each(parts.next()?)?;
        Some(StmtKind::For { name: each.name, items: each.items, body: self.block(parts.next()?, context) })
    }

    /// `remove m[k]` or `remove x from s`
    fn remove_stmt(&mut self, pair: Pair<'a>) -> Option<StmtKind> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let value = self.expr(parts.next()?);
        if let Some(field) = parts.next() {
            return Some(StmtKind::RemoveFrom { value, field: self.ident(&field) });
        }
        if let ExprKind::Index { base, key } = value.kind
            && let ExprKind::Name(field) = base.kind
        {
            return Some(StmtKind::RemoveEntry { field, key: *key });
        }
        self.report(
            Diagnostic::new(
                &syntax::UNEXPECTED,
                span,
                "`remove` takes an entry of a map, or an element `from` a set or list",
            )
            .hint("write `remove map[key]` or `remove element from set`"),
        );
        None
    }

    fn row_stmt(&mut self, pair: Pair<'a>) -> Option<StmtKind> {
        let mut parts = children(pair).peekable();
        let op = match parts.next()?.as_str() {
            "insert" => RowOp::Insert,
            "update" => RowOp::Update,
            "upsert" => RowOp::Upsert,
            _ => RowOp::Delete,
        };
        let key = take(&mut parts, Rule::index).and_then(|index| children(index).next());
        let key = key.map(|key| self.expr(key));
        let values = take(&mut parts, Rule::args).map(|args| self.args(args)).unwrap_or_default();
        let condition = take(&mut parts, Rule::where_clause).and_then(|clause| children(clause).next());
        let condition = condition.map(|condition| self.expr(condition));
        Some(StmtKind::Row { op, key, values, condition })
    }

    /// What follows `do` and `undo`.
    pub(super) fn do_call(&mut self, pair: Pair<'a>) -> Option<Do> {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let path = self.path(parts.next()?);
        let target = match take(&mut parts, Rule::do_key) {
            Some(key) => {
                let mut parts = children(key);
                let key = Box::new(self.expr(parts.next()?));
                DoTarget::Command { aggregate: path, key, command: self.ident(&parts.next()?) }
            }
            None => DoTarget::Path(path),
        };
        let args = take(&mut parts, Rule::args).map(|args| self.args(args)).unwrap_or_default();
        let alias = take(&mut parts, Rule::alias).and_then(|alias| children(alias).next());
        let alias = alias.map(|name| self.ident(&name));
        let otherwise = take(&mut parts, Rule::or_stuck).and_then(|reason| children(reason).next());
        let otherwise = otherwise.map(|reason| OrElse::Stuck(self.text(&reason)));
        Some(Do { target, args, alias, otherwise, span })
    }
}
