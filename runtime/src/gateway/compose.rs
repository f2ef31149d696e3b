//! Compositions: a query joined in memory from the services that own the data, one request a part, side by side where
//! nothing depends, with the caller's rights to each part.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::refusal::Refusal;

/// A composition: generated, one struct of parameters each.
///
/// ```text
/// async fn compose(&self, parts: &Parts<'_>) -> Result<OrderPageAnswer, PartError> {
///     let head = parts.row("head", &orders::order_list::ById { order: self.order.clone() }).await?;
///     let (customer, products) = try_join!(
///         parts.row_if_available("customer", &customers::customer_card::ById { id: head.customer.clone() }),
///         parts.rows_if_available("products", &catalog::product_list::ByIds { ids: … }),
///     )?;
///     Ok(OrderPageAnswer { head, customer, products })
/// }
/// ```
#[async_trait]
pub trait Composition: DeserializeOwned + Send + Sync + 'static {
    /// Its name: `OrderPage`.
    const NAME: &'static str;
    /// The parts, in order; an absent one is `null`. The runtime adds `absent`, the names of those left out.
    type Answer: Serialize + Send;
    /// Asks for the parts in the order in which they need each other.
    async fn compose(&self, parts: &Parts<'_>) -> Result<Self::Answer, PartError>;
}

/// A query of a service as the gateway knows it: generated, its parameters.
pub trait PartQuery: Serialize + Send + Sync {
    /// The subdomain that answers.
    const SUBDOMAIN: &'static str;
    /// As [`crate::view::Query::ROUTE`].
    const ROUTE: &'static str;
    /// As [`crate::view::Query::PATH_PARAM`].
    const PATH_PARAM: Option<&'static str> = None;
    /// The rows, as far as the gateway reads them.
    type Row: DeserializeOwned + Send;
}

/// Why a part has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The service refused: the whole composition is refused so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The service does not answer.
    #[error("`{part}` cannot be had: {why}")]
    Unavailable {
        /// The part's name.
        part: &'static str,
        /// Why.
        why: String,
    },
    /// The service's answer is not what the gateway knows of it (a mistake of a deployment).
    #[error("`{part}` cannot be read: {why}")]
    Unreadable {
        /// The part's name.
        part: &'static str,
        /// Why.
        why: String,
    },
}

/// Asks a service for JSON: the gateway's own client, or a test's.
#[async_trait]
pub trait PartSource: Send + Sync {
    /// `GET path_and_query` of the subdomain's service, in the caller's name.
    async fn get(
        &self,
        part: &'static str,
        subdomain: &'static str,
        path_and_query: String,
    ) -> Result<serde_json::Value, PartError>;
}

/// Asks for the parts of one composition.
pub struct Parts<'a> {
    source: &'a dyn PartSource,
    absent: Mutex<Vec<&'static str>>,
}

impl<'a> Parts<'a> {
    /// Parts from `source`.
    pub fn new(source: &'a dyn PartSource) -> Self {
        Self { source, absent: Mutex::new(Vec::new()) }
    }

    /// The part `name`, a query for one row.
    pub async fn row<Q: PartQuery>(&self, name: &'static str, query: &Q) -> Result<Q::Row, PartError> {
        read(name, self.get(name, query).await?)
    }

    /// The part `name`, a query for several rows.
    pub async fn rows<Q: PartQuery>(&self, name: &'static str, query: &Q) -> Result<Vec<Q::Row>, PartError> {
        match self.get(name, query).await? {
            serde_json::Value::Object(mut page) => read(name, page.remove("items").unwrap_or_default()),
            other => read(name, other),
        }
    }

    /// `else absent if unavailable` for one row.
    pub async fn row_if_available<Q: PartQuery>(
        &self,
        name: &'static str,
        query: &Q,
    ) -> Result<Option<Q::Row>, PartError> {
        self.if_available(name, self.row(name, query).await)
    }

    /// `else absent if unavailable` for several rows.
    pub async fn rows_if_available<Q: PartQuery>(
        &self,
        name: &'static str,
        query: &Q,
    ) -> Result<Option<Vec<Q::Row>>, PartError> {
        self.if_available(name, self.rows(name, query).await)
    }

    /// The parts left out so far, in the order of their names.
    pub fn absent(&self) -> Vec<&'static str> {
        let mut absent = self.absent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        absent.sort_unstable();
        absent
    }

    fn if_available<T>(&self, name: &'static str, result: Result<T, PartError>) -> Result<Option<T>, PartError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(PartError::Unavailable { .. }) => {
                self.absent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(name);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn get<Q: PartQuery>(&self, name: &'static str, query: &Q) -> Result<serde_json::Value, PartError> {
        let unreadable = |error: serde_json::Error| PartError::Unreadable { part: name, why: error.to_string() };
        let parameters = serde_json::to_value(query).map_err(unreadable)?;
        let path = crate::http::parameters::path_and_query(Q::ROUTE, Q::PATH_PARAM, &parameters);
        self.source.get(name, Q::SUBDOMAIN, path).await
    }
}

fn read<T: DeserializeOwned>(part: &'static str, value: serde_json::Value) -> Result<T, PartError> {
    serde_json::from_value(value).map_err(|error| PartError::Unreadable { part, why: error.to_string() })
}

/// A composition of any type.
#[async_trait]
pub trait AnyComposition: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Composes: parameters by name, as they stand in path and query string. The JSON text, and the parts left out.
    async fn compose(
        &self,
        parameters: &BTreeMap<String, Vec<String>>,
        source: &dyn PartSource,
    ) -> Result<(String, Vec<&'static str>), PartError>;
}

struct TypedComposition<C>(PhantomData<fn(C)>);

/// The composition `C`.
pub(super) fn any<C: Composition>() -> Arc<dyn AnyComposition> {
    Arc::new(TypedComposition::<C>(PhantomData))
}

/// The answer with the names of the parts left out.
#[derive(Serialize)]
struct Whole<'a, A> {
    #[serde(flatten)]
    parts: A,
    absent: &'a [&'static str],
}

#[async_trait]
impl<C: Composition> AnyComposition for TypedComposition<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    async fn compose(
        &self,
        parameters: &BTreeMap<String, Vec<String>>,
        source: &dyn PartSource,
    ) -> Result<(String, Vec<&'static str>), PartError> {
        let composition: C = crate::http::parameters::parse(parameters)?;
        let parts = Parts::new(source);
        let answer = composition.compose(&parts).await?;
        let absent = parts.absent();
        let text = serde_json::to_string(&Whole { parts: answer, absent: &absent })
            .map_err(|error| PartError::Unreadable { part: C::NAME, why: error.to_string() })?;
        Ok((text, absent))
    }
}
