//! Statements that change rows: of a view's handlers.

use crate::ast::{self, RowOp, StmtKind};
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::model::{self, Expr, ExprKind, Id, Name, RowChange, Ty};
use crate::resolve::body::{Body, Itself};
use crate::resolve::decision::Tested;
use crate::source::Span;

impl<'a> Body<'_, 'a> {
    /// The changes of a block, in a scope of their own.
    pub(crate) fn row_changes(&mut self, view: Id<model::View>, block: &'a ast::Block) -> Vec<RowChange> {
        let mark = self.enter();
        let changes = block.stmts.iter().filter_map(|stmt| self.row_change(view, stmt)).collect();
        self.leave(mark);
        changes
    }

    fn row_change(&mut self, view: Id<model::View>, stmt: &'a ast::Stmt) -> Option<RowChange> {
        match &stmt.kind {
            StmtKind::Row { op, key, values, condition } => {
                self.row_op(view, *op, (key.as_ref(), values, condition.as_ref()), stmt.span)
            }
            StmtKind::If { condition, alias, then, otherwise } => {
                let mark = self.enter();
                let Tested { condition, variable } = self.tested(condition, alias.as_ref());
                let mut then = self.row_changes(view, then);
                self.leave(mark);
                if let Some((local, value)) = variable {
                    then.insert(0, RowChange::Let { local, value });
                }
                let otherwise = otherwise.as_ref().map(|block| self.row_changes(view, block)).unwrap_or_default();
                Some(RowChange::If { condition, then, otherwise })
            }
            StmtKind::For { name, items, body } => {
                let of = self.expr(items, None);
                let ty = self.element_of(&of);
                let mark = self.enter();
                let each = self.declare(name, ty.clone());
                let body = self.row_changes(view, body);
                self.leave(mark);
                Some(RowChange::For { each, ty, of, body })
            }
            StmtKind::Broken => {
                self.incomplete = true;
                None
            }
            _ => self.misplaced_statement(
                stmt.span,
                "a handler changes rows: `insert[key](…)`, `update[key](…)`, `upsert[key](…)`, `delete[key]`, `if`",
            ),
        }
    }

    fn row_op(
        &mut self,
        view: Id<model::View>,
        op: RowOp,
        (key, values, condition): (Option<&'a ast::Expr>, &'a [ast::Arg], Option<&'a ast::Expr>),
        span: Span,
    ) -> Option<RowChange> {
        let key_ty = self.draft.model.views[view].columns.first().map_or(Ty::Poison, |it| it.ty.clone());
        let key = key.map(|key| self.expr_as(key, &key_ty));
        let old = matches!(op, RowOp::Update | RowOp::Upsert);
        let columns = if op == RowOp::Delete { Vec::new() } else { self.columns(view, values, old, span)? };
        let filter = condition.map(|condition| self.with_row(view, |body| body.condition(condition)));
        match (op, key, filter) {
            (_, Some(_), Some(filter)) => {
                self.report(
                    Diagnostic::new(&codes::NOT_HERE, filter.span, "one row is named already")
                        .hint("use either `[key]` or `where`"),
                );
                None
            }
            (RowOp::Insert, Some(key), None) => {
                let defaults = self.defaults(view, &columns, span);
                let mut columns = columns;
                columns.extend(defaults);
                columns.sort_by_key(|(index, _)| *index);
                Some(RowChange::Insert { key, columns })
            }
            (RowOp::Upsert, Some(key), None) => {
                let defaults = self.defaults(view, &columns, span);
                Some(RowChange::Upsert { key, columns, defaults })
            }
            (RowOp::Update, Some(key), None) => Some(RowChange::Update { key, columns }),
            (RowOp::Update, None, Some(filter)) => Some(RowChange::UpdateWhere { columns, filter }),
            (RowOp::Delete, Some(key), None) => Some(RowChange::Delete { key }),
            (RowOp::Delete, None, Some(filter)) => Some(RowChange::DeleteWhere { filter }),
            _ => {
                self.report(
                    Diagnostic::new(&codes::NOT_HERE, span, "which row is this?")
                        .hint("name it: `[key]`, or `where …` for several"),
                );
                None
            }
        }
    }

    /// What `body` resolves while the columns of the row go by their names alone.
    fn with_row<T>(&mut self, view: Id<model::View>, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = (self.sight.itself, self.sight.bare);
        (self.sight.itself, self.sight.bare) = (Itself::Row(view), true);
        let result = body(self);
        (self.sight.itself, self.sight.bare) = before;
        result
    }

    fn columns(
        &mut self,
        view: Id<model::View>,
        values: &'a [ast::Arg],
        old: bool,
        span: Span,
    ) -> Option<Vec<(u32, Expr)>> {
        let node = &self.draft.model.views[view];
        let (what, declared) = (format!("the view `{}`", node.name), node.span);
        let key = node.columns.first().map(|it| it.name.clone());
        // The key is given in `[…]`, never among the columns.
        let fields: Vec<(Name, Ty)> = node.columns.iter().skip(1).map(|it| (it.name.clone(), it.ty.clone())).collect();
        let of_key = values
            .iter()
            .find(|arg| arg.name.as_ref().is_some_and(|name| key.as_ref().is_some_and(|key| *key == name.as_str())));
        if let Some(arg) = of_key {
            self.report(
                Diagnostic::new(&names::UNKNOWN_ARGUMENT, arg.span, "the key of a row does not change")
                    .hint("it stands in `[…]`"),
            );
            return None;
        }
        if self.draft.incomplete_views[view.index()] {
            self.arguments_unchecked(values);
            return None;
        }
        let given = if old {
            self.with_row(view, |body| body.some_arguments(&what, declared, &fields, values))
        } else {
            self.some_arguments(&what, declared, &fields, values)
        };
        if old && given.is_empty() && values.is_empty() {
            self.report(
                Diagnostic::new(&names::MISSING_ARGUMENT, span, "no column is written")
                    .hint("name the columns that change: `(title: e.title)`"),
            );
        }
        Some(given.into_iter().map(|(index, value)| (index + 1, value)).collect())
    }

    /// The columns of a new row that are not named; reports those that must be.
    fn defaults(&mut self, view: Id<model::View>, given: &[(u32, Expr)], span: Span) -> Vec<(u32, Expr)> {
        let columns: Vec<(u32, Name, Ty)> = (0u32..)
            .zip(&self.draft.model.views[view].columns)
            .skip(1)
            .map(|(index, it)| (index, it.name.clone(), it.ty.clone()))
            .collect();
        let mut defaults = Vec::new();
        let mut missing = Vec::new();
        for (index, name, ty) in columns {
            if given.iter().any(|(it, _)| *it == index) {
                continue;
            }
            match &ty {
                Ty::Optional(_) => defaults.push((index, Expr { kind: ExprKind::Absent, ty, span })),
                Ty::List(_, None) => defaults.push((index, Expr { kind: ExprKind::List(Vec::new()), ty, span })),
                Ty::Poison => {}
                _ => missing.push(format!("`{name}`")),
            }
        }
        if !missing.is_empty() && !self.incomplete {
            let declared = self.draft.model.views[view].span;
            let message = format!("a new row also wants {}", missing.join(", "));
            self.report(Diagnostic::new(&names::MISSING_ARGUMENT, span, message).label(declared, "the view"));
        }
        defaults
    }
}
