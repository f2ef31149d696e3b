//! What a process says of itself: live, ready, and how each thing that it needs is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer of `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The process runs and answers.
    pub live: bool,
    /// It can take requests now: 200; else 503.
    pub ready: bool,
    /// Each thing that it needs, by name (`store`, `log`): `ok`, or what is wrong.
    pub dependencies: BTreeMap<String, String>,
}

/// What is said of a dependency that is well.
const WELL: &str = "ok";

impl Health {
    /// Ready if it takes requests at all and every dependency is well.
    pub fn new(taking: bool, dependencies: impl IntoIterator<Item = (String, Result<(), String>)>) -> Self {
        let dependencies: BTreeMap<_, _> = dependencies
            .into_iter()
            .map(|(name, state)| (name, state.err().unwrap_or_else(|| WELL.to_owned())))
            .collect();
        let ready = taking && dependencies.values().all(|state| state == WELL);
        Self { live: true, ready, dependencies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sick_dependency_is_not_ready_but_live() {
        let well = Health::new(true, [("store".to_owned(), Ok(()))]);
        assert!(well.live && well.ready);
        let sick = Health::new(true, [("store".to_owned(), Ok(())), ("log".to_owned(), Err("away".to_owned()))]);
        assert!(sick.live && !sick.ready);
        assert_eq!(sick.dependencies["log"], "away");
        assert!(!Health::new(false, []).ready);
    }
}
