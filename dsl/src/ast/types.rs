use super::{Broken, Doc, Expr, Ident, Path, Text};
use crate::source::Span;

/// A type as written: `text(1..=120)`, `map<orders.Order.Id, Money>`, `Order.Status?`.
#[derive(Debug, Clone)]
pub struct Type {
    /// What it is without its refinements.
    pub base: TypeBase,
    /// In parentheses: `(12, 2, 0..)`, `(1..=50, distinct product)`.
    pub refinements: Vec<Refinement>,
    /// `matches r"…"`.
    pub matches: Option<Text>,
    /// The `?` that makes it optional.
    pub optional: Option<Span>,
    /// All of it.
    pub span: Span,
}

/// What a type is without its refinements.
#[derive(Debug, Clone)]
pub enum TypeBase {
    /// A built-in type in lower case (`text`, `int`, `decimal`, `bool`, `timestamp`, `date`, `duration`, …) or a declared one.
    Named(Path),
    /// `list<T>`
    List(Box<Type>),
    /// `set<T>`
    Set(Box<Type>),
    /// `map<K, V>`
    Map(Box<Type>, Box<Type>),
}

/// One argument of a type.
#[derive(Debug, Clone)]
pub enum Refinement {
    /// A plain number: the digits of `decimal(12, 2)`.
    Value(Expr),
    /// `1..=120`, `0..`, `..100`.
    Range {
        /// The least value; literals, perhaps negative.
        start: Option<Expr>,
        /// The greatest value, or one past it.
        end: Option<Expr>,
        /// True for `..=`.
        inclusive: bool,
        /// All of it.
        span: Span,
    },
    /// `distinct` (no two elements are equal) or `distinct product` (no two have the same `product`).
    Distinct {
        /// The field that differs; the whole element where nothing is said.
        field: Option<Ident>,
        /// All of it.
        span: Span,
    },
}

/// `type Money = decimal(12, 2, 0..)`
#[derive(Debug, Clone)]
pub struct TypeDecl {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it stands on.
    pub ty: Type,
    /// All of it.
    pub span: Span,
}

/// `value Line(product: catalog.Product.Id, price: Money)`
#[derive(Debug, Clone)]
pub struct ValueDecl {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What of its body could not be read or is not available yet.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `enum Colour { red green blue }`
#[derive(Debug, Clone)]
pub struct EnumDecl {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// The choices, one or more.
    pub variants: Vec<Variant>,
    /// All of it.
    pub span: Span,
}

/// One choice of an enum.
#[derive(Debug, Clone)]
pub struct Variant {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name, in lower case.
    pub name: Ident,
}

/// `name: Type`, in an aggregate, a state, a value, an error.
#[derive(Debug, Clone)]
pub struct Field {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// The word `unique`; only in aggregates.
    pub unique: Option<Span>,
    /// All of it.
    pub span: Span,
}
