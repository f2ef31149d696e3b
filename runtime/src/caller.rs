//! Who is calling, as the gateway's verified token or a message's principal tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::refusal::{Refusal, RefusalKind};

/// Who is calling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The subject of the token; empty where nobody has identified himself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The roles that the spec's `caller` block names and the token holds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// The identities of the `caller` block that the token holds, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<String, String>,
    /// A saga, policy or timer of this service rather than a person: it may send commands without an `allow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Caller {
    /// Nobody: no token came.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A service on its own account.
    pub fn service(name: &str) -> Self {
        Self { service: Some(name.to_owned()), ..Self::default() }
    }

    /// Whether the caller has the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// The caller's identity of that name, where `allow` has made sure of it.
    ///
    /// # Errors
    /// `Forbidden` where he does not have it (a command that was sent by a service).
    pub fn required<T: FromStr>(&self, name: &str) -> Result<T, Refusal> {
        self.identity(name)
            .ok_or_else(|| Refusal::new(RefusalKind::Forbidden, format!("the caller has no identity `{name}`")))
    }

    /// The caller's identity of that name, if he has it and it parses.
    pub fn identity<T: FromStr>(&self, name: &str) -> Option<T> {
        self.identities.get(name)?.parse().ok()
    }
}
