//! Postgres and NATS: found by the ladder, and started if nobody else runs them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{SERVERS_PATIENCE, Servers, Steps, home_of};
use crate::account::Account;
use crate::fleet::loopback;
use crate::instance::Extent;
use crate::ladder::{self, Climb, Ladder, Program, variable};
use crate::postgres::Cluster;
use crate::{database, nats, postgres};

impl Steps<'_> {
    pub(super) async fn servers(&mut self) -> Result<Servers> {
        let given_database = self.given_database().await?;
        let given_nats = self.given_nats().await?;
        let (postgres, nats) = climb(
            &self.instance.dir,
            given_database.is_none(),
            given_nats.is_none(),
        )
        .await?;
        let database_given = given_database.is_some();
        let (database_url, database_socket) = match (given_database, postgres) {
            (Some(url), _) => (url, None),
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
        if !database_given {
            self.or_failed(postgres::wait_ready(&database_url, SERVERS_PATIENCE))
                .await?;
        }
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
            database_given,
            database_socket,
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
        eprintln!(
            "{}",
            ladder::line("nats", 1, "NATS_URL", found.version, &[])
        );
        let monitor = match variable("NATS_MONITOR_URL") {
            Some(told) => Some(told),
            None => self.usual_monitor(&url).await,
        };
        Ok(Some((url, monitor)))
    }

    /// The monitor where it usually is, if it answers. Without one nobody can see how often the
    /// server syncs, and services would wait for ever for a guess that is wrong.
    async fn usual_monitor(&self, nats_url: &str) -> Option<String> {
        let guess = nats::usual_monitor_url(nats_url)?;
        let answer = self.http.get(format!("{guess}/jsz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Some(guess);
        }
        eprintln!(
            "nats: no monitor at {guess}, so nobody checks that JetStream syncs always; \
             NATS_MONITOR_URL says where it is"
        );
        None
    }

    /// The owner's login, and the folder of the server's socket.
    async fn start_postgres(&mut self, program: Program) -> Result<(String, Option<String>)> {
        let account = Account::choose()?;
        let home = home_of(&self.instance.dir);
        self.tell("PG_BINDIR", &program.path.to_string_lossy());
        let dir = &self.instance.dir;
        let cluster = Cluster::prepare(program, account, dir, &home, &mut self.state)?;
        cluster.sweep().await?;
        let port = self.port("postgres", None)?;
        let mut child = cluster.child(port)?;
        let socket = Some(cluster.socket_dir(port)?).filter(|dir| !dir.is_empty());
        if self.options.extent == Extent::Servers {
            // Tests drop databases by the dozen, and each drop waits for the autovacuum launcher,
            // which sleeps for a minute.
            child
                .args
                .extend(["-c", "autovacuum=off"].map(str::to_owned));
        }
        self.instance.supervisor.keep(child)?;
        let password = self
            .state
            .postgres_password
            .as_deref()
            .context("set by prepare")?;
        Ok((postgres::admin_url(password, port), socket))
    }

    fn start_nats(&mut self, program: &Program) -> Result<(String, Option<String>)> {
        let ports = (
            self.port("nats", Some(nats::USUAL_PORTS.0))?,
            self.port("nats-monitor", Some(nats::USUAL_PORTS.1))?,
        );
        let password = self.state.password("nats")?;
        let child = nats::prepare(program, &self.instance.dir, ports, &password)?;
        self.instance.supervisor.keep(child)?;
        self.tell("NATS_SERVER_BIN", &program.path.to_string_lossy());
        Ok((nats::url(&password, ports.0), Some(loopback(ports.1))))
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
    let look = |wanted: bool, ladder: Ladder, variable: &str, home: PathBuf| {
        let passed = vec![format!("{variable} is not set")];
        let climb = move || wanted.then(|| ladder.climb(&home, passed)).transpose();
        tokio::task::spawn_blocking(climb)
    };
    let postgres = look(
        want_postgres,
        ladder::postgres::LADDER,
        "DATABASE_URL",
        reachable,
    );
    let nats = look(want_nats, ladder::nats::LADDER, "NATS_URL", home);
    let (postgres, nats) = (postgres.await?, nats.await?);
    // Both messages, if both have one: the reader types all commands at once.
    match (postgres, nats) {
        (Err(one), Err(other)) => {
            eprintln!("{one:#}\n");
            Err(other)
        }
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
