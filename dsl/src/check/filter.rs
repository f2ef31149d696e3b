//! Filters: what chooses rows is carried out by the database, which compares columns with values and knows no more.

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
use crate::model::{Conversion, Expr, ExprKind, RowChange, ViewSource};
use crate::source::Span;

impl Draft<'_> {
    pub(crate) fn check_filters(&mut self) {
        let mut found: Vec<Span> = Vec::new();
        for query in self.model.queries.iter() {
            query.filter.iter().for_each(|filter| refused(filter, &mut found));
        }
        for view in self.model.views.iter() {
            if let ViewSource::Events { handlers, .. } = &view.source {
                handlers.iter().flat_map(|it| &it.cases).for_each(|case| of_changes(&case.body, &mut found));
            }
        }
        found.sort_unstable();
        found.dedup();
        for span in found {
            let hint =
                "compare a column with a value, or with another column; keep what is computed in a column of its own";
            self.report(Diagnostic::new(&checks::FILTER, span, "a row cannot be chosen by this").hint(hint));
        }
    }
}

fn of_changes(changes: &[RowChange], found: &mut Vec<Span>) {
    for change in changes {
        match change {
            RowChange::UpdateWhere { filter, .. } | RowChange::DeleteWhere { filter } => refused(filter, found),
            RowChange::If { then, otherwise, .. } => {
                of_changes(then, found);
                of_changes(otherwise, found);
            }
            RowChange::For { body, .. } => of_changes(body, found),
            _ => {}
        }
    }
}

/// Collects the parts of a condition that no comparison of columns and values expresses.
fn refused(expr: &Expr, found: &mut Vec<Span>) {
    match &expr.kind {
        ExprKind::And(a, b) | ExprKind::Or(a, b) => {
            refused(a, found);
            refused(b, found);
        }
        ExprKind::Not(inner) | ExprKind::IfGiven { condition: inner, .. } => refused(inner, found),
        ExprKind::Compare(_, a, b) if side(a) && side(b) => {}
        ExprKind::Contains { collection, item } if !reads_row(collection) && side(item) => {}
        ExprKind::IsAbsent(of) if side(of) => {}
        _ if side(expr) => {}
        _ => found.push(expr.span),
    }
}

/// A column, or something that does not depend on the row.
fn side(expr: &Expr) -> bool {
    let column = match &expr.kind {
        ExprKind::Column(_) => true,
        ExprKind::Convert(conversion, of) if keeps(conversion) => return side(of),
        _ => false,
    };
    column || !reads_row(expr)
}

/// Whether the database holds the same for both types.
fn keeps(conversion: &Conversion) -> bool {
    match conversion {
        Conversion::Refine | Conversion::IntToDecimal => false,
        Conversion::InOptional(steps) | Conversion::Elements(steps) => steps.iter().all(keeps),
        _ => true,
    }
}

fn reads_row(expr: &Expr) -> bool {
    expr.any(|node| matches!(node.kind, ExprKind::Column(_)))
}
