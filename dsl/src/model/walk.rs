//! Ways through expressions.

use super::expr::{Arithmetic, Expr, ExprKind, Failure, Literal, Piece};

impl Expr {
    /// What this node itself, without those below it, may be refused for.
    pub fn own_failures(&self) -> &'static [Failure] {
        match &self.kind {
            ExprKind::Arithmetic(Arithmetic::Divide | Arithmetic::Remainder, _, by) if !by.is_nonzero() => {
                &[Failure::Overflow, Failure::DivisionByZero]
            }
            ExprKind::Arithmetic(..) | ExprKind::Negate(_) | ExprKind::Sum { .. } => &[Failure::Overflow],
            ExprKind::Index { proven: false, .. } => &[Failure::NoKey],
            ExprKind::Convert(conversion, _) if conversion.may_fail() => &[Failure::Refinement],
            _ => &[],
        }
    }

    /// Whether this is a number that is written out and is not zero.
    fn is_nonzero(&self) -> bool {
        match &self.kind {
            ExprKind::Literal(Literal::Int(value)) => *value != 0,
            ExprKind::Literal(Literal::Decimal(value)) => !value.is_zero(),
            ExprKind::Convert(_, of) => of.is_nonzero(),
            _ => false,
        }
    }

    /// Whether a node, here or below, is one that `wanted` accepts.
    pub fn any(&self, mut wanted: impl FnMut(&Expr) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |node| found = found || wanted(node));
        found
    }

    /// Visits this node, then those below it, in the order written.
    pub fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Expr)) {
        visit(self);
        self.each_child(&mut |child| child.walk(visit));
    }

    /// Visits the nodes right below this one, in the order written.
    pub fn each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        use ExprKind as K;
        match &self.kind {
            K::List(items) | K::Value(_, items) => items.iter().for_each(visit),
            K::Interpolate(pieces) => pieces.iter().filter_map(Piece::expr).for_each(visit),
            K::Get { of, .. } | K::GetIfPresent { of, .. } | K::Row { key: of, .. } => visit(of),
            K::JoinElement(of) | K::JoinRow(of) | K::Proven(of) | K::Not(of) | K::Negate(of) => visit(of),
            K::IsAbsent(of) | K::IsEmpty(of) | K::Keys(of) | K::Values(of) | K::Size(of) | K::Convert(_, of) => {
                visit(of)
            }
            K::IfGiven { condition, .. } => visit(condition),
            K::And(a, b)
            | K::Or(a, b)
            | K::Arithmetic(_, a, b)
            | K::Compare(_, a, b)
            | K::Coalesce(a, b)
            | K::Index { map: a, key: b, .. }
            | K::Contains { collection: b, item: a } => {
                visit(a);
                visit(b);
            }
            K::If(a, b, c) => {
                visit(a);
                visit(b);
                visit(c);
            }
            K::Map { of, each: lambda }
            | K::Filter { of, keep: lambda }
            | K::Any { of, holds: lambda }
            | K::All { of, holds: lambda } => {
                visit(of);
                visit(&lambda.body);
            }
            K::Sum { of, each } => {
                visit(of);
                if let Some(lambda) = each {
                    visit(&lambda.body);
                }
            }
            K::Literal(_)
            | K::Case(..)
            | K::State(..)
            | K::Absent
            | K::SelfId
            | K::Field(_)
            | K::Computed(_)
            | K::Status => {}
            K::Param(_)
            | K::Local(_)
            | K::Payload(_)
            | K::EventStream
            | K::EventAt
            | K::EventEntered
            | K::Column(_) => {}
            K::Part(_) | K::HasRole(_) | K::Caller(_) | K::Now | K::FailureMessage | K::Poison => {}
        }
    }

    /// Whether both are written the same and so compute the same, wherever they stand in the same state. May say no of some that do.
    pub fn same(&self, other: &Expr) -> bool {
        use ExprKind as K;
        let pair = |a: &Expr, b: &Expr, c: &Expr, d: &Expr| a.same(c) && b.same(d);
        match (&self.kind, &other.kind) {
            (K::Literal(a), K::Literal(b)) => a == b,
            (K::Case(a, b), K::Case(c, d)) => a == c && b == d,
            (K::State(a, b), K::State(c, d)) => a == c && b == d,
            (K::SelfId, K::SelfId) | (K::Status, K::Status) | (K::Now, K::Now) => true,
            (K::EventStream, K::EventStream) | (K::EventAt, K::EventAt) | (K::EventEntered, K::EventEntered) => true,
            (K::Field(a), K::Field(b)) | (K::Computed(a), K::Computed(b)) | (K::Param(a), K::Param(b)) => a == b,
            (K::Payload(a), K::Payload(b)) | (K::Column(a), K::Column(b)) | (K::Part(a), K::Part(b)) => a == b,
            (K::Local(a), K::Local(b)) => a.index == b.index,
            (K::Caller(a), K::Caller(b)) => a == b,
            (K::Get { of: a, field: f }, K::Get { of: b, field: g }) => f == g && a.same(b),
            (K::GetIfPresent { of: a, field: f }, K::GetIfPresent { of: b, field: g }) => f == g && a.same(b),
            (K::JoinElement(a), K::JoinElement(b)) | (K::JoinRow(a), K::JoinRow(b)) | (K::Proven(a), K::Proven(b)) => {
                a.same(b)
            }
            (K::Convert(s, a), K::Convert(t, b)) => s == t && a.same(b),
            (K::Index { map: a, key: b, .. }, K::Index { map: c, key: d, .. }) => pair(a, b, c, d),
            (K::Arithmetic(o, a, b), K::Arithmetic(p, c, d)) => o == p && pair(a, b, c, d),
            _ => false,
        }
    }
}

impl Piece {
    /// The expression, if it is one.
    pub fn expr(&self) -> Option<&Expr> {
        match self {
            Piece::Expr(expr) => Some(expr),
            Piece::Text(_) => None,
        }
    }
}
