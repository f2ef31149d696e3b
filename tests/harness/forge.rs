//! What somebody could write who can write to a data folder: tokens and messages signed with its keys, records in its databases.

use std::path::{Path, PathBuf};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

/// The keys of a data folder (development mode: all of them are secrets of HS256).
pub struct Keyring(Value);

impl Keyring {
    /// Those of the data folder.
    pub fn of(data: &Path) -> Self {
        let text = std::fs::read_to_string(data.join("keys.json")).expect("there are keys");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// The secret of the first key of a list: `tokens`, `internal`, `operator`.
    pub fn secret(&self, list: &str) -> String {
        self.0[list][0]["secret"].as_str().expect("a secret").to_owned()
    }

    /// A token signed with the first key of a list.
    pub fn token(&self, list: &str, claims: &Value) -> String {
        let kid = self.0[list][0]["kid"].as_str().expect("an id").to_owned();
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::HS256) };
        encode(&header, claims, &EncodingKey::from_secret(self.secret(list).as_bytes())).expect("a token")
    }

    /// The signature of a service's message.
    fn sign(&self, service: &str, message: &str) -> String {
        let key = &self.0["services"][service]["messages"][0];
        let secret = key["secret"].as_str().expect("a secret");
        let key_of = EncodingKey::from_secret(secret.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key_of, Algorithm::HS256).expect("a signature");
        format!("{}.{signature}", key["kid"].as_str().expect("an id"))
    }
}

/// A database file, opened beside the process that owns it.
pub struct Database(SqliteConnection);

impl Database {
    /// Opens `file`, which is made where it is not there.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let options = options.busy_timeout(std::time::Duration::from_secs(10));
        Self(options.connect().await.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    /// Runs statements.
    pub async fn run(&mut self, statements: &str) {
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut self.0).await.expect("a statement that runs");
    }

    /// The first column of the first row, as text.
    pub async fn text(&mut self, query: &str) -> Option<String> {
        let query = sqlx::query(sqlx::AssertSqlSafe(query.to_owned()));
        let row = query.fetch_optional(&mut self.0).await.expect("a query that runs")?;
        row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string())).ok()
    }

    /// Whether SQLite finds nothing wrong in it.
    pub async fn is_whole(&mut self) -> bool {
        self.text("PRAGMA integrity_check").await.as_deref() == Some("ok")
    }

    /// Closes it.
    pub async fn close(self) {
        self.0.close().await.expect("it can be closed");
    }
}

/// The embedded log of a data folder, opened beside its process.
pub struct LogFile {
    database: Database,
    keys: Keyring,
}

/// A message as it stands in a log: its JSON, to be changed as text, so that the order of its fields stays.
#[derive(Clone, Debug)]
pub struct Forged(pub String);

impl LogFile {
    /// That of the data folder.
    pub async fn of(data: &Path) -> Self {
        let file: PathBuf = data.join("log.db");
        Self { database: Database::open(&file).await, keys: Keyring::of(data) }
    }

    /// The newest message of a topic of which `like` says something.
    pub async fn newest(&mut self, topic: &str, like: &str) -> Forged {
        let query = format!(
            "SELECT message FROM messages WHERE topic = '{topic}' AND message LIKE '%{like}%' ORDER BY log_offset DESC LIMIT 1"
        );
        Forged(self.database.text(&query).await.unwrap_or_else(|| panic!("nothing like {like} in {topic}")))
    }

    /// The position of the newest message of a source in a topic.
    pub async fn last_pos(&mut self, topic: &str, source: &str) -> u64 {
        let query =
            format!("SELECT coalesce(max(pos), 0) FROM messages WHERE topic = '{topic}' AND source = '{source}'");
        self.database.text(&query).await.and_then(|pos| pos.parse().ok()).expect("a number")
    }

    /// Appends a record as it is; gives its offset.
    pub async fn append(&mut self, topic: &str, source: &str, pos: u64, record: &str) -> u64 {
        let record = record.replace('\'', "''");
        let insert = format!(
            "INSERT INTO messages (topic, source, epoch, pos, message) VALUES ('{topic}', '{source}', 'forged', {pos}, '{record}')"
        );
        self.database.run(&insert).await;
        let offset = self.database.text("SELECT max(log_offset) FROM messages").await;
        offset.and_then(|offset| offset.parse().ok()).expect("an offset")
    }

    /// Signs a message as its source would.
    pub fn sign(&self, message: &Forged) -> Forged {
        let unsigned = message.with("signature", "\"\"");
        let source: Value = serde_json::from_str(&unsigned.0).expect("a message");
        let signature = self.keys.sign(source["source"].as_str().expect("a source"), &unsigned.0);
        unsigned.with("signature", &format!("\"{signature}\""))
    }

    /// Closes it.
    pub async fn close(self) {
        self.database.close().await;
    }
}

impl Forged {
    /// With the first field of that name set to `value` (JSON text; a value that is no list and no object).
    #[must_use]
    pub fn with(&self, field: &str, value: &str) -> Self {
        let name = format!("\"{field}\":");
        let from = self.0.find(&name).unwrap_or_else(|| panic!("no {field} in {}", self.0)) + name.len();
        let rest = &self.0[from..];
        let end = if let Some(text) = rest.strip_prefix('"') {
            text.find('"').expect("a text ends") + 2
        } else {
            rest.find([',', '}']).expect("a value ends")
        };
        Self(format!("{}{value}{}", &self.0[..from], &rest[end..]))
    }
}
