use super::{Ident, Path, Text};
use crate::source::Span;

/// An expression. Parentheses leave no trace but the span.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A name in either case: a field, a parameter, a `let`, a subdomain, a view, a state …
    Name(Ident),
    /// `now`
    Now,
    /// `caller`
    Caller,
    /// `self`
    SelfRef,
    /// `base.name` or `base?.name`
    Field {
        /// What has the field.
        base: Box<Expr>,
        /// The field.
        name: Ident,
        /// True for `?.`.
        optional: bool,
    },
    /// `callee(args)`, where the name before the parenthesis is in lower case: `holds.values()`, `role(clerk)`.
    Call {
        /// What is called: a name or a field.
        callee: Box<Expr>,
        /// With what.
        args: Vec<Arg>,
    },
    /// `Line(product: p.product)`, `orders.Item(…)`: builds a record.
    Build {
        /// The record.
        path: Path,
        /// Its fields.
        args: Vec<Arg>,
    },
    /// `holds[order]`, `Names[e.customer]`
    Index {
        /// The map or view.
        base: Box<Expr>,
        /// The key.
        key: Box<Expr>,
    },
    /// `not a`, `-a`
    Unary {
        /// The operator.
        op: UnaryOp,
        /// Its place.
        op_span: Span,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// `a + b`, `a in b`, `a ?? b`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Its place.
        op_span: Span,
        /// The left operand.
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
    },
    /// `l => l.price * l.quantity`, `(a, b) => …`
    Lambda {
        /// Its parameters, one or more.
        params: Vec<Ident>,
        /// What it gives.
        body: Box<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `items join PriceList on product`
    Join {
        /// The list.
        items: Box<Expr>,
        /// The view whose rows are looked up by key.
        view: Path,
        /// The field of an item that holds the key.
        on: Ident,
    },
    /// `condition if given`: true where the parameters in it are absent.
    IfGiven(Box<Expr>),
    /// `env ISSUER`: from the service's configuration; only in the gateway.
    Env(Ident),
    /// Could not be read; it was reported.
    Broken,
}

/// A literal.
#[derive(Debug, Clone)]
pub enum Literal {
    /// `17`: the digits, without `_`. It may be too great for its type.
    Int(Box<str>),
    /// `17.50`: the digits and the point, without `_`.
    Decimal(Box<str>),
    /// `"…"` or `r"…"`
    Text(Text),
    /// `true`, `false`
    Bool(bool),
    /// `absent`
    Absent,
    /// `30 days`
    Duration {
        /// The digits, without `_`.
        amount: Box<str>,
        /// The unit.
        unit: TimeUnit,
    },
}

/// A unit of time, written in singular, plural or short: `ms`, `s`, `second`, `minutes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is named as it is written")]
pub enum TimeUnit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// An operator with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnaryOp {
    /// `not a`
    Not,
    /// `-a`
    Neg,
}

/// An operator with two operands. `not a in b` is read as `not (a in b)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `??`
    Coalesce,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
}

impl BinaryOp {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::In => "in",
            BinaryOp::NotIn => "not in",
            BinaryOp::Coalesce => "??",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
        }
    }
}

/// An argument: `name: value`, or a value alone. Whether a name alone stands for `name: name` is decided by who is called.
#[derive(Debug, Clone)]
pub struct Arg {
    /// `name:`
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}
