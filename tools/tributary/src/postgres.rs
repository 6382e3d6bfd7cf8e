//! A private Postgres cluster in the instance's folder.
//!
//! What is durable in production is durable here: checksums, fsync, full page writes and
//! synchronous commits are on. It listens on the loopback interface alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::account::Account;
use crate::child::ChildSpec;
use crate::envfile::write_private;
use crate::ladder::Program;
use crate::ladder::postgres::library_path;
use crate::process::{self, program_of};
use crate::random;
use crate::state::State;

/// The cluster's superuser, and the database that the services share.
pub const ADMIN: &str = "tributary";
pub const DATABASE: &str = "tributary";

/// Unix socket paths have 108 bytes, the last of them zero.
const SOCKET_PATH_MAX: usize = 107;

/// The settings that `initdb` does not make. In a file, so that they can be read, and so that a
/// test of the boot checks may turn one off. Statistics are looked at often: the plans of a fresh
/// cluster are made for empty tables, and are kept until its first statistics come.
const SETTINGS: &str = "\
# Written by tributary.
max_connections = 200
shared_buffers = 256MB
fsync = on
full_page_writes = on
synchronous_commit = on
password_encryption = scram-sha-256
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = error
log_line_prefix = '%m [%p] %u@%d '
jit = off
autovacuum_naptime = 5s
";

/// A cluster on disk and the programs to run it.
pub struct Cluster {
    program: Program,
    account: Account,
    data: PathBuf,
    socket_dir: PathBuf,
}

impl Cluster {
    /// Finds or makes the cluster of the instance in `dir`. A new one is copied from a template in
    /// `home`, which is made on the first call ever, because `initdb` takes seconds.
    pub fn prepare(
        program: Program,
        account: Account,
        dir: &Path,
        home: &Path,
        state: &mut State,
    ) -> Result<Self> {
        let base = account.reachable(dir)?;
        if base != dir {
            eprintln!(
                "postgres: its data lies in {}, because its user cannot enter {}",
                base.display(),
                dir.display()
            );
        }
        let cluster = Self {
            program,
            account,
            data: base.join("pg"),
            socket_dir: base.join("pg-socket"),
        };
        if cluster.data.join("PG_VERSION").exists() && state.postgres_password.is_some() {
            cluster.check_major()?;
        } else {
            state.postgres_password = Some(cluster.create(&account.reachable(home)?)?);
            state.save(dir)?;
        }
        Ok(cluster)
    }

    fn check_major(&self) -> Result<()> {
        let major = fs::read_to_string(self.data.join("PG_VERSION"))?;
        ensure!(
            major.trim() == self.program.version.major.to_string(),
            "{} holds data of Postgres {}, but the programs found are {}: name the older ones \
             with PG_BINDIR, or remove the folder",
            self.data.display(),
            major.trim(),
            self.program.version
        );
        Ok(())
    }

    /// Copies the template and gives the superuser's password, which the template fixes.
    fn create(&self, home: &Path) -> Result<String> {
        let template = self.template(home)?;
        let fresh = self.data.with_extension("new");
        let _ = fs::remove_dir_all(&fresh);
        let _ = fs::remove_dir_all(&self.data);
        self.account.make_dir(&fresh)?;
        self.run(
            Path::new("/bin/cp"),
            &["-a", &text(&template.join("data/.")), &text(&fresh)],
        )?;
        self.run(&self.bin("initdb"), &["--sync-only", "-D", &text(&fresh)])?;
        fs::rename(&fresh, &self.data)?;
        let password = fs::read_to_string(template.join("password"))?;
        Ok(password.trim().to_owned())
    }

    /// `<home>/cache/pg-<version>`: an empty cluster and its superuser's password.
    fn template(&self, home: &Path) -> Result<PathBuf> {
        let owner = self
            .account
            .ids()
            .map_or(String::new(), |(uid, _)| format!("-{uid}"));
        let template = home
            .join("cache")
            .join(format!("pg-{}{owner}", self.program.version));
        if template.join("data/PG_VERSION").exists() {
            return Ok(template);
        }
        let fresh = template.with_extension(format!("new-{}", std::process::id()));
        open_to_others(&fresh)?;
        let password = fresh.join("password");
        write_private(&password, random::password()?.as_bytes())?;
        self.account.own(&password)?;
        self.initdb(&fresh.join("data"), &password)?;
        // Another start may have been quicker: then its template is as good as ours.
        if fs::rename(&fresh, &template).is_err() {
            fs::remove_dir_all(&fresh)?;
        }
        Ok(template)
    }

    fn initdb(&self, data: &Path, password: &Path) -> Result<()> {
        self.account.make_dir(data)?;
        let mut command = self.account.command(&self.bin("initdb"));
        self.add_libraries(&mut command);
        command.args([
            "-k",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]);
        command
            .args(["--no-sync", "-U", ADMIN, "-D"])
            .arg(data)
            .arg("--pwfile")
            .arg(password);
        let output = command.output().context("could not run initdb")?;
        ensure!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut settings = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))?;
        settings.write_all(SETTINGS.as_bytes())?;
        Ok(())
    }

    /// Ends what is left of an earlier run, so that nobody else touches the data.
    pub async fn sweep(&self) -> Result<()> {
        let postmaster = self.recorded_postmaster();
        if let Some(postmaster) = postmaster {
            process::end_all(&[postmaster], Signal::SIGINT, Duration::from_secs(20)).await;
        }
        let left = process::find_working_in(&self.data);
        process::end_all(&left, Signal::SIGQUIT, Duration::from_secs(10)).await;
        // Nothing works in the folder any more, so a lock file that is still here is stale. Its
        // number may meanwhile belong to a stranger, which Postgres would take for a postmaster.
        let _ = fs::remove_file(self.data.join("postmaster.pid"));
        let _ = fs::remove_dir_all(&self.socket_dir);
        Ok(())
    }

    fn recorded_postmaster(&self) -> Option<process::Process> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let process = process::Process::find(text.lines().next()?.parse().ok()?)?;
        let ours = process::find_working_in(&self.data).contains(&process);
        (ours && program_of(process).as_deref() == Some("postgres")).then_some(process)
    }

    /// The child to keep: the postmaster.
    pub fn child(&self, port: u16) -> Result<ChildSpec> {
        let mut args = vec!["-D".to_owned(), text(&self.data)];
        let settings = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            ("unix_socket_directories", self.socket_dir(port)?),
        ];
        for (name, value) in settings {
            args.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        Ok(ChildSpec {
            name: "postgres".to_owned(),
            program: self.bin("postgres"),
            args,
            env: self.libraries(),
            ids: self.account.ids(),
            // Fast shutdown: sessions are ended, a checkpoint is written.
            stop_signal: Signal::SIGINT,
            stop_patience: Duration::from_secs(30),
            alone_in: Some(self.data.clone()),
        })
    }

    /// A folder for the socket beside the data, or none at all where its path would be too long.
    pub fn socket_dir(&self, port: u16) -> Result<String> {
        let socket = self.socket_dir.join(format!(".s.PGSQL.{port}"));
        if socket.as_os_str().len() > SOCKET_PATH_MAX {
            return Ok(String::new());
        }
        self.account.make_dir(&self.socket_dir)?;
        Ok(text(&self.socket_dir))
    }

    pub fn bindir(&self) -> &Path {
        &self.program.path
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.program.path.join(name)
    }

    fn libraries(&self) -> BTreeMap<String, String> {
        let path = library_path(&self.program.path);
        path.map(|path| ("LD_LIBRARY_PATH".to_owned(), path))
            .into_iter()
            .collect()
    }

    fn add_libraries(&self, command: &mut Command) {
        command.envs(self.libraries());
    }

    fn run(&self, program: &Path, args: &[&str]) -> Result<()> {
        let mut command = self.account.command(program);
        self.add_libraries(&mut command);
        let output = command.args(args).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{}: {complaint}",
            program.display()
        );
        Ok(())
    }
}

/// The superuser's URL of the shared database.
pub fn admin_url(password: &str, port: u16) -> String {
    format!("postgres://{ADMIN}:{password}@127.0.0.1:{port}/{DATABASE}")
}

/// Waits until the server answers, and makes the shared database if it is not there yet.
pub async fn wait_ready(admin_url: &str, patience: Duration) -> Result<()> {
    let (server, _) = admin_url
        .rsplit_once('/')
        .context("a URL with a database")?;
    let maintenance = format!("{server}/postgres");
    let deadline = Instant::now() + patience;
    let mut connection = loop {
        match PgConnection::connect(&maintenance).await {
            Ok(connection) => break connection,
            Err(error) if Instant::now() > deadline => {
                return Err(error).context("Postgres does not answer");
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    create_database(&mut connection, DATABASE).await?;
    connection.close().await?;
    Ok(())
}

/// Makes a database unless it exists.
pub async fn create_database(connection: &mut PgConnection, name: &str) -> Result<()> {
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        let statement = format!("create database \"{name}\"");
        sqlx::query(AssertSqlSafe(statement))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Folders on the way must let others pass, whatever the umask says.
pub fn open_to_others(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    let mode = fs::metadata(dir)?.permissions().mode();
    fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o755))?;
    Ok(())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
