//! Configuration in layers: kit's defaults, the service's defaults, a file, the environment.
//! Later layers win. Unknown keys are refused.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use config::{Config, Environment, File, FileFormat, Map, Value, ValueKind};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{BootError, Validate};

const KIT_DEFAULTS: &str = include_str!("../kit.default.toml");
/// Top-level tables that kit reads; all others are the service's own.
const KIT_TABLES: [&str; 7] = [
    "server", "postgres", "nats", "clock", "peers", "tokens", "log",
];

/// Kit's part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub server: Server,
    pub postgres: Postgres,
    pub nats: Nats,
    pub clock: ClockSettings,
    pub peers: BTreeMap<String, String>,
    pub tokens: Tokens,
    pub log: Log,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub public_listen: String,
    pub drain_wait_ms: u64,
    pub drain_max_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    pub url: SecretString,
    pub migrate_url: SecretString,
    pub connections_max: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    pub url: String,
    pub monitor_url: String,
    pub user: String,
    pub password: SecretString,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSettings {
    pub mode: ClockMode,
    pub sandbox_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    System,
    Sandbox,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub private_key: SecretString,
    pub public_keys: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

/// All layers merged, not yet given shape.
#[derive(Debug, Clone)]
pub struct Layers {
    merged: Config,
}

impl Layers {
    /// Reads the layers. `environment` is the process' own or a test's.
    ///
    /// # Errors
    /// `Config` naming the layer that does not parse.
    pub fn read(
        name: &str,
        defaults: &str,
        file: Option<&str>,
        environment: &HashMap<String, String>,
    ) -> Result<Self, BootError> {
        let prefix = name.replace('-', "_").to_uppercase();
        let mut builder = Config::builder()
            .add_source(File::from_str(KIT_DEFAULTS, FileFormat::Toml))
            .add_source(File::from_str(defaults, FileFormat::Toml));
        if let Some(path) = file {
            builder = builder.add_source(File::new(path, FileFormat::Toml));
        }
        let merged = builder
            .add_source(layer("TRIBUTARY", environment))
            .add_source(layer(&prefix, environment))
            .build()
            .map_err(refused)?;
        Ok(Self { merged })
    }

    /// Kit's part and the service's part, each refusing keys that it does not know.
    ///
    /// # Errors
    /// `Config` naming the key, or the sentence of the service's own `validate`.
    pub fn shape<C: DeserializeOwned + Validate>(self) -> Result<(Settings, C), BootError> {
        let (ours, own): (Map<_, _>, Map<_, _>) = self
            .table()?
            .into_iter()
            .partition(|(key, _)| KIT_TABLES.contains(&key.as_str()));
        let settings: Settings = shape_of(ours)?;
        let own: C = shape_of(own)?;
        own.validate().map_err(BootError::Config)?;
        Ok((settings, own))
    }

    /// The effective configuration as TOML-like lines, secrets shown as `***`.
    ///
    /// # Errors
    /// `Config` when the merged value is no table.
    pub fn redacted(self) -> Result<String, BootError> {
        let mut lines = Vec::new();
        print(&mut lines, "", self.table()?);
        lines.sort();
        Ok(lines.join("\n"))
    }

    fn table(self) -> Result<Map<String, Value>, BootError> {
        self.merged.cache.into_table().map_err(refused)
    }
}

fn layer(prefix: &str, environment: &HashMap<String, String>) -> Environment {
    Environment::with_prefix(prefix)
        .prefix_separator("__")
        .separator("__")
        .source(Some(environment.clone()))
}

fn shape_of<T: DeserializeOwned>(table: Map<String, Value>) -> Result<T, BootError> {
    Value::new(None, ValueKind::Table(table))
        .try_deserialize()
        .map_err(refused)
}

fn refused(error: config::ConfigError) -> BootError {
    BootError::Config(error.to_string())
}

fn print(lines: &mut Vec<String>, path: &str, table: Map<String, Value>) {
    for (key, value) in table {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let shown = value.kind.to_string();
        if let ValueKind::Table(inner) = value.kind {
            print(lines, &path, inner);
        } else {
            lines.push(format!("{path} = {}", redact(&key, &shown)));
        }
    }
}

/// Secrets are told by their names; a URL keeps all but its password.
fn redact(key: &str, value: &str) -> String {
    let secret = ["secret", "password", "private_key", "token"]
        .iter()
        .any(|w| key.contains(w));
    if secret && !value.is_empty() {
        return "***".to_owned();
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, mut tail) = (&rest[..end], rest[end..].to_owned());
    let Some((user, host)) = authority.rsplit_once('@') else {
        return value.to_owned();
    };
    // A user without a password is NATS' way to write a token.
    let user = user
        .split_once(':')
        .map_or("***".to_owned(), |(name, _)| format!("{name}:***"));
    if let Some(query) = tail.find('?') {
        tail.truncate(query);
        tail.push_str("?***");
    }
    format!("{scheme}://{user}@{host}{tail}")
}

/// The process' environment. Read here and nowhere else.
#[must_use]
pub fn environment() -> HashMap<String, String> {
    text(std::env::vars_os())
}

fn text(variables: impl Iterator<Item = (OsString, OsString)>) -> HashMap<String, String> {
    variables
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        limits: Limits,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        single_max_minor: i64,
    }
    impl Validate for Own {
        fn validate(&self) -> Result<(), String> {
            if self.limits.single_max_minor > 0 {
                Ok(())
            } else {
                Err("limits must be positive".into())
            }
        }
    }

    const DEFAULTS: &str = "[limits]\nsingle_max_minor = 5\n";

    fn read(pairs: &[(&str, &str)]) -> Layers {
        let environment = pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        Layers::read("fraud-limits", DEFAULTS, None, &environment).unwrap()
    }

    #[test]
    fn the_environment_of_one_service_wins_over_that_of_all() {
        let (settings, own): (Settings, Own) = read(&[
            ("TRIBUTARY__NATS__URL", "nats://all"),
            ("FRAUD_LIMITS__NATS__URL", "nats://mine"),
            ("FRAUD_LIMITS__LIMITS__SINGLE_MAX_MINOR", "7"),
            ("EARNINGS__NATS__URL", "nats://other"),
        ])
        .shape()
        .unwrap();
        assert_eq!(
            (settings.nats.url.as_str(), own.limits.single_max_minor),
            ("nats://mine", 7)
        );
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused_by_name() {
        let unknown = read(&[("FRAUD_LIMITS__LIMITS__SINGEL_MAX", "7")]);
        let error = unknown.shape::<Own>().unwrap_err().to_string();
        assert!(error.contains("singel_max"), "{error}");
        let unknown = read(&[("TRIBUTARY__NATS__URI", "x")]);
        assert!(
            unknown
                .shape::<Own>()
                .unwrap_err()
                .to_string()
                .contains("uri")
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_with_a_sentence() {
        let bad = read(&[("FRAUD_LIMITS__LIMITS__SINGLE_MAX_MINOR", "0")]);
        assert!(
            bad.shape::<Own>()
                .unwrap_err()
                .to_string()
                .contains("limits must be positive")
        );
    }

    #[test]
    fn printing_the_configuration_shows_no_secret() {
        let shown = read(&[
            ("TRIBUTARY__POSTGRES__URL", "postgres://u:canary@h/db"),
            ("TRIBUTARY__TOKENS__PRIVATE_KEY", "canary"),
            ("TRIBUTARY__NATS__PASSWORD", "canary"),
        ])
        .redacted()
        .unwrap();
        assert!(!shown.contains("canary"), "{shown}");
        assert!(
            shown.contains("postgres.url = postgres://u:***@h/db"),
            "{shown}"
        );
    }
    #[test]
    fn no_part_of_a_password_in_a_url_is_shown() {
        for (url, shown) in [
            ("postgres://u:p@canary@h/db", "postgres://u:***@h/db"),
            (
                "postgres://u:pw@h/db?password=canary&x=1",
                "postgres://u:***@h/db?***",
            ),
            ("nats://canary@h:4222", "nats://***@h:4222"),
            ("http://h/a@b", "http://h/a@b"),
        ] {
            assert_eq!(redact("url", url), shown);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_variable_that_is_not_text_is_nothing_to_us() {
        use std::os::unix::ffi::OsStringExt;
        let odd = (
            OsString::from("LEGACY_PATH"),
            OsString::from_vec(vec![0xff, b'x']),
        );
        let good = (OsString::from("A"), OsString::from("b"));
        let read = text([odd, good].into_iter());
        assert_eq!(read, HashMap::from([("A".to_owned(), "b".to_owned())]));
    }
}
