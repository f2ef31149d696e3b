//! Where keys come from: a file (`MINOS_KEYS`), or in development a file of the data folder that is made at the first start.
//!
//! ```json
//! {
//!   "tokens":   [{"kid": "2026-11", "alg": "EdDSA", "public": "-----BEGIN PUBLIC KEY-----…"}],
//!   "internal": [{"kid": "i1", "alg": "EdDSA", "private": "-----BEGIN PRIVATE KEY-----…", "public": "…"}],
//!   "operator": [{"kid": "o1", "alg": "HS256", "secret": "at least 32 random bytes"}],
//!   "services": {"orders": {"registration": "…", "messages": [{"kid": "m1", "alg": "HS256", "secret": "…"}]}}
//! }
//! ```
//!
//! A list holds a key and those that it takes over from; the first with a `private` or `secret` part signs. A gateway needs the
//! `private` part of `internal` alone, a service the `public` one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SigningKey, VerifyingKeys};
use crate::context::Context;

/// How the ids of keys begin that development mode made.
const DEVELOPMENT: &str = "dev-";

/// Keys and secrets of one process.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Of tokens that callers bring.
    pub tokens: Pair,
    /// Of tokens that the gateway signs for services.
    pub internal: Pair,
    /// Of operators' tokens.
    pub operator: Pair,
    /// Of the messages of each service.
    pub messages: BTreeMap<String, Pair>,
    /// What each service proves its name with, to the registry.
    pub registration: BTreeMap<String, String>,
}

/// The key that signs, where it is known, and those that verify.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// Signs.
    pub signing: Option<SigningKey>,
    /// Verify.
    pub verifying: VerifyingKeys,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("the key file `{}` cannot be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What stands in it is wrong: everything at once.
    #[error("the key file `{}` is wrong:\n{}", .path.display(), .mistakes.iter().map(|it| format!("  {it}")).collect::<Vec<_>>().join("\n"))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        mistakes: Vec<String>,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    tokens: Vec<KeyEntry>,
    #[serde(default)]
    internal: Vec<KeyEntry>,
    #[serde(default)]
    operator: Vec<KeyEntry>,
    #[serde(default)]
    services: BTreeMap<String, ServiceEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    kid: String,
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceEntry {
    registration: String,
    #[serde(default)]
    messages: Vec<KeyEntry>,
}

impl Keys {
    /// Keys from a file.
    ///
    /// # Errors
    /// [`KeysError`]: also for secrets that are too weak, ids used twice, algorithms that are not accepted.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeysError::File { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|mistakes| KeysError::Content { path: path.to_owned(), mistakes })
    }

    /// Keys from the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let file: KeyFile = serde_json::from_str(text).map_err(|error| vec![format!("it does not read: {error}")])?;
        let mut mistakes = Vec::new();
        let mut keys = Self {
            tokens: pair("tokens", &file.tokens, &mut mistakes),
            internal: pair("internal", &file.internal, &mut mistakes),
            operator: pair("operator", &file.operator, &mut mistakes),
            ..Self::default()
        };
        for (service, entry) in &file.services {
            let room = format!("services.{service}");
            keys.messages.insert(service.clone(), pair(&format!("{room}.messages"), &entry.messages, &mut mistakes));
            if let Some(weakness) = weakness(&entry.registration).or_else(|| no_header(&entry.registration)) {
                mistakes.push(format!("`{room}.registration` {weakness}"));
            }
            keys.registration.insert(service.clone(), entry.registration.clone());
        }
        if mistakes.is_empty() { Ok(keys) } else { Err(mistakes) }
    }

    /// Development keys for those services: from the file, which is made, or grows by services that are new, where it must.
    /// Outside of development mode they are refused.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn development(path: &Path, services: &[&str], context: &Context) -> Result<Self, KeysError> {
        Self::complete(path, services, DEVELOPMENT, context)
    }

    /// Keys for those services, to run them with: in the file, which is made, or grows by what it lacks. The keys of `tokens` are
    /// to be replaced by those of whoever issues them.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn make(path: &Path, services: &[&str], context: &Context) -> Result<Self, KeysError> {
        let day = context.now().strftime("%Y-%m-%d-").to_string();
        Self::complete(path, services, &day, context)
    }

    /// The keys of a file, after what it lacks was added under ids that begin with `prefix`.
    fn complete(path: &Path, services: &[&str], prefix: &str, context: &Context) -> Result<Self, KeysError> {
        let failed = |source| KeysError::File { path: path.to_owned(), source };
        let mut file = match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| KeysError::Content {
                path: path.to_owned(),
                mistakes: vec![format!("it does not read: {error}")],
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => KeyFile::default(),
            Err(source) => return Err(failed(source)),
        };
        if file.complete(services, prefix, context) {
            let text = serde_json::to_string_pretty(&file).map_err(|error| failed(error.into()))?;
            write_private(path, &text).map_err(failed)?;
        }
        Self::read(path)
    }

    /// Whether one of them was made by [`Keys::development`].
    pub fn are_of_development(&self) -> bool {
        let pairs = [&self.tokens, &self.internal, &self.operator];
        let mut all = pairs.into_iter().chain(self.messages.values()).flat_map(|pair| &pair.verifying.keys);
        all.any(|(kid, ..)| kid.starts_with(DEVELOPMENT))
    }

    /// What a service's name is proved with is kept by the registry as a hash.
    pub fn registration_hash(credential: &str) -> String {
        hex(&Sha256::digest(credential.as_bytes()))
    }
}

impl KeyFile {
    /// Adds the keys that are missing; says whether there were any.
    fn complete(&mut self, services: &[&str], prefix: &str, context: &Context) -> bool {
        let mut changed = false;
        for (name, list) in
            [("token", &mut self.tokens), ("internal", &mut self.internal), ("operator", &mut self.operator)]
        {
            if list.is_empty() {
                list.push(KeyEntry::generated(&format!("{prefix}{name}"), context));
                changed = true;
            }
        }
        for service in services {
            self.services.entry((*service).to_owned()).or_insert_with(|| {
                changed = true;
                let messages = vec![KeyEntry::generated(&format!("{prefix}{service}"), context)];
                ServiceEntry { registration: random_secret(context), messages }
            });
        }
        changed
    }
}

impl KeyEntry {
    fn generated(kid: &str, context: &Context) -> Self {
        let secret = Some(random_secret(context));
        Self { kid: kid.to_owned(), alg: "HS256".to_owned(), secret, private: None, public: None }
    }
}

/// 32 random bytes, in hex.
fn random_secret(context: &Context) -> String {
    let mut bytes = [0u8; 32];
    context.fill(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes beside and renames, readable by its owner alone.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn pair(room: &str, entries: &[KeyEntry], mistakes: &mut Vec<String>) -> Pair {
    let mut pair = Pair::default();
    for entry in entries {
        let name = format!("{room}.{}", entry.kid);
        if entry.kid.is_empty() || pair.verifying.keys.iter().any(|(kid, ..)| *kid == entry.kid) {
            mistakes.push(format!("`{name}`: each key of a list needs a `kid` of its own"));
            continue;
        }
        match read_entry(entry) {
            Ok((signing, verifying)) => {
                pair.signing = pair.signing.or(signing);
                pair.verifying.keys.push((entry.kid.clone(), verifying.0, verifying.1));
            }
            Err(why) => mistakes.push(format!("`{name}` {why}")),
        }
    }
    pair
}

type Read = (Option<SigningKey>, (Algorithm, DecodingKey));

fn read_entry(entry: &KeyEntry) -> Result<Read, String> {
    let algorithm: Algorithm =
        entry.alg.parse().map_err(|_| format!("has `alg` `{}`, which is not known", entry.alg))?;
    let signing = |key| SigningKey { kid: entry.kid.clone(), algorithm, key };
    if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        let (Some(secret), None, None) = (&entry.secret, &entry.public, &entry.private) else {
            return Err(format!("needs a `secret`, and no `public` or `private` key, for `{}`", entry.alg));
        };
        if let Some(weakness) = weakness(secret) {
            return Err(format!("has a secret that {weakness}"));
        }
        let bytes = secret.as_bytes();
        return Ok((Some(signing(EncodingKey::from_secret(bytes))), (algorithm, DecodingKey::from_secret(bytes))));
    }
    let (Some(public), None) = (&entry.public, &entry.secret) else {
        return Err(format!("needs a `public` key in PEM, and no `secret`, for `{}`", entry.alg));
    };
    let (decoding, encoding): (DecodePem, EncodePem) = match algorithm {
        Algorithm::EdDSA => (DecodingKey::from_ed_pem, EncodingKey::from_ed_pem),
        Algorithm::ES256 | Algorithm::ES384 => (DecodingKey::from_ec_pem, EncodingKey::from_ec_pem),
        _ if public.len() < 380 => return Err("is an RSA key of less than 2048 bits".to_owned()),
        _ => (DecodingKey::from_rsa_pem, EncodingKey::from_rsa_pem),
    };
    let verifying =
        decoding(public.as_bytes()).map_err(|error| format!("has a `public` key that does not read: {error}"))?;
    let private = entry.private.as_ref().map(|pem| encoding(pem.as_bytes())).transpose();
    let private = private.map_err(|error| format!("has a `private` key that does not read: {error}"))?;
    Ok((private.map(signing), (algorithm, verifying)))
}

type DecodePem = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;
type EncodePem = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;

/// Why a secret cannot be sent in a header.
fn no_header(secret: &str) -> Option<&'static str> {
    let fits = secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    (!fits).then_some("must be visible ASCII without spaces and commas: it is sent in a header")
}

/// Why a secret could be guessed.
fn weakness(secret: &str) -> Option<&'static str> {
    let distinct: std::collections::BTreeSet<u8> = secret.bytes().collect();
    match (secret.len(), distinct.len()) {
        (0..32, _) => Some("is shorter than 32 bytes"),
        (_, 0..8) => Some("repeats itself"),
        _ => None,
    }
}
