use super::{Allow, Block, Broken, Doc, EventPattern, Expr, Ident, Param, Path, Type};
use crate::source::Span;

/// `view OrderList { … }` or `view CustomerCard of Customer(name, limit)`
#[derive(Debug, Clone)]
pub struct View {
    /// What it shows.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// Where its rows come from.
    pub source: ViewSource,
    /// Who may query; each query may say it for itself.
    pub allow: Option<Allow>,
    /// What may be asked.
    pub queries: Vec<Query>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// Where the rows of a view come from.
#[derive(Debug, Clone)]
pub enum ViewSource {
    /// `of Customer(name, limit)`: the aggregate's own state.
    State {
        /// The aggregate.
        aggregate: Path,
        /// Its fields and `let`s that are shown.
        fields: Vec<Ident>,
    },
    /// Columns that handlers of events fill.
    Events {
        /// `key product: …`; exactly one where nothing is broken, else reported.
        keys: Vec<Column>,
        /// The other columns.
        columns: Vec<Column>,
        /// `on … as e { … }`
        handlers: Vec<Handler>,
        /// `ignore …`
        ignores: Vec<Ignore>,
    },
}

/// `customer: customers.Customer.Id indexed`
#[derive(Debug, Clone)]
pub struct Column {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// The word `indexed`.
    pub indexed: Option<Span>,
    /// All of it.
    pub span: Span,
}

/// `on Order.Placed as e { … }`
#[derive(Debug, Clone)]
pub struct Handler {
    /// The events, one or more.
    pub events: Vec<EventPattern>,
    /// `as e`
    pub alias: Option<Ident>,
    /// What it does to the rows.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// `ignore catalog.Product.*`
#[derive(Debug, Clone)]
pub struct Ignore {
    /// The events, one or more.
    pub events: Vec<EventPattern>,
    /// All of it.
    pub span: Span,
}

/// `query of_customer(customer) -> page allow … where … order by placed_at desc`
#[derive(Debug, Clone)]
pub struct Query {
    /// What it answers.
    pub doc: Option<Doc>,
    /// Its name, in lower case.
    pub name: Ident,
    /// What it is asked with.
    pub params: Vec<Param>,
    /// How many rows it gives.
    pub result: QueryResult,
    /// Who may ask.
    pub allow: Option<Allow>,
    /// Which rows; `self` is the row.
    pub condition: Option<Expr>,
    /// In which order; that of the key where nothing is said.
    pub order: Vec<Order>,
    /// All of it.
    pub span: Span,
}

/// How many rows a query gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryResult {
    /// `row`: one, or not found.
    Row,
    /// `page`: some, and how to go on.
    Page,
}

/// `placed_at desc`
#[derive(Debug, Clone)]
pub struct Order {
    /// The column.
    pub column: Ident,
    /// True for `desc`.
    pub descending: bool,
}
