//! Ports: what a service asks of the world outside, at least once, with an idempotency key. Generated as async traits;
//! implemented by hand. Never called inside a transaction.

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use uuid::Uuid;

use crate::refusal::{DeclaredError, Refusal};

/// What a port call carries beside its arguments.
///
/// The engine calls at least once: after a timeout, a lost connection or a restart it calls again, with the same key. Two calls with one
/// key are one call: an adapter sends the key along, or keeps what it did under it, and gives the answer of the first to the second.
#[derive(Clone, Debug)]
pub struct PortCall {
    /// The idempotency key: the same for each attempt of the same call, no other call's. Send it along (`Idempotency-Key`).
    pub key: Uuid,
    /// W3C `traceparent`, to be passed on.
    pub traceparent: String,
    /// How long the caller waits; past it the outcome is unknown: neither done nor refused. An adapter that gives up itself says
    /// [`PortError::Unknown`] where the call may have arrived.
    pub timeout: Duration,
}

/// Why a port call gave no result. `E` is the port operation's generated error enum (an empty one where it declares none).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PortError<E> {
    /// No, and for good: a declared error. The step that asked counts as refused, so that its saga is undone.
    #[error("refused")]
    Refused(E),
    /// It certainly did not happen, and may work later (no connection, 503): tried again with the same key.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It may have happened (timed out, connection lost after sending): tried again with the same key, or undone.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// It can never work as sent (a programming or configuration mistake): parked, or the saga stuck, for an operator to see.
    #[error("failed: {0}")]
    Broken(String),
}

impl<E> PortError<E> {
    /// The same, with another refusal: what an adapter's own error becomes of the operation's.
    pub fn map_refused<F>(self, refusal: impl FnOnce(E) -> F) -> PortError<F> {
        match self {
            Self::Refused(error) => PortError::Refused(refusal(error)),
            Self::Unavailable(why) => PortError::Unavailable(why),
            Self::Unknown(why) => PortError::Unknown(why),
            Self::Broken(why) => PortError::Broken(why),
        }
    }
}

/// The arguments of a port operation: generated, one struct an operation.
pub trait PortArguments: Serialize + DeserializeOwned {
    /// The port's wire name: `orders.Payments`.
    const PORT: &'static str;
    /// The operation.
    const OPERATION: &'static str;
}

/// The errors of a port operation: generated.
pub trait PortRefusal: Send + Sync + 'static {
    /// As a refusal that can be kept and sent.
    fn into_refusal(self) -> Refusal;
}

impl<E: DeclaredError + Send + Sync + 'static> PortRefusal for E {
    fn into_refusal(self) -> Refusal {
        self.into()
    }
}

/// The errors of an operation that declares none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

impl PortRefusal for Never {
    fn into_refusal(self) -> Refusal {
        match self {}
    }
}

/// A port as the engine calls it, by operation name and JSON: generated code implements it over the typed trait.
#[async_trait]
pub trait PortDispatch: Send + Sync {
    /// The port's wire name: `orders.Payments`.
    fn port(&self) -> &'static str;
    /// Calls an operation. Arguments and result are JSON of the generated structs.
    async fn call(&self, operation: &str, arguments: &str, call: PortCall) -> Result<String, PortError<Refusal>>;
}

/// Reads the arguments of a call, in what [`port!`](crate::port!) makes.
#[doc(hidden)]
pub fn arguments<T: DeserializeOwned>(text: &str) -> Result<T, PortError<Refusal>> {
    serde_json::from_str(text).map_err(|error| PortError::Broken(format!("the arguments do not fit: {error}")))
}

/// Turns a typed result into what the engine keeps, in what [`port!`](crate::port!) makes.
#[doc(hidden)]
pub fn outcome<T: Serialize, E: PortRefusal>(result: Result<T, PortError<E>>) -> Result<String, PortError<Refusal>> {
    let value = result.map_err(|error| error.map_refused(PortRefusal::into_refusal))?;
    serde_json::to_string(&value).map_err(|error| PortError::Broken(error.to_string()))
}

/// Makes a port's trait callable by the engine: each operation's name, its arguments' struct, and the struct's fields in the order of the
/// trait's parameters. Declares `dispatch`, which takes an implementation.
///
/// ```ignore
/// port!(Payments = "orders.Payments" {
///     "charge" => charge(ChargeArguments { order, amount }),
/// });
/// ```
#[macro_export]
macro_rules! port {
    ($port:ident = $wire:literal { $($name:literal => $operation:ident($arguments:ident { $($field:ident),* })),+ $(,)? }) => {
        $(impl $crate::port::PortArguments for $arguments {
            const PORT: &'static str = $wire;
            const OPERATION: &'static str = $name;
        })+

        #[doc = concat!("A [`", stringify!($port), "`], as the engine calls it.")]
        pub fn dispatch(port: impl $port) -> impl $crate::port::PortDispatch {
            struct Dispatch<P>(P);

            #[$crate::async_trait]
            impl<P: $port> $crate::port::PortDispatch for Dispatch<P> {
                fn port(&self) -> &'static str {
                    $wire
                }

                async fn call(
                    &self,
                    operation: &str,
                    arguments: &str,
                    call: $crate::port::PortCall,
                ) -> Result<String, $crate::port::PortError<$crate::refusal::Refusal>> {
                    match operation {
                        $($name => {
                            let $arguments { $($field),* } = $crate::port::arguments(arguments)?;
                            $crate::port::outcome(self.0.$operation($($field,)* &call).await)
                        })+
                        // A message of another build.
                        _ => Err($crate::port::PortError::Broken(format!("this build has no operation `{operation}`"))),
                    }
                }
            }

            Dispatch(port)
        }
    };
}
