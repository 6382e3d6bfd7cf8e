//! `tributary servers` and `tributary down`: private servers that come back after anything.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tributary::account::Account;
use tributary::envfile;
use tributary::process::{end_all, find_marked, find_working_in};

/// A folder that Postgres' user can enter, and whatever runs in it until the test ends.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let open = std::fs::Permissions::from_mode(0o755);
        Self(
            tempfile::Builder::new()
                .permissions(open)
                .tempdir()
                .expect("temp dir"),
        )
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Runs a sub-command here, on servers of its own rather than on those of `make test`.
    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        self.command(command, arguments)
            .output()
            .expect("the program runs")
    }

    fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tributary"));
        program
            .arg(command)
            .arg("--dir")
            .arg(self.dir())
            .args(arguments);
        for name in [
            "DATABASE_URL",
            "NATS_URL",
            "NATS_MONITOR_URL",
            "STRIPE_SECRET_KEY",
        ] {
            program.env_remove(name);
        }
        program
    }

    fn start(&self) {
        let output = self.run("servers", &["--detach"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    async fn database(&self) -> PgConnection {
        let env = envfile::read(&self.dir().join("env")).expect("the env file");
        PgConnection::connect(&env["DATABASE_URL"])
            .await
            .expect("Postgres answers")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run("down", &[]);
    }
}

async fn count_notes(database: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from note")
        .fetch_one(database)
        .await
        .expect("counted")
}

#[tokio::test]
async fn what_was_committed_is_there_after_everything_was_killed() {
    let place = Place::new();
    place.start();
    let mut database = place.database().await;
    sqlx::raw_sql("create table note (x int); insert into note values (1)")
        .execute(&mut database)
        .await
        .expect("committed");

    let all = find_marked(place.dir());
    assert_eq!(all.len(), 3, "supervisor, postgres, nats");
    end_all(&all, Signal::SIGKILL, Duration::from_secs(5)).await;

    place.start();
    assert_eq!(count_notes(&mut place.database().await).await, 1);
}

#[tokio::test]
async fn orphans_of_a_killed_supervisor_are_replaced_and_stopped() {
    let place = Place::new();
    place.start();
    let supervisor = supervisor_of(place.dir());
    let before = find_marked(place.dir());
    assert!(supervisor.signal(Signal::SIGKILL));

    place.start();
    assert!(
        before.iter().all(|process| !process.is_alive()),
        "no orphan keeps running"
    );

    assert!(supervisor_of(place.dir()).signal(Signal::SIGKILL));
    let output = place.run("down", &[]);
    assert!(output.status.success());
    assert_eq!(find_marked(place.dir()), []);
    assert_eq!(find_working_in(&place.dir().join("pg")), []);
}

fn supervisor_of(dir: &Path) -> tributary::process::Process {
    let path = dir.join("run/supervisor.pid");
    tributary::process::Process::read_file(&path).expect("a supervisor")
}

#[tokio::test]
async fn a_stale_lock_file_that_names_a_stranger_neither_stops_a_start_nor_hurts_the_stranger() {
    let place = Place::new();
    place.start();
    end_all(
        &find_marked(place.dir()),
        Signal::SIGKILL,
        Duration::from_secs(5),
    )
    .await;

    // Postgres asks only after processes of its own user.
    let account = Account::choose().expect("the cluster's user");
    let mut sleep = account.command(Path::new("/bin/sleep"));
    let mut stranger = sleep.arg("300").spawn().expect("a stranger");
    let lock = place.dir().join("pg/postmaster.pid");
    let text = std::fs::read_to_string(&lock).expect("a stale lock file");
    let (_, rest) = text
        .split_once('\n')
        .expect("its first line is the process id");
    std::fs::write(&lock, format!("{}\n{rest}", stranger.id())).expect("changed");

    place.start();
    place.database().await;
    assert!(
        stranger.try_wait().expect("asked").is_none(),
        "the stranger lives"
    );
    stranger.kill().expect("ended");
    stranger.wait().expect("waited for");
}

#[tokio::test]
async fn the_private_cluster_is_as_durable_as_production() {
    let place = Place::new();
    place.start();
    let mut database = place.database().await;
    for (setting, wanted) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("max_connections", "200"),
        ("password_encryption", "scram-sha-256"),
    ] {
        let value: String = sqlx::query_scalar(AssertSqlSafe(format!("show {setting}")))
            .fetch_one(&mut database)
            .await
            .expect("shown");
        assert_eq!(value, wanted, "{setting}");
    }
}

#[test]
fn a_second_start_is_content_with_the_first_and_a_second_stop_with_nothing() {
    let place = Place::new();
    place.start();
    let again = place.run("servers", &["--detach"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already running"));
    assert_eq!(
        place.run("servers", &[]).status.code(),
        Some(6),
        "two cannot share a folder"
    );
    assert!(place.run("down", &[]).status.success());
    let nothing = place.run("down", &[]);
    assert!(nothing.status.success());
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing was running"));
}

#[test]
fn a_server_that_does_not_answer_is_named_and_nothing_is_left_running() {
    let place = Place::new();
    let nobody = "postgres://u:p@127.0.0.1:1/db";
    let output = place
        .command("servers", &["--detach"])
        .env("DATABASE_URL", nobody)
        .output()
        .expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DATABASE_URL: "));
    assert_eq!(find_marked(place.dir()), []);
}
