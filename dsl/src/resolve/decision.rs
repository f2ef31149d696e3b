//! Statements that decide: of commands and timers.

use crate::ast::{self, StmtKind};
use crate::diagnostic::{Diagnostic, checks, names, types as codes};
use crate::model::{self, Base, Emit, Expr, ExprKind, Id, Origin, Raise, Statement, Ty};
use crate::resolve::body::Body;
use crate::source::Span;

/// A condition, and the variable that it names where it holds.
pub(crate) struct Tested {
    pub(crate) condition: Expr,
    pub(crate) variable: Option<(model::Local, Expr)>,
}

impl<'a> Body<'_, 'a> {
    /// The condition of an `if`; enters its first block: the caller leaves it.
    pub(crate) fn tested(&mut self, condition: &'a ast::Expr, alias: Option<&'a ast::Ident>) -> Tested {
        let Some(alias) = alias else {
            let condition = self.condition(condition);
            self.assume(&condition, true);
            return Tested { condition, variable: None };
        };
        let value = self.expr(condition, None);
        let inner = match &value.ty {
            Ty::Optional(inner) => (**inner).clone(),
            Ty::Poison => Ty::Poison,
            _ => {
                let message = "this is never absent";
                self.report(
                    Diagnostic::new(&codes::MAY_BE_ABSENT, value.span, message)
                        .hint("`if x as y` looks whether an optional value is there"),
                );
                Ty::Poison
            }
        };
        let span = value.span;
        let local = self.declare(alias, inner.clone());
        let absent = Expr { kind: ExprKind::IsAbsent(Box::new(value.clone())), ty: Ty::Base(Base::Bool), span };
        let condition = Expr { kind: ExprKind::Not(Box::new(absent)), ty: Ty::Base(Base::Bool), span };
        let within = Expr { kind: ExprKind::Proven(Box::new(value)), ty: inner, span };
        Tested { condition, variable: Some((local, within)) }
    }

    /// The statements of a block, in a scope of their own.
    pub(crate) fn decisions(&mut self, block: &'a ast::Block) -> Vec<Statement> {
        let mark = self.enter();
        let statements = self.decisions_here(block);
        self.leave(mark);
        statements
    }

    fn decisions_here(&mut self, block: &'a ast::Block) -> Vec<Statement> {
        let mut statements = Vec::with_capacity(block.stmts.len());
        for (index, stmt) in block.stmts.iter().enumerate() {
            let Some(statement) = self.decision(stmt) else { continue };
            let ends = always_ends(std::slice::from_ref(&statement));
            statements.push(statement);
            if let (true, Some(next)) = (ends, block.stmts.get(index + 1)) {
                self.report(
                    Diagnostic::new(&checks::NEVER_RUN, next.span, "this is never reached")
                        .label(stmt.span, "the command ends here"),
                );
                break;
            }
        }
        statements
    }

    fn decision(&mut self, stmt: &'a ast::Stmt) -> Option<Statement> {
        match &stmt.kind {
            StmtKind::Let { name, value } => {
                let value = self.expr(value, None);
                let local = self.declare(name, value.ty.clone());
                Some(Statement::Let { local, value })
            }
            StmtKind::Require { condition, otherwise } => {
                let condition = self.condition(condition);
                let otherwise = self.raise(otherwise);
                self.assume(&condition, true);
                otherwise.map(|otherwise| Statement::Require { condition, otherwise })
            }
            StmtKind::If { condition, alias, then, otherwise } => {
                Some(self.decide_if(condition, alias.as_ref(), then, otherwise.as_ref()))
            }
            StmtKind::Done => Some(Statement::Done),
            StmtKind::Emit { event, args } => self.emit(event, args, stmt.span).map(Statement::Emit),
            StmtKind::Broken => {
                self.incomplete = true;
                None
            }
            _ => self.misplaced_statement(stmt.span, "a command decides with `let`, `require`, `if`, `done`, `emit`"),
        }
    }

    pub(crate) fn misplaced_statement<T>(&mut self, span: Span, hint: &str) -> Option<T> {
        self.report(Diagnostic::new(&codes::NOT_HERE, span, "this statement cannot stand here").hint(hint));
        None
    }

    fn decide_if(
        &mut self,
        condition: &'a ast::Expr,
        alias: Option<&'a ast::Ident>,
        then: &'a ast::Block,
        otherwise: Option<&'a ast::Block>,
    ) -> Statement {
        let mark = self.enter();
        let Tested { condition, variable } = self.tested(condition, alias);
        let mut then = self.decisions(then);
        self.leave(mark);
        if let Some((local, value)) = variable {
            then.insert(0, Statement::Let { local, value });
        }
        let mark = self.enter();
        self.assume(&condition, false);
        let otherwise = otherwise.map(|block| self.decisions(block)).unwrap_or_default();
        self.leave(mark);
        if emits(&then) || emits(&otherwise) {
            self.forget_state();
        }
        // Where one side ends the command, what follows knows that it was the other.
        match (always_ends(&then), always_ends(&otherwise)) {
            (true, false) => self.assume(&condition, false),
            (false, true) => self.assume(&condition, true),
            _ => {}
        }
        Statement::If { condition, then, otherwise }
    }

    /// `Error(…)` after `else`.
    pub(crate) fn raise(&mut self, node: &'a ast::Refusal) -> Option<Raise> {
        let Some(error) = self.draft.find_error(self.place, &node.error) else {
            self.arguments_unchecked(&node.args);
            return None;
        };
        let declared = &self.draft.model.errors[error];
        let (what, span) = (format!("the error `{}`", declared.name), declared.span);
        let fields: Vec<_> = declared.fields.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let arguments = self.arguments(&what, span, &fields, &node.args, node.span);
        self.draft.raised.push(error);
        Some(Raise { error, arguments, span: node.span })
    }

    fn emit(&mut self, ident: &'a ast::Ident, args: &'a [ast::Arg], span: Span) -> Option<Emit> {
        let aggregate = self.place.aggregate?;
        let Some(event) = self.draft.event_of(aggregate, ident) else {
            self.arguments_unchecked(args);
            return None;
        };
        let declared = &self.draft.model.events[event];
        let (what, at) = (format!("the event `{}`", declared.name), declared.span);
        let given: Vec<_> = declared
            .payload
            .iter()
            .filter(|it| !carried(it.origin))
            .map(|it| (it.name.clone(), it.ty.clone()))
            .collect();
        let args = self.without_carried(event, args);
        let mut values = self.arguments_of(&what, at, &given, &args, span).into_iter();
        let payload: Vec<(Origin, Ty, Span)> =
            self.draft.model.events[event].payload.iter().map(|it| (it.origin, it.ty.clone(), it.span)).collect();
        let mut fields = Vec::with_capacity(payload.len());
        for (origin, ty, _) in payload {
            let value = match origin {
                Origin::Given | Origin::Set(_) => values.next().unwrap_or_else(|| self.poison(span)),
                Origin::Carry(field) => Expr { kind: ExprKind::Field(field), ty, span },
                Origin::CarryComputed(index) => self.carry_computed(aggregate, index, ty, span),
            };
            fields.push(value);
        }
        if self.sight.new && fields.iter().any(|it| matches!(it.kind, ExprKind::Field(_) | ExprKind::Computed(_))) {
            let message = format!("{what} carries a part of the state, and before a `create` there is none");
            self.report(
                Diagnostic::new(&checks::NO_STATE, span, message)
                    .label(at, "declared here")
                    .hint("give it in `emit`: write its type instead of `carry`"),
            );
        }
        self.forget_state();
        Some(Emit { event, payload: fields, span })
    }

    fn carry_computed(&mut self, aggregate: Id<model::Aggregate>, index: u32, ty: Ty, span: Span) -> Expr {
        let computed = self.draft.model.aggregates[aggregate].computed[index as usize].ty.clone();
        let value = Expr { kind: ExprKind::Computed(index), ty: computed, span };
        self.coerce(value, &ty)
    }

    /// The arguments without those for carried fields, which are not given: says so, rather than that they are unknown.
    fn without_carried(&mut self, event: Id<model::Event>, args: &'a [ast::Arg]) -> Vec<&'a ast::Arg> {
        let mut kept = Vec::with_capacity(args.len());
        for arg in args {
            let name = match (&arg.name, &arg.value.kind) {
                (Some(name), _) | (None, ast::ExprKind::Name(name)) => Some(name),
                _ => None,
            };
            let payload = &self.draft.model.events[event].payload;
            match name.and_then(|name| {
                payload.iter().find(|it| it.name == name.as_str() && carried(it.origin)).map(|it| (name, it.span))
            }) {
                // In a `create` the event itself is wrong, and is reported.
                Some(_) if self.sight.new => {}
                Some((name, declared)) => {
                    let message = format!("`{}` is carried out of the state, not given", name.as_str());
                    self.report(
                        Diagnostic::new(&names::UNKNOWN_ARGUMENT, name.span, message)
                            .label(declared, "carried here")
                            .hint("leave it out of `emit`"),
                    );
                }
                None => kept.push(arg),
            }
        }
        kept
    }
}

fn carried(origin: Origin) -> bool {
    matches!(origin, Origin::Carry(_) | Origin::CarryComputed(_))
}

/// Whether every way through the statements ends in `done`.
pub(crate) fn always_ends(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| match statement {
        Statement::Done => true,
        Statement::If { then, otherwise, .. } => always_ends(then) && always_ends(otherwise),
        _ => false,
    })
}

/// Whether some way through the statements emits.
pub(crate) fn emits(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| match statement {
        Statement::Emit(_) => true,
        Statement::If { then, otherwise, .. } => emits(then) || emits(otherwise),
        _ => false,
    })
}
