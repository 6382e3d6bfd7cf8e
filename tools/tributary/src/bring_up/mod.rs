//! The steps from an empty folder to a ready instance.

mod servers;
mod services;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child::tail;
use crate::fleet::Fleet;
use crate::instance::{Extent, Instance, Options};
use crate::programs;
use crate::replica::Replica;
use crate::state::State;

const SERVERS_PATIENCE: Duration = Duration::from_secs(60);
const SERVICES_PATIENCE: Duration = Duration::from_secs(60);

/// Runs all steps. What was started before a failure is the caller's to stop.
pub async fn run(instance: &mut Instance, options: &Options) -> Result<()> {
    let began = Instant::now();
    if options.extent == Extent::Everything {
        programs::check_built(services::real_stripe_key().is_none())?;
    }
    let mut steps = Steps {
        state: State::load(&instance.dir)?,
        http: reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
            // Loopback only: a bare machine may have no certificates, and needs none here.
            .tls_certs_only([])
            .build()?,
        options,
        instance,
    };
    let servers = steps.servers().await?;
    if options.extent == Extent::Everything {
        steps.services(servers).await?;
    }
    steps.state.save(&steps.instance.dir)?;
    instance.announce(options.extent)?;
    eprintln!("ready after {:.1?}", began.elapsed());
    Ok(())
}

/// The two servers, wherever they come from.
struct Servers {
    /// The owner's login.
    database_url: String,
    /// Somebody else runs Postgres.
    database_given: bool,
    /// The folder of its Unix socket, where it is ours.
    database_socket: Option<String>,
    nats_url: String,
    nats_monitor_url: Option<String>,
}

struct Steps<'a> {
    state: State,
    http: reqwest::Client,
    options: &'a Options,
    instance: &'a mut Instance,
}

impl Steps<'_> {
    fn tell(&mut self, key: &str, value: &str) {
        self.instance.env.insert(key.to_owned(), value.to_owned());
    }

    fn tell_url(&mut self, name: &str, key: &str, url: &str) {
        self.instance.urls.insert(name.to_owned(), url.to_owned());
        self.tell(key, url);
    }

    /// The usual port, or the one of last time, or a free one: servers for tests keep off the
    /// usual ones.
    fn port(&mut self, name: &str, usual: Option<u16>) -> Result<u16> {
        let usual = usual.filter(|_| self.options.extent == Extent::Everything);
        let known = self.state.ports.get(name).copied();
        let wishes: Vec<u16> = usual.into_iter().chain(known).collect();
        let port = self.instance.ports.take(&wishes)?;
        if let Some(usual) = usual.filter(|usual| *usual != port) {
            eprintln!("{name}: port {usual} is taken, using {port}");
        }
        self.state.ports.insert(name.to_owned(), port);
        Ok(port)
    }

    async fn wait_ready(&self, replica: Replica, fleet: &Fleet) -> Result<()> {
        let url = fleet.url_of(replica).context("every process has a port")?;
        self.wait_ok(&replica.name(), &format!("{url}/readyz"))
            .await
    }

    /// Asks until the answer is 200, or says what it was instead.
    async fn wait_ok(&self, name: &str, url: &str) -> Result<()> {
        let deadline = Instant::now() + SERVICES_PATIENCE;
        loop {
            let last = match self.http.get(url).send().await {
                Ok(answer) if answer.status() == 200 => return Ok(()),
                Ok(answer) => {
                    format!(
                        "{} {}",
                        answer.status(),
                        answer.text().await.unwrap_or_default()
                    )
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                let end = tail(&self.instance.dir, name, 12);
                bail!("{name} did not become ready ({url}: {last}); {end}");
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits for a step, but not for a child that has been given up.
    async fn or_failed<T>(&self, step: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            outcome = step => outcome,
            reason = self.instance.supervisor.failed() => bail!(reason),
        }
    }
}

/// The folder that instances of one checkout share for programs and templates: the nearest
/// `.dev` above the instance's folder, or that folder itself.
pub fn home_of(dir: &Path) -> PathBuf {
    let dev = dir
        .ancestors()
        .find(|ancestor| ancestor.file_name().is_some_and(|name| name == ".dev"));
    dev.unwrap_or(dir).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_below_one_dev_folder_share_its_programs() {
        for dir in ["/x/.dev", "/x/.dev/test", "/x/.dev/a/b"] {
            assert_eq!(home_of(Path::new(dir)), Path::new("/x/.dev"), "{dir}");
        }
        assert_eq!(home_of(Path::new("/tmp/x")), Path::new("/tmp/x"));
    }
}
