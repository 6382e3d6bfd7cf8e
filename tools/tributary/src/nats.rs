//! A private NATS server with JetStream in the instance's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use crate::child::ChildSpec;
use crate::envfile::write_private;
use crate::ladder::{Program, Running};
use crate::version::{NATS_MIN, Version};

pub const USER: &str = "tributary";

/// Of the server and of its monitor, unless they are taken.
pub const USUAL_PORTS: (u16, u16) = (4222, 8222);

/// Writes the server's configuration and gives the child to keep.
///
/// `sync_interval: always`: an acknowledged message is on disk. The default is two minutes, and
/// a power failure in them loses what was acknowledged.
pub fn prepare(
    program: &Program,
    dir: &Path,
    ports: (u16, u16),
    password: &str,
) -> Result<ChildSpec> {
    let store = dir.join("nats-data");
    fs::create_dir_all(&store)?;
    let config = dir.join("nats.conf");
    write_private(&config, settings(&store, ports, password).as_bytes())?;
    Ok(ChildSpec {
        name: "nats".to_owned(),
        program: program.path.clone(),
        args: vec!["-c".to_owned(), config.to_string_lossy().into_owned()],
        env: BTreeMap::new(),
        ids: None,
        stop_signal: Signal::SIGTERM,
        stop_patience: Duration::from_secs(15),
        alone_in: None,
    })
}

fn settings(store: &Path, (port, monitor_port): (u16, u16), password: &str) -> String {
    format!(
        "# Written by tributary.
server_name: tributary
listen: \"127.0.0.1:{port}\"
http: \"127.0.0.1:{monitor_port}\"
jetstream {{
  store_dir: \"{}\"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 16GB
}}
authorization {{
  user: {USER}
  password: \"{password}\"
}}
",
        store.display()
    )
}

pub fn url(password: &str, port: u16) -> String {
    format!("nats://{USER}:{password}@127.0.0.1:{port}")
}

/// Waits until JetStream runs, and refuses one that does not sync always.
pub async fn wait_ready(
    http: &reqwest::Client,
    monitor_url: &str,
    patience: Duration,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match jetstream_syncs_always(http, monitor_url).await {
            Ok(syncs) => {
                ensure!(syncs, "NATS does not run with sync_interval: always");
                return Ok(());
            }
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Whether an acknowledged message is on disk, as the server's monitor tells.
pub async fn jetstream_syncs_always(http: &reqwest::Client, monitor_url: &str) -> Result<bool> {
    let health = http.get(format!("{monitor_url}/healthz")).send().await?;
    ensure!(health.status().is_success(), "NATS is not healthy yet");
    let answer = http
        .get(format!("{monitor_url}/jsz"))
        .send()
        .await?
        .error_for_status()?;
    let jsz: serde_json::Value = answer.json().await?;
    ensure!(jsz["disabled"] != true, "NATS runs without JetStream");
    Ok(jsz["config"]["sync_always"] == true)
}

/// Asks a server that somebody else runs what it is, before anyone logs in.
pub async fn inspect(url: &str) -> Result<Running> {
    let info = tokio::time::timeout(Duration::from_secs(5), read_info(url))
        .await
        .context("NATS_URL: no answer within 5 s")??;
    let version = info["version"].as_str().and_then(Version::find_in);
    let version = version.context("NATS_URL: the server names no version")?;
    ensure!(
        version >= NATS_MIN,
        "NATS_URL: {version} is older than {NATS_MIN}"
    );
    ensure!(
        info["jetstream"] == true,
        "NATS_URL: this server has no JetStream"
    );
    Ok(Running {
        url: url.to_owned(),
        version,
    })
}

/// The first line that a NATS server sends, also before TLS: `INFO {…}`.
async fn read_info(url: &str) -> Result<serde_json::Value> {
    let address =
        address(url).context("NATS_URL: not of the form nats://user:password@host:port")?;
    let stream = TcpStream::connect(&address)
        .await
        .with_context(|| format!("NATS_URL: nothing answers at {address}"))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    match line.strip_prefix("INFO ") {
        Some(json) => Ok(serde_json::from_str(json)?),
        None => bail!("NATS_URL: {address} does not speak NATS"),
    }
}

fn address(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let host = rest
        .rsplit_once('@')
        .map_or(rest, |(_, host)| host)
        .trim_end_matches('/');
    Some(if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:4222")
    })
}

/// User and password of `nats://user:password@host`; empty where the URL has none.
pub fn credentials(url: &str) -> (String, String) {
    let login = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    let (login, _) = login.unwrap_or_default();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    (user.to_owned(), password.to_owned())
}

/// `http://host:8222`, where the monitor of a foreign server usually is.
pub fn usual_monitor_url(url: &str) -> Option<String> {
    let address = address(url)?;
    let (host, _) = address.rsplit_once(':')?;
    Some(format!("http://{host}:8222"))
}

/// The URL without its login, which travels in settings of its own. `tls://` stays: it says that
/// the login must never travel in the clear.
pub fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), address(url)) {
        (Some((scheme, _)), Some(address)) => format!("{scheme}://{address}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nats_url_is_taken_apart() {
        let url = "nats://u:p@example:4333";
        assert_eq!(address(url).as_deref(), Some("example:4333"));
        assert_eq!(address("nats://example").as_deref(), Some("example:4222"));
        assert_eq!(address("example:4222"), None);
        assert_eq!(credentials(url), ("u".to_owned(), "p".to_owned()));
        assert_eq!(
            credentials("nats://example"),
            (String::new(), String::new())
        );
        assert_eq!(
            usual_monitor_url(url).as_deref(),
            Some("http://example:8222")
        );
        assert_eq!(without_credentials(url), "nats://example:4333");
        assert_eq!(
            without_credentials("tls://u:p@example"),
            "tls://example:4222"
        );
    }
}
