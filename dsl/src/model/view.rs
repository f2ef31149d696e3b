//! Views and their queries.

use super::aggregate::{Aggregate, Event};
use super::arena::{Cursor, Id};
use super::command::Allow;
use super::expr::{Expr, Local};
use super::name::{Docs, Name};
use super::system::Subdomain;
use super::ty::{Param, Ty};
use crate::source::Span;

/// `view Name { … }` or `view Name of Aggregate(…)`: rows kept for reading.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The subdomain it lives in.
    pub subdomain: Id<Subdomain>,
    /// Its columns, in order; the key is the first. A view of an aggregate has `id` as its key.
    pub columns: Vec<Column>,
    /// Where its rows come from.
    pub source: ViewSource,
    /// Who may read it, unless a query says otherwise.
    pub allow: Allow,
    /// Its queries, in order; those that come with it (`by_id`, `by_ids`) first.
    pub queries: Vec<Id<Query>>,
}

/// A column of a view.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// Its docs; of a view of an aggregate, those of the field.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type.
    pub ty: Ty,
    /// Whether it has an index of its own (beside those that queries imply).
    pub indexed: bool,
}

/// Where a view's rows come from.
#[derive(Clone, Debug)]
pub enum ViewSource {
    /// Kept from the aggregate's own state, in the commit that changes it.
    Aggregate {
        /// The aggregate.
        aggregate: Id<Aggregate>,
        /// One expression for each column, in order, over the aggregate's state. A state-only field is optional here.
        values: Vec<Expr>,
    },
    /// Fed by events, in the order of each stream.
    Events {
        /// What is done with each event, in the spec's order; no two for the same event (a named one wins over `*`).
        handlers: Vec<Handler>,
        /// Events that are passed over on purpose; with the handlers, all events of the aggregates that it follows.
        ignored: Vec<Id<Event>>,
        /// Aggregates whose events that are unknown to this version are passed over too (`ignore A.*` or `on A.*`).
        open: Vec<Id<Aggregate>>,
    },
}

/// `on Events as e { … }`.
#[derive(Clone, Debug)]
pub struct Handler {
    /// Where it stands.
    pub span: Span,
    /// The name that the event has within.
    pub alias: Option<Name>,
    /// The events it handles, in order, each with the statements checked against that event.
    pub cases: Vec<HandlerCase>,
}

/// A handler as it is for one event.
#[derive(Clone, Debug)]
pub struct HandlerCase {
    /// The event.
    pub event: Id<Event>,
    /// What it does to the rows, in order.
    pub body: Vec<RowChange>,
}

/// What a handler does to rows. A column that cannot be computed is absent, and reported; it never refuses.
#[derive(Clone, Debug)]
pub enum RowChange {
    /// A variable (what `if x as y` names).
    Let {
        /// The variable.
        local: Local,
        /// Its value (with its type).
        value: Expr,
    },
    /// `insert[key](…)`: one expression for each column but the key, in their order (optional and collection columns that were
    /// not named are absent and empty). Replaces a row that is there.
    Insert {
        /// The key.
        key: Expr,
        /// The other columns (index, value), all of them.
        columns: Vec<(u32, Expr)>,
    },
    /// `upsert[key](…)`: as `update` where the row is there, else as `insert`; all columns that have no default are named.
    Upsert {
        /// The key.
        key: Expr,
        /// The columns (index, value) that were named.
        columns: Vec<(u32, Expr)>,
        /// The other columns (index, value), for a new row.
        defaults: Vec<(u32, Expr)>,
    },
    /// `update[key](…)`: nothing where there is no such row. Values may read the row ([`super::ExprKind::Column`]).
    Update {
        /// The key.
        key: Expr,
        /// The columns (index, value) that change.
        columns: Vec<(u32, Expr)>,
    },
    /// `update(…) where condition`.
    UpdateWhere {
        /// The columns (index, value) that change.
        columns: Vec<(u32, Expr)>,
        /// Which rows.
        filter: Expr,
    },
    /// `delete[key]`: nothing where there is no such row.
    Delete {
        /// The key.
        key: Expr,
    },
    /// `delete where condition`.
    DeleteWhere {
        /// Which rows.
        filter: Expr,
    },
    /// `if condition { … } else { … }`.
    If {
        /// The condition.
        condition: Expr,
        /// What is done where it holds.
        then: Vec<RowChange>,
        /// What is done else.
        otherwise: Vec<RowChange>,
    },
    /// `for x in list { … }`.
    For {
        /// The variable.
        each: Local,
        /// Its type.
        ty: Ty,
        /// The list or set.
        of: Expr,
        /// What is done for each.
        body: Vec<RowChange>,
    },
}

/// `query name(params) -> row`.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands; of one that comes with its view, where the view's does.
    pub span: Span,
    /// The view it reads.
    pub view: Id<View>,
    /// What it is.
    pub kind: QueryKind,
    /// Its parameters, in order. `by_id` has the key; `by_ids` a list of keys, at most 100.
    pub params: Vec<Param>,
    /// What it answers.
    pub answer: Answer,
    /// Who may ask.
    pub allow: Allow,
    /// Which rows: over [`super::ExprKind::Column`] and parameters. Absent: all.
    pub filter: Option<Expr>,
    /// The order of a page, as (column, descending); the key follows, ascending, as the last.
    pub order: Vec<(u32, bool)>,
}

/// How a query came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueryKind {
    /// The row of a key; comes with the view, or is written.
    ById,
    /// The rows that are there of a list of keys, in the list's order; comes with the view.
    ByIds,
    /// Written.
    Declared,
}

/// What a query answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// `-> row`: one row, or `NotFound`.
    Row,
    /// The rows of `by_ids`.
    Rows,
    /// `-> page`: rows, and how to go on.
    Page,
}

impl View {
    /// The key column.
    pub fn key(&self) -> &Column {
        &self.columns[0]
    }
}

impl<'m> Cursor<'m, View> {
    /// The subdomain it lives in.
    pub fn subdomain(self) -> Cursor<'m, Subdomain> {
        self.model().at(self.get().subdomain)
    }

    /// `orders.OrderList`.
    pub fn path(self) -> String {
        format!("{}.{}", self.subdomain().name, self.name)
    }

    /// Its queries, in order.
    pub fn queries(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Query>> + ExactSizeIterator {
        self.model().each(&self.get().queries)
    }

    /// The aggregates whose events it follows, in the order of their first mention; none for a view of an aggregate.
    pub fn follows(self) -> Vec<Cursor<'m, Aggregate>> {
        let ViewSource::Events { handlers, ignored, open } = &self.get().source else { return Vec::new() };
        let mut found: Vec<Id<Aggregate>> = Vec::new();
        let model = self.model();
        let handled = handlers.iter().flat_map(|it| it.cases.iter().map(|case| case.event));
        let all =
            handled.chain(ignored.iter().copied()).map(|event| model.at(event).aggregate).chain(open.iter().copied());
        for aggregate in all {
            if !found.contains(&aggregate) {
                found.push(aggregate);
            }
        }
        found.into_iter().map(|id| model.at(id)).collect()
    }
}

impl<'m> Cursor<'m, Query> {
    /// The view it reads.
    pub fn view(self) -> Cursor<'m, View> {
        self.model().at(self.get().view)
    }

    /// `orders.OrderList.of_customer`.
    pub fn path(self) -> String {
        format!("{}.{}", self.view().path(), self.name)
    }

    /// The type of what it answers: a row, or a list of rows.
    pub fn answer_ty(self) -> Ty {
        let row = Ty::Row(self.get().view);
        match self.answer {
            Answer::Row => row,
            Answer::Rows | Answer::Page => Ty::List(std::sync::Arc::new(row), None),
        }
    }
}
