//! `<dir>/env`: what a shell, a test or a person needs to reach an instance.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

pub type EnvMap = BTreeMap<String, String>;

/// Writes `KEY=value` lines that a POSIX shell can source, readable by the owner alone.
pub fn write(path: &Path, env: &EnvMap) -> Result<()> {
    let lines: String = env
        .iter()
        .map(|(key, value)| format!("{key}={}\n", quote(value)))
        .collect();
    write_private(path, lines.as_bytes())
}

/// Reads what [`write`] wrote.
pub fn read(path: &Path) -> Result<EnvMap> {
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "{} is missing: is the instance up? (tributary up)",
            path.display()
        )
    })?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(key, value)| (key.to_owned(), unquote(value)))
        .collect())
}

/// Replaces a file as a whole with mode 0600, so that no reader sees half of it and no
/// other user sees any of it.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.with_context(|| format!("could not write {}", path.display()))
}

fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,+%".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn unquote(value: &str) -> String {
    match value
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sample() -> EnvMap {
        [
            ("DATABASE_URL", "postgres://u:p@127.0.0.1:5/db?a=b&c=d"),
            ("NATS_URL", "nats://u:p@127.0.0.1:4222"),
            ("ODD", "it's $HOME; `id`"),
            ("EMPTY", ""),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into()
    }

    #[test]
    fn the_env_file_is_for_its_owner_alone_even_when_it_replaces_an_open_one() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("env");
        fs::write(&path, "OLD=1\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");

        write(&path, &sample()).expect("written");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&path).expect("read"), sample());
    }

    #[test]
    fn a_shell_that_sources_the_env_file_sees_the_same_values() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("env");
        write(&path, &sample()).expect("written");
        for (key, value) in sample() {
            let script = format!(". {}; printf %s \"${key}\"", path.display());
            let out = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .expect("sh");
            assert_eq!(String::from_utf8_lossy(&out.stdout), value, "{key}");
        }
    }
}
