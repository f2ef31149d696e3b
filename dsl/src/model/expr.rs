//! The one typed expression: what checks, the Rust emitter, the SQL emitter and proofs all read.
//!
//! Every node carries its type and what it may itself be refused for; every conversion is a node of its own.
//! A reader never infers a type and never decides again whether something can fail.

use rust_decimal::Decimal;
use std::sync::Arc;

use super::aggregate::Aggregate;
use super::arena::Id;
use super::name::Name;
use super::system::{Identity, Role};
use super::ty::{Enum, Ty, Value};
use super::view::View;
use crate::source::Span;

/// A typed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// The type of the result.
    pub ty: Ty,
    /// Where it stands. A node that was not written stands where the reason for it does.
    pub span: Span,
}

/// What an expression computes.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant. Its type may be refined or named: that it keeps the rule was checked.
    Literal(Literal),
    /// A case of an enum, by index.
    Case(Id<Enum>, u32),
    /// A state of an aggregate's lifecycle, by index.
    State(Id<Aggregate>, u32),
    /// No value; the type is optional.
    Absent,
    /// A new list, in order.
    List(Vec<Expr>),
    /// A new value, one expression a field, in the order of its fields.
    Value(Id<Value>, Vec<Expr>),

    /// The id of the aggregate at hand (in a command, an effect, a timer or a rule of access).
    SelfId,
    /// A field of the aggregate's state, by index. In an effect: as it stands when the statement runs.
    Field(u32),
    /// A computed member (`let`) of the aggregate, by index.
    Computed(u32),
    /// The state of the aggregate's lifecycle.
    Status,
    /// A parameter of the command, query, port operation or composition, by index.
    Param(u32),
    /// A variable: of `let`, `with`, `for`, a lambda, a step's answer.
    Local(Local),
    /// A field of the event at hand, by index: of an effect, a handler's alias, a saga's or policy's trigger.
    Payload(u32),
    /// `e.id`: the id of the aggregate that the event belongs to.
    EventStream,
    /// `e.at`: when the event was recorded.
    EventAt,
    /// `e.entered`: the lifecycle state that the aggregate was in after the event.
    EventEntered,
    /// A column of the row at hand, by index (in queries, rules of access and `update … where`).
    Column(u32),
    /// A part of a composition that comes before, by index.
    Part(u32),
    /// Whether the caller has the role.
    HasRole(Id<Role>),
    /// Who the caller is; the type is optional. Where a rule of access proves it, [`ExprKind::Proven`] stands around it.
    Caller(Id<Identity>),
    /// The moment of the command.
    Now,
    /// `failure.message`: why a saga failed, as the refusing error says it.
    FailureMessage,

    /// A field of a value or a column of a row (the type of `of` says which), by index.
    Get {
        /// The value or row.
        of: Box<Expr>,
        /// Which field or column.
        field: u32,
    },
    /// `of?.field`: absent where `of` is, else the field. The type is optional, also where the field itself is.
    GetIfPresent {
        /// An optional value or row.
        of: Box<Expr>,
        /// Which field or column.
        field: u32,
    },
    /// The element's half of a joined pair.
    JoinElement(Box<Expr>),
    /// The row's half of a joined pair.
    JoinRow(Box<Expr>),
    /// `map[key]`.
    Index {
        /// The map.
        map: Box<Expr>,
        /// The key.
        key: Box<Expr>,
        /// Whether the key was proven present; else the node may be refused for [`Failure::NoKey`].
        proven: bool,
    },
    /// `View[key]` in a handler: the row of another view of the same group as it stands, or absent.
    Row {
        /// The view.
        view: Id<View>,
        /// The key.
        key: Box<Expr>,
    },
    /// An optional that was proven present on this path (by `if given`, `if x as y`, a rule of access): the value within.
    Proven(Box<Expr>),

    /// `not x`.
    Not(Box<Expr>),
    /// `-x`; may be refused for [`Failure::Overflow`].
    Negate(Box<Expr>),
    /// `a and b`: the second is computed only where the first is true.
    And(Box<Expr>, Box<Expr>),
    /// `a or b`: the second is computed only where the first is false.
    Or(Box<Expr>, Box<Expr>),
    /// Arithmetic on two operands of the same base type (one conversion to decimal at most stands within).
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// Equality or order of two operands of the same type.
    /// Of optionals only equality, which is false where either is absent (and `!=` is its negation).
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `x is absent` (or `is present`, under [`ExprKind::Not`]).
    IsAbsent(Box<Expr>),
    /// `collection is empty`.
    IsEmpty(Box<Expr>),
    /// `item in collection`: an element of a list or set, or a key of a map. `not in` is under [`ExprKind::Not`].
    Contains {
        /// The list, set or map.
        collection: Box<Expr>,
        /// The element or key.
        item: Box<Expr>,
    },
    /// `a ?? b`: `a` where present, else `b`.
    Coalesce(Box<Expr>, Box<Expr>),
    /// `if c { a } else { b }`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `condition if given`, in a query's `where`: true where any of these parameters is absent, else the condition,
    /// in which they stand as [`ExprKind::Proven`].
    IfGiven {
        /// Indices of optional parameters.
        params: Vec<u32>,
        /// The condition.
        condition: Box<Expr>,
    },

    /// `map.keys()`, as a list in the order of the keys.
    Keys(Box<Expr>),
    /// `map.values()`, as a list in the order of the keys.
    Values(Box<Expr>),
    /// `collection.size()`, or the number of characters of a text.
    Size(Box<Expr>),
    /// `list.map(x => …)`.
    Map {
        /// The list or set.
        of: Box<Expr>,
        /// Computes each element.
        each: Lambda,
    },
    /// `list.filter(x => …)`.
    Filter {
        /// The list or set.
        of: Box<Expr>,
        /// Whether an element stays.
        keep: Lambda,
    },
    /// `list.any(x => …)`.
    Any {
        /// The list or set.
        of: Box<Expr>,
        /// The condition.
        holds: Lambda,
    },
    /// `list.all(x => …)`.
    All {
        /// The list or set.
        of: Box<Expr>,
        /// The condition.
        holds: Lambda,
    },
    /// `list.sum()` or `list.sum(x => …)`: zero for an empty list; may be refused for [`Failure::Overflow`].
    Sum {
        /// The list or set.
        of: Box<Expr>,
        /// Computes what is added of each element; else the elements themselves are added.
        each: Option<Lambda>,
    },
    /// A text with expressions in it.
    Interpolate(Vec<Piece>),

    /// Another type for the same thing.
    Convert(Conversion, Box<Expr>),
    /// An error was reported here. Never in a model without errors.
    Poison,
}

/// A constant.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal (also one that was written without a point where a decimal is wanted).
    Decimal(Decimal),
    /// A text, escapes resolved.
    Text(Arc<str>),
    /// A length of time in microseconds.
    Duration(i64),
}

/// A variable. Indices are unique within one body (a command, a handler, a step …).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// Which variable of the body.
    pub index: u32,
    /// Its name in the spec.
    pub name: Name,
}

/// `x => body`.
#[derive(Clone, Debug)]
pub struct Lambda {
    /// The variable.
    pub param: Local,
    /// Its type.
    pub ty: Ty,
    /// What is computed of it.
    pub body: Box<Expr>,
}

/// A piece of an interpolated text.
#[derive(Clone, Debug)]
pub enum Piece {
    /// As written.
    Text(Arc<str>),
    /// An expression, shown as it is sent over the wire.
    Expr(Expr),
}

/// `+ - * / %`; each may be refused for [`Failure::Overflow`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arithmetic {
    /// `+`: numbers; also timestamp + duration and duration + duration.
    Add,
    /// `-`: numbers; also timestamp − duration, timestamp − timestamp (a duration), duration − duration.
    Subtract,
    /// `*`: numbers.
    Multiply,
    /// `/`: decimals exactly, to 28 digits; whole numbers towards zero. Also refused for [`Failure::DivisionByZero`].
    Divide,
    /// `%`: whole numbers. Also refused for [`Failure::DivisionByZero`].
    Remainder,
}

/// How two things are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// A change of type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conversion {
    /// A refined or named type to the plain (or loose) type it is made of. Never refused.
    Drop,
    /// A plain, loose or otherwise refined type to a refined or named one; also a list to one with a rule.
    /// Refused for [`Failure::Refinement`].
    Refine,
    /// As `Refine`, where the rule of the source implies that of the target. Never refused.
    Widen,
    /// A whole number to a decimal. Never refused.
    IntToDecimal,
    /// A value to an optional that is present. Never refused.
    Wrap,
    /// A plain decimal to a loose one, or back: the same number. Never refused.
    Loosen,
    /// These conversions, in order, of what is within an optional, where it is present.
    InOptional(Vec<Conversion>),
    /// These conversions, in order, of each element of a list or set (of each value of a map).
    Elements(Vec<Conversion>),
}

/// What a single node may be refused for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Failure {
    /// A result that its type cannot hold.
    Overflow,
    /// A division by zero.
    DivisionByZero,
    /// A value that breaks the rule of the type that it is stored in or passed as.
    Refinement,
    /// A key that is not in the map.
    NoKey,
}

impl Conversion {
    /// Whether it may be refused for [`Failure::Refinement`].
    pub fn may_fail(&self) -> bool {
        match self {
            Conversion::Refine => true,
            Conversion::InOptional(steps) | Conversion::Elements(steps) => steps.iter().any(Conversion::may_fail),
            _ => false,
        }
    }
}

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

    /// Whether computing this may be refused, here or below.
    pub fn may_fail(&self) -> bool {
        let mut fails = false;
        self.walk(&mut |node| fails |= !node.own_failures().is_empty());
        fails
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
            K::Interpolate(pieces) => {
                for piece in pieces {
                    if let Piece::Expr(expr) = piece {
                        visit(expr);
                    }
                }
            }
            K::Get { of, .. } | K::GetIfPresent { of, .. } | K::Row { key: of, .. } => visit(of),
            K::JoinElement(of) | K::JoinRow(of) | K::Proven(of) | K::Not(of) | K::Negate(of) => visit(of),
            K::IsAbsent(of) | K::IsEmpty(of) | K::Keys(of) | K::Values(of) | K::Size(of) | K::Convert(_, of) => {
                visit(of)
            }
            K::IfGiven { condition, .. } => visit(condition),
            K::And(a, b) | K::Or(a, b) | K::Arithmetic(_, a, b) | K::Compare(_, a, b) | K::Coalesce(a, b) => {
                visit(a);
                visit(b);
            }
            K::Index { map: a, key: b, .. } | K::Contains { collection: b, item: a } => {
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
}

impl Expr {
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
