//! Settings as they are given: in a file, and in the environment, which wins.
//!
//! A setting has one name: `kafka.brokers` in the file is `MINOS_KAFKA_BROKERS` in the environment.

use std::collections::BTreeMap;
use std::path::Path;

/// What stands before a setting's name in the environment.
const PREFIX: &str = "MINOS_";
/// The table of the file that stands for other variables of the environment.
const ENVIRONMENT: &str = "environment";

/// A setting as it is given.
#[derive(Clone, Debug)]
struct Given {
    /// As the user wrote its name, and where.
    name: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Table(BTreeMap<String, String>),
}

/// A setting that there is.
pub(super) struct Setting {
    /// Its name in a file; the dots are tables.
    pub(super) name: &'static str,
    /// What it must be, as an error says it.
    pub(super) expected: &'static str,
    /// Not shown in errors.
    pub(super) secret: bool,
    /// A table of names and texts: as `name=text,name=text` in the environment.
    pub(super) table: bool,
}

/// Reads settings; collects every mistake.
pub(super) struct Reader {
    /// By their names in a file.
    given: BTreeMap<String, Given>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) mistakes: Vec<String>,
}

impl Reader {
    /// Over variables of the environment.
    pub(super) fn new(variables: BTreeMap<String, String>, settings: &[Setting]) -> Self {
        let mut reader = Self { given: BTreeMap::new(), environment: BTreeMap::new(), mistakes: Vec::new() };
        for (variable, value) in variables {
            match variable.strip_prefix(PREFIX) {
                None => drop(reader.environment.insert(variable, value)),
                Some("CONFIG") => {}
                Some(rest) => match settings.iter().find(|it| variable_name(it.name) == rest) {
                    Some(setting) => reader.give(setting, variable, Value::Text(value)),
                    None => {
                        let of_settings = settings.iter().map(|it| format!("{PREFIX}{}", variable_name(it.name)));
                        reader.unknown(&variable, std::iter::once(format!("{PREFIX}CONFIG")).chain(of_settings));
                    }
                },
            }
        }
        reader
    }

    fn give(&mut self, setting: &Setting, name: String, value: Value) {
        self.given.entry(setting.name.to_owned()).or_insert(Given { name, value });
    }

    /// Takes in a file of TOML, for what the environment does not say.
    pub(super) fn file(&mut self, path: &Path, settings: &[Setting]) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return self
                    .mistakes
                    .push(format!("the file `{}` (MINOS_CONFIG) cannot be read: {error}", path.display()));
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.table("", table, path, settings),
            Err(error) => {
                self.mistakes.push(format!("the file `{}` (MINOS_CONFIG) is not TOML: {error}", path.display()))
            }
        }
    }

    fn table(&mut self, room: &str, table: toml::Table, path: &Path, settings: &[Setting]) {
        for (key, value) in table {
            let name = if room.is_empty() { key.clone() } else { format!("{room}.{key}") };
            let place = format!("{name}` in `{}", path.display());
            match (settings.iter().find(|it| it.name == name), value) {
                (None, toml::Value::Table(rest)) if name == ENVIRONMENT => {
                    if let Some(rest) = self.texts(&place, rest) {
                        for (variable, text) in rest {
                            self.environment.entry(variable).or_insert(text);
                        }
                    }
                }
                (None, toml::Value::Table(rest))
                    if settings.iter().any(|it| it.name.starts_with(&format!("{name}."))) =>
                {
                    self.table(&name, rest, path, settings);
                }
                (None, _) => self.unknown(&place, settings.iter().map(|it| it.name.to_owned())),
                (Some(setting), toml::Value::Table(rest)) if setting.table => {
                    if let Some(rest) = self.texts(&place, rest) {
                        self.give(setting, place, Value::Table(rest));
                    }
                }
                (Some(setting), value) => match text(&value) {
                    Some(text) if !setting.table => self.give(setting, place, Value::Text(text)),
                    _ => self.mistakes.push(format!("`{place}` must be {}", setting.expected)),
                },
            }
        }
    }

    fn texts(&mut self, place: &str, table: toml::Table) -> Option<BTreeMap<String, String>> {
        let mut texts = BTreeMap::new();
        for (key, value) in table {
            match text(&value) {
                Some(text) => drop(texts.insert(key, text)),
                None => {
                    self.mistakes.push(format!("`{key}` of `{place}` must be a text, a number, true or false"));
                    return None;
                }
            }
        }
        Some(texts)
    }

    /// A misspelt name would else be passed over in silence.
    fn unknown(&mut self, name: &str, known: impl Iterator<Item = String>) {
        let known: Vec<String> = known.collect();
        self.mistakes.push(format!("`{name}` is not known; there are {}", known.join(", ")));
    }

    /// Reads one setting into `to`, where it is given.
    pub(super) fn set<T>(&mut self, setting: &Setting, to: &mut T, parse: impl FnOnce(&str) -> Option<T>) {
        let Some(Given { name, value: Value::Text(text) }) = self.given.get(setting.name) else { return };
        match parse(text.trim()) {
            Some(value) if !text.trim().is_empty() => *to = value,
            _ if setting.secret => self.mistakes.push(format!("`{name}` must be {}", setting.expected)),
            _ => self.mistakes.push(format!("`{name}` must be {}, not `{text}`", setting.expected)),
        }
    }

    /// Reads a setting that is a table.
    pub(super) fn set_table(&mut self, setting: &Setting, to: &mut BTreeMap<String, String>) {
        match self.given.get(setting.name) {
            None => {}
            Some(Given { value: Value::Table(table), .. }) => to.clone_from(table),
            Some(Given { name, value: Value::Text(text) }) => {
                let entries = text.split(',').map(|it| it.trim().split_once('=').filter(|(key, _)| !key.is_empty()));
                match entries.map(|it| it.map(|(key, text)| (key.trim().to_owned(), text.trim().to_owned()))).collect()
                {
                    Some(table) => *to = table,
                    None => self.mistakes.push(format!("`{name}` must be {}", setting.expected)),
                }
            }
        }
    }

    /// Whether a setting is given; as the user wrote its name.
    pub(super) fn name_of(&self, setting: &Setting) -> Option<&str> {
        self.given.get(setting.name).map(|given| given.name.as_str())
    }
}

/// `kafka.brokers` as `KAFKA_BROKERS`.
fn variable_name(name: &str) -> String {
    name.replace('.', "_").to_ascii_uppercase()
}

fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(is) => Some(is.to_string()),
        toml::Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
