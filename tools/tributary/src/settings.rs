//! How a command reaches an instance: by its env file, or by the same variables of our own
//! environment where there is no such file, as on a machine that runs only this program.

use std::path::Path;

use anyhow::{Context, Result};

use crate::envfile::{self, EnvMap};
use crate::ladder::variable;

#[derive(Debug, Clone)]
pub struct Settings {
    /// For messages.
    source: String,
    /// `None` without an env file.
    file: Option<EnvMap>,
}

impl Settings {
    pub fn of(dir: &Path) -> Result<Self> {
        let path = dir.join("env");
        if path.exists() {
            return Ok(Self {
                source: path.display().to_string(),
                file: Some(envfile::read(&path)?),
            });
        }
        let missing = path.display();
        Ok(Self {
            source: format!("the environment ({missing} is missing: tributary up makes it)"),
            file: None,
        })
    }

    /// An empty value counts as none.
    pub fn find(&self, key: &str) -> Option<String> {
        match &self.file {
            Some(file) => file.get(key).filter(|value| !value.is_empty()).cloned(),
            None => variable(key),
        }
    }

    pub fn get(&self, key: &str) -> Result<String> {
        self.find(key)
            .with_context(|| format!("{key} is not in {}", self.source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_file_hides_the_environment_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().expect("temp dir");
        let without = Settings::of(dir.path()).expect("settings");
        assert_eq!(without.find("PATH"), std::env::var("PATH").ok());
        let refusal = without
            .get("NO_SUCH_SETTING")
            .expect_err("none")
            .to_string();
        assert!(refusal.contains("tributary up makes it"), "{refusal}");

        envfile::write(
            &dir.path().join("env"),
            &[
                ("A".to_owned(), "1".to_owned()),
                ("B".to_owned(), String::new()),
            ]
            .into(),
        )
        .expect("written");
        let with = Settings::of(dir.path()).expect("settings");
        assert_eq!(with.get("A").expect("there"), "1");
        assert_eq!([with.find("B"), with.find("PATH")], [None, None]);
    }
}
