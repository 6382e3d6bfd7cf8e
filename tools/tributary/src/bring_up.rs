//! The steps from an empty folder to a ready instance.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::account::Account;
use crate::fleet::{
    self, AUDITOR, Fleet, SANDBOX, SERVICES, STRIPE_KEYS, Stripe, TokenKey, loopback, prefix_of,
    role_of, usual_port,
};
use crate::instance::{Extent, Instance, Options};
use crate::ladder::{self, Climb, Program, variable};
use crate::ports::Ports;
use crate::postgres::Cluster;
use crate::state::State;
use crate::supervisor::{open_log, tail};
use crate::{database, endpoints, nats, postgres};

const SERVERS_PATIENCE: Duration = Duration::from_secs(60);
const SERVICES_PATIENCE: Duration = Duration::from_secs(60);

/// Runs all steps. What was started before a failure is the caller's to stop.
pub async fn run(instance: &mut Instance, options: &Options) -> Result<()> {
    let began = Instant::now();
    if options.extent == Extent::Everything {
        fleet::check_built(variable("STRIPE_SECRET_KEY").is_none())?;
    }
    let mut steps = Steps {
        state: State::load(&instance.dir)?,
        ports: Ports::default(),
        http: reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
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
    nats_url: String,
    nats_monitor_url: Option<String>,
}

struct Steps<'a> {
    state: State,
    ports: Ports,
    http: reqwest::Client,
    options: &'a Options,
    instance: &'a mut Instance,
}

impl Steps<'_> {
    async fn servers(&mut self) -> Result<Servers> {
        let given_database = self.given_database().await?;
        let given_nats = self.given_nats().await?;
        let (postgres, nats) = climb(
            &self.instance.dir,
            given_database.is_none(),
            given_nats.is_none(),
        )
        .await?;
        let database_url = match (given_database, postgres) {
            (Some(url), _) => url,
            (None, Some(program)) => self.start_postgres(program).await?,
            (None, None) => bail!("no Postgres"),
        };
        let (nats_url, nats_monitor_url) = match (given_nats, nats) {
            (Some(given), _) => given,
            (None, Some(program)) => self.start_nats(&program)?,
            (None, None) => bail!("no NATS"),
        };
        self.state.save(&self.instance.dir)?;
        let own_nats = self
            .state
            .ports
            .get("nats-monitor")
            .map(|port| loopback(*port));
        self.or_failed(postgres::wait_ready(&database_url, SERVERS_PATIENCE))
            .await?;
        if let Some(monitor) = own_nats.filter(|own| nats_monitor_url.as_ref() == Some(own)) {
            self.or_failed(nats::wait_ready(&self.http, &monitor, SERVERS_PATIENCE))
                .await?;
        }
        self.tell("DATABASE_URL", &database_url);
        self.tell("NATS_URL", &nats_url);
        if let Some(monitor) = &nats_monitor_url {
            self.tell("NATS_MONITOR_URL", monitor);
            self.instance
                .urls
                .insert("nats-monitor".to_owned(), monitor.clone());
        }
        Ok(Servers {
            database_url,
            nats_url,
            nats_monitor_url,
        })
    }

    /// Rung 1 for Postgres, unless the variable only names the cluster that we are about to start.
    async fn given_database(&self) -> Result<Option<String>> {
        let own = self
            .state
            .postgres_password
            .as_deref()
            .zip(self.state.ports.get("postgres"));
        let own = own.map(|(password, port)| postgres::admin_url(password, *port));
        let Some(url) = variable("DATABASE_URL").filter(|url| Some(url) != own.as_ref()) else {
            return Ok(None);
        };
        let found = database::inspect(&url).await?;
        eprintln!(
            "{}",
            ladder::line("postgres", 1, "DATABASE_URL", found.version, &[])
        );
        Ok(Some(url))
    }

    /// Rung 1 for NATS: the server's URL and its monitor's.
    async fn given_nats(&self) -> Result<Option<(String, Option<String>)>> {
        let own = self
            .state
            .secrets
            .get("nats")
            .zip(self.state.ports.get("nats"));
        let own = own.map(|(password, port)| nats::url(password, *port));
        let Some(url) = variable("NATS_URL").filter(|url| Some(url) != own.as_ref()) else {
            return Ok(None);
        };
        let found = nats::inspect(&url).await?;
        let monitor = variable("NATS_MONITOR_URL").or_else(|| nats::usual_monitor_url(&url));
        eprintln!(
            "{}",
            ladder::line("nats", 1, "NATS_URL", found.version, &[])
        );
        Ok(Some((url, monitor)))
    }

    async fn start_postgres(&mut self, program: Program) -> Result<String> {
        let account = Account::choose()?;
        let home = home_of(&self.instance.dir);
        self.tell("PG_BINDIR", &program.path.to_string_lossy());
        let dir = &self.instance.dir;
        let cluster = Cluster::prepare(program, account, dir, &home, &mut self.state)?;
        cluster.sweep().await?;
        let port = self.port("postgres", None)?;
        self.instance.supervisor.keep(cluster.child(port)?)?;
        let password = self
            .state
            .postgres_password
            .as_deref()
            .context("set by prepare")?;
        Ok(postgres::admin_url(password, port))
    }

    fn start_nats(&mut self, program: &Program) -> Result<(String, Option<String>)> {
        let ports = (
            self.port("nats", Some(4222))?,
            self.port("nats-monitor", Some(8222))?,
        );
        let password = self.state.password("nats")?;
        let child = nats::prepare(program, &self.instance.dir, ports, &password)?;
        self.instance.supervisor.keep(child)?;
        self.tell("NATS_SERVER_BIN", &program.path.to_string_lossy());
        Ok((nats::url(&password, ports.0), Some(loopback(ports.1))))
    }

    async fn services(&mut self, servers: Servers) -> Result<()> {
        database::apply_roles(&servers.database_url, &mut self.state).await?;
        let stripe = self.stripe()?;
        let fleet = self.fleet(servers, stripe)?;
        self.state.save(&self.instance.dir)?;
        let (stripe, ()) = {
            let this = &*self;
            let start = this.start_sandbox(&fleet.stripe);
            tokio::try_join!(start, this.migrate(&fleet))?
        };
        let fleet = Fleet { stripe, ..fleet };
        let fleet = self.with_endpoints(fleet).await?;
        for service in SERVICES {
            self.instance.supervisor.keep(fleet.child(service)?)?;
        }
        self.tell_services(&fleet)?;
        let waits = SERVICES.map(|service| self.wait_for(service, "/readyz", &fleet));
        self.or_failed(try_join_all(waits)).await?;
        Ok(())
    }

    /// Stripe itself if there is a key for it, else the sandbox.
    fn stripe(&mut self) -> Result<Stripe> {
        let own_key = format!("sk_test_tributary{}", self.state.password("stripe")?);
        let given = variable("STRIPE_SECRET_KEY").filter(|key| *key != own_key);
        let sandbox_url = match given {
            Some(_) => None,
            None => Some(loopback(self.port(SANDBOX, Some(12111))?)),
        };
        let key_of = |own: &str| match &given {
            Some(shared) => variable(own).unwrap_or_else(|| shared.clone()),
            None => own_key.clone(),
        };
        let secret_keys: BTreeMap<String, String> = STRIPE_KEYS
            .map(|(service, own)| (service.to_owned(), key_of(own)))
            .into();
        let webhook_secrets = variable("STRIPE_WEBHOOK_SECRET").filter(|_| given.is_some());
        ensure!(
            given.is_none() || webhook_secrets.is_some(),
            "STRIPE_SECRET_KEY is set, so Stripe signs the webhooks: set STRIPE_WEBHOOK_SECRET \
             too (whsec_…; several with commas between), or unset both for the sandbox"
        );
        let webhook_secrets = webhook_secrets.unwrap_or_default();
        let webhook_secrets = webhook_secrets.split(',').filter(|s| !s.is_empty());
        let shared = given.clone().unwrap_or(own_key.clone());
        self.tell("STRIPE_SECRET_KEY", &shared);
        Ok(Stripe {
            sandbox_url,
            secret_keys,
            webhook_secrets: webhook_secrets.map(str::to_owned).collect(),
        })
    }

    fn fleet(&mut self, servers: Servers, stripe: Stripe) -> Result<Fleet> {
        let (nats_user, nats_password) = nats::credentials(&servers.nats_url);
        let mut ports = BTreeMap::new();
        let mut token_keys = BTreeMap::new();
        for service in SERVICES {
            ports.insert(service.to_owned(), self.port(service, usual_port(service))?);
            token_keys.insert(service.to_owned(), TokenKey::of(service, &mut self.state)?);
        }
        let roles = SERVICES
            .iter()
            .map(|service| role_of(service))
            .chain([AUDITOR.to_owned()]);
        let passwords = roles
            .map(|role| Ok((role.clone(), self.state.password(&format!("role:{role}"))?)))
            .collect::<Result<_>>()?;
        Ok(Fleet {
            nats_url: nats::without_credentials(&servers.nats_url),
            nats_user,
            nats_password,
            nats_monitor_url: servers.nats_monitor_url,
            database_url: servers.database_url,
            stripe,
            gateway_port: self.port("public", Some(8080))?,
            webhook_port: self.port("webhooks", Some(8081))?,
            ports,
            passwords,
            token_keys,
            auth_secret: self.state.long_secret("auth")?,
        })
    }

    async fn start_sandbox(&self, stripe: &Stripe) -> Result<Stripe> {
        if let Some(url) = &stripe.sandbox_url {
            let port = *self
                .state
                .ports
                .get(SANDBOX)
                .context("the sandbox has a port")?;
            let now = OffsetDateTime::now_utc()
                .replace_nanosecond(0)?
                .format(&Rfc3339)?;
            let start = self.options.clock_start.as_deref().unwrap_or(&now);
            let child = fleet::sandbox_child(&self.instance.dir, port, start)?;
            self.instance.supervisor.keep(child)?;
            let health = format!("{url}/_sandbox/health");
            self.or_failed(self.wait_ok(SANDBOX, &health)).await?;
        }
        Ok(stripe.clone())
    }

    async fn migrate(&self, fleet: &Fleet) -> Result<()> {
        try_join_all(SERVICES.map(|service| self.migrate_one(service, fleet))).await?;
        Ok(())
    }

    async fn migrate_one(&self, service: &str, fleet: &Fleet) -> Result<()> {
        let dir = &self.instance.dir;
        let spec = fleet.migration(service)?;
        let log = open_log(dir, &spec.name)?;
        let mut command = spec.command(dir);
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let status = command
            .status()
            .await
            .with_context(|| format!("could not run {service}"))?;
        ensure!(
            status.success(),
            "{service} migrate: {status}; {}",
            tail(dir, &spec.name, 12)
        );
        Ok(())
    }

    async fn with_endpoints(&mut self, mut fleet: Fleet) -> Result<Fleet> {
        if let Some(sandbox) = &fleet.stripe.sandbox_url {
            let key = fleet
                .stripe
                .secret_keys
                .values()
                .next()
                .context("a Stripe key")?;
            let webhook_url = loopback(fleet.webhook_port);
            fleet.stripe.webhook_secrets =
                endpoints::ensure_both(&self.http, sandbox, key, &webhook_url, &mut self.state)
                    .await?;
            self.state.save(&self.instance.dir)?;
        }
        Ok(fleet)
    }

    fn tell_services(&mut self, fleet: &Fleet) -> Result<()> {
        let auditor = fleet
            .passwords
            .get(AUDITOR)
            .context("the auditor has a password")?;
        let login = Some((AUDITOR, auditor.as_str()));
        let auditor_url = database::with(&fleet.database_url, None, login)?;
        self.tell("AUDITOR_DATABASE_URL", &auditor_url);
        self.tell(
            "STRIPE_WEBHOOK_SECRET",
            &fleet.stripe.webhook_secrets.join(","),
        );
        self.tell("AUTH_HS256_SECRET", &fleet.auth_secret);
        self.tell_url("gateway", "GATEWAY_URL", &loopback(fleet.gateway_port));
        self.tell_url("webhooks", "WEBHOOK_URL", &loopback(fleet.webhook_port));
        if let Some(url) = &fleet.stripe.sandbox_url {
            self.tell_url(SANDBOX, "STRIPE_SANDBOX_URL", url);
        }
        for (service, port) in &fleet.ports {
            let (name, variable) = match service.as_str() {
                "gateway" => ("gateway-internal", "GATEWAY_INTERNAL_URL".to_owned()),
                other => (other, format!("{}_URL", prefix_of(other))),
            };
            self.tell_url(name, &variable, &loopback(*port));
        }
        Ok(())
    }

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
        let port = self.ports.take(&wishes)?;
        if let Some(usual) = usual.filter(|usual| *usual != port) {
            eprintln!("{name}: port {usual} is taken, using {port}");
        }
        self.state.ports.insert(name.to_owned(), port);
        Ok(port)
    }

    async fn wait_for(&self, service: &str, path: &str, fleet: &Fleet) -> Result<()> {
        let url = fleet.url_of(service).context("every service has a port")?;
        self.wait_ok(service, &format!("{url}{path}")).await
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

/// Rungs 2 to 4 for the servers that are wanted, side by side: a download takes seconds.
async fn climb(
    dir: &Path,
    want_postgres: bool,
    want_nats: bool,
) -> Result<(Option<Program>, Option<Program>)> {
    let home = home_of(dir);
    let reachable = Account::choose()?.reachable(&home)?;
    let postgres = tokio::task::spawn_blocking(move || {
        let passed = || vec!["DATABASE_URL is not set".to_owned()];
        want_postgres
            .then(|| ladder::postgres::find_program(&reachable, passed()))
            .transpose()
    });
    let nats = tokio::task::spawn_blocking(move || {
        let passed = || vec!["NATS_URL is not set".to_owned()];
        want_nats
            .then(|| ladder::nats::find_program(&home, passed()))
            .transpose()
    });
    let (postgres, nats) = (postgres.await?, nats.await?);
    // Both messages, if both have one: the reader types all commands at once.
    match (postgres, nats) {
        (Err(one), Err(other)) => Err(one.context(other)),
        (postgres, nats) => Ok((print("postgres", postgres?), print("nats", nats?))),
    }
}

fn print(server: &str, climb: Option<Climb<Program>>) -> Option<Program> {
    let Climb { found, passed } = climb?;
    let place = found.path.display().to_string();
    eprintln!(
        "{}",
        ladder::line(server, found.rung, &place, found.version, &passed)
    );
    Some(found)
}

/// The folder that instances of one checkout share for programs and templates: the nearest
/// `.dev` above the instance's folder, or that folder itself.
fn home_of(dir: &Path) -> PathBuf {
    let dev = dir.ancestors().find(|ancestor| ancestor.ends_with(".dev"));
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
