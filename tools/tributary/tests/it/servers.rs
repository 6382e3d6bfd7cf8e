//! `tributary servers` and `tributary down`: private servers that come back after anything.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tributary::account::Account;
use tributary::database::with;
use tributary::process::{Process, end_all, find_marked, find_working_in, gone};

use crate::place::Place;

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
    let before = find_marked(place.dir());
    kill_supervisor_of(place.dir()).await;

    place.start();
    assert!(
        before.iter().all(|process| !process.is_alive()),
        "no orphan keeps running"
    );

    kill_supervisor_of(place.dir()).await;
    let output = place.run("down", &[]);
    assert!(output.status.success());
    assert_eq!(find_marked(place.dir()), []);
    assert_eq!(find_working_in(&place.dir().join("pg")), []);
}

/// Kills the supervisor alone. A signal is only sent when `kill` returns: the process is waited for.
async fn kill_supervisor_of(dir: &Path) {
    let path = dir.join("run/supervisor.pid");
    let supervisor = Process::read_file(&path).expect("a supervisor");
    assert!(supervisor.signal(Signal::SIGKILL));
    assert!(gone(&[supervisor], Duration::from_secs(5)).await);
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
fn a_background_start_that_is_called_off_leaves_nothing_running() {
    let place = Place::new();
    let mut starter = place
        .command("servers", &["--detach"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    while find_marked(place.dir()).is_empty() {
        std::thread::yield_now();
    }
    let process = tributary::process::Process::find(starter.id()).expect("it waits");
    assert!(process.signal(Signal::SIGTERM));
    assert_eq!(starter.wait().expect("ended").code(), Some(130));
    assert_eq!(find_marked(place.dir()), []);
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

#[tokio::test]
async fn on_a_server_that_was_given_nothing_is_made_beside_the_given_database() {
    let (owner, guest) = (Place::new(), Place::new());
    owner.start();
    let mut server = owner.database().await;
    sqlx::raw_sql("create database given")
        .execute(&mut server)
        .await
        .expect("made");
    let url = &owner.env()["DATABASE_URL"];
    let [given, maintenance] =
        ["given", "postgres"].map(|name| with(url, Some(name), None).expect("a URL"));
    let mut maintenance = PgConnection::connect(&maintenance)
        .await
        .expect("a connection");
    server.close().await.expect("closed");
    sqlx::raw_sql("drop database tributary")
        .execute(&mut maintenance)
        .await
        .expect("dropped");

    let started = guest
        .command("servers", &["--detach"])
        .env("DATABASE_URL", &given)
        .output()
        .expect("ran");
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(started.status.success(), "{said}");
    assert!(said.contains("postgres: rung 1, DATABASE_URL"), "{said}");
    let databases: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database where not datistemplate order by 1",
    )
    .fetch_all(&mut maintenance)
    .await
    .expect("listed");
    assert_eq!(databases, ["given", "postgres"]);
}
