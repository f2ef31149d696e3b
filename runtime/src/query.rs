//! Running queries: parameters in, JSON out, with the caller's rights to the call and to each row.

mod cursor;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use async_trait::async_trait;

use crate::caller::Caller;
use crate::parse;
use crate::projection::ViewTables;
use crate::refusal::{Refusal, RefusalKind};
use crate::store::{Store, StoreError};
use crate::view::{Query, QueryResult, Value, ViewRow};

/// How many rows a page has where the caller does not say.
const PAGE: usize = 50;

/// How many rows a page may have at most.
const LARGEST_PAGE: usize = 200;

/// How many rows a query that gives all at once may find at most.
const MOST_ROWS: usize = 1000;

/// What a query found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// JSON: a row; `{"items": […]}`; or `{"items": […], "next": "…"}`, without `next` on the last page.
    pub body: String,
    /// The view is being rebuilt: the rows are those of some time ago, or not all.
    pub rebuilding: bool,
}

/// Why a query gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Malformed, forbidden, not found.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A query of any type.
#[async_trait]
pub trait AnyQuery: Send + Sync {
    /// Its wire name.
    fn name(&self) -> &'static str;
    /// The view that it reads.
    fn view(&self) -> &'static str;
    /// Path below the service.
    fn route(&self) -> &'static str;
    /// The parameter that the route's placeholder stands for.
    fn path_param(&self) -> Option<&'static str>;
    /// Whether nobody without a token may call it.
    fn needs_token(&self) -> bool;
    /// Runs it.
    async fn run(
        &self,
        parameters: &BTreeMap<String, Vec<String>>,
        caller: &Caller,
        store: &dyn Store,
        tables: &ViewTables,
    ) -> Result<QueryAnswer, QueryError>;
}

/// The query `Q`.
pub struct TypedQuery<Q>(PhantomData<fn(Q)>);

impl<Q> Default for TypedQuery<Q> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<Q: Query> AnyQuery for TypedQuery<Q> {
    fn name(&self) -> &'static str {
        Q::NAME
    }
    fn view(&self) -> &'static str {
        Q::Row::VIEW
    }
    fn route(&self) -> &'static str {
        Q::ROUTE
    }
    fn path_param(&self) -> Option<&'static str> {
        Q::PATH_PARAM
    }
    fn needs_token(&self) -> bool {
        Q::NEEDS_TOKEN
    }
    async fn run(
        &self,
        parameters: &BTreeMap<String, Vec<String>>,
        caller: &Caller,
        store: &dyn Store,
        tables: &ViewTables,
    ) -> Result<QueryAnswer, QueryError> {
        let (query, page) = read_parameters::<Q>(parameters)?;
        if !query.allow_call(caller) {
            return Err(forbidden(Q::NAME, caller).into());
        }
        match Q::RESULT {
            QueryResult::Row => one_row(&query, caller, store, tables).await,
            QueryResult::Rows => all_rows(&query, caller, store, tables).await,
            QueryResult::Page => one_page(&query, page, caller, store, tables).await,
        }
    }
}

/// Which page.
#[derive(Default)]
struct Page {
    limit: usize,
    after: Option<Vec<Value>>,
}

/// The query's own parameters, and which page of its rows: with every mistake named, of both.
fn read_parameters<Q: Query>(parameters: &BTreeMap<String, Vec<String>>) -> Result<(Q, Page), Refusal> {
    if Q::RESULT != QueryResult::Page {
        return Ok((parse::query(parameters)?, Page::default()));
    }
    let mut own = parameters.clone();
    let (limit, after) = (own.remove("limit"), own.remove("after"));
    let query = parse::query::<Q>(&own);
    let mut mistakes = match &query {
        Ok(_) => serde_json::Map::new(),
        Err(refusal) => refusal.fields.clone(),
    };
    let limit = limit.map_or(Ok(PAGE), |given| read_limit(&given));
    let after = after.map_or(Ok(None), |given| cursor::read::<Q>(given.first().map_or("", String::as_str)).map(Some));
    mistakes.extend(limit.as_ref().err().map(|why| ("limit".to_owned(), why.clone().into())));
    mistakes.extend(after.as_ref().err().map(|why| ("after".to_owned(), why.clone().into())));
    match (query, limit, after) {
        (Ok(query), Ok(limit), Ok(after)) => Ok((query, Page { limit, after })),
        _ => Err(parse::malformed(mistakes.into_iter().map(|(field, why)| (field, text(&why))))),
    }
}

fn text(why: &serde_json::Value) -> String {
    why.as_str().map_or_else(|| why.to_string(), str::to_owned)
}

fn read_limit(given: &[String]) -> Result<usize, String> {
    let limit = match given {
        [limit] => limit.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit)),
        _ => None,
    };
    limit.ok_or_else(|| format!("must be a whole number from 1 to {LARGEST_PAGE}"))
}

fn forbidden(query: &str, caller: &Caller) -> Refusal {
    if *caller == Caller::anonymous() {
        return Refusal::new(RefusalKind::Unauthenticated, format!("`{query}` needs a token"));
    }
    Refusal::new(RefusalKind::Forbidden, format!("you may not ask for `{query}`"))
}

async fn one_row<Q: Query>(
    query: &Q,
    caller: &Caller,
    store: &dyn Store,
    tables: &ViewTables,
) -> Result<QueryAnswer, QueryError> {
    let found = tables.select::<Q::Row>(store, query.filter(), Q::order(), None, 1).await?;
    let row = found.rows.iter().find(|row| query.allow_row(caller, row));
    let row = row.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("`{}` finds nothing", Q::NAME)))?;
    Ok(QueryAnswer { body: json(row)?, rebuilding: found.rebuilding })
}

async fn all_rows<Q: Query>(
    query: &Q,
    caller: &Caller,
    store: &dyn Store,
    tables: &ViewTables,
) -> Result<QueryAnswer, QueryError> {
    let found = tables.select::<Q::Row>(store, query.filter(), Q::order(), None, MOST_ROWS + 1).await?;
    if found.rows.len() > MOST_ROWS {
        let why = format!("`{}` finds more than {MOST_ROWS} rows: ask for fewer", Q::NAME);
        return Err(Refusal::new(RefusalKind::OutOfRange, why).into());
    }
    let rows: Vec<&Q::Row> = found.rows.iter().filter(|row| query.allow_row(caller, row)).collect();
    Ok(QueryAnswer { body: format!(r#"{{"items":{}}}"#, json(&rows)?), rebuilding: found.rebuilding })
}

/// Rows that the caller may not see are left out, so a page may be shorter than asked for; `next` says whether more follow.
async fn one_page<Q: Query>(
    query: &Q,
    page: Page,
    caller: &Caller,
    store: &dyn Store,
    tables: &ViewTables,
) -> Result<QueryAnswer, QueryError> {
    let found = tables.select::<Q::Row>(store, query.filter(), Q::order(), page.after, page.limit).await?;
    let full = found.rows.len() == page.limit;
    let rows: Vec<&Q::Row> = found.rows.iter().filter(|row| query.allow_row(caller, row)).collect();
    let items = json(&rows)?;
    let body = match found.last.filter(|_| full) {
        Some(last) => format!(r#"{{"items":{items},"next":"{}"}}"#, cursor::write(&last)?),
        None => format!(r#"{{"items":{items}}}"#),
    };
    Ok(QueryAnswer { body, rebuilding: found.rebuilding })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt(format!("a row cannot be written as JSON: {error}")))
}
