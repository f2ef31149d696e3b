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
    /// Whether computing this may be refused, here or below.
    pub fn may_fail(&self) -> bool {
        let mut fails = false;
        self.walk(&mut |node| fails |= !node.own_failures().is_empty());
        fails
    }
}

impl Expr {}
