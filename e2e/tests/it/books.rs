//! Real books to break: a small demonstration played once and stopped, then copied for each test.
//!
//! Tests are processes of their own, and several at once: the demonstration is played by the first
//! that comes, under a lock, and again when the programs are newer. Its servers run as long as any
//! test uses them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::place::{FEW, demo, dev, program, run};
use crate::replicas::AT_WORK;
use crate::stripe::Stripe;

/// The demonstration's database, which the copies are made of.
const TEMPLATE: &str = "tributary";

/// A copy of the books and of Stripe's side, for one test.
pub struct Books {
    origin: Origin,
    name: String,
    /// Superuser, on the copy.
    pub database: PgConnection,
    /// The copy of Stripe.
    pub stripe: Stripe,
    process: Child,
    dir: tempfile::TempDir,
}

/// What `verify` found.
pub struct Found {
    pub code: Option<i32>,
    pub report: Value,
}

impl Books {
    pub async fn copy() -> Self {
        let origin = Origin::hold();
        let env = env_of(&origin.dir.join("as-played"));
        let server = env_of(&origin.dir)["DATABASE_URL"].clone();
        let name = format!("broken_{}", unique());
        let copy = format!("create database {name} template {TEMPLATE}");
        {
            // Postgres copies a database only while nobody is connected to it.
            let _turn = origin.lock("copy.lock");
            let maintenance = with_database(&server, "postgres");
            let mut connection = PgConnection::connect(&maintenance).await.expect("a server");
            let made = sqlx::query(AssertSqlSafe(copy));
            made.execute(&mut connection).await.expect("a copy");
        }
        let database = PgConnection::connect(&with_database(&server, &name)).await;
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("stripe");
        copy_folder(&origin.dir.join("stripe-sandbox"), &data);
        let (process, sandbox) = serve_sandbox(&data);
        let auditor = with_database(&env["AUDITOR_DATABASE_URL"], &name);
        let books = Self {
            origin,
            name,
            database: database.expect("the copy"),
            stripe: Stripe::at(&sandbox, &env["STRIPE_SECRET_KEY"]),
            process,
            dir,
        };
        books.settings(&[("AUDITOR_DATABASE_URL", &auditor)]);
        books
    }

    /// Writes the env file that `verify` goes by.
    pub fn settings(&self, more: &[(&str, &str)]) {
        let path = self.dir.path().join("env");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        let sandbox = [
            ("STRIPE_SANDBOX_URL", self.stripe.url.as_str()),
            ("STRIPE_SECRET_KEY", &self.stripe.key),
        ];
        for (name, value) in sandbox.iter().chain(more) {
            text.push_str(&format!("{name}={value}\n"));
        }
        fs::write(path, text).expect("written");
    }

    /// Changes the copy as a superuser can and no service may.
    pub async fn sql(&mut self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        done.execute(&mut self.database).await.expect(sql);
    }

    pub async fn text(&mut self, sql: &str) -> String {
        let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        asked.fetch_one(&mut self.database).await.expect(sql)
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        asked.fetch_one(&mut self.database).await.expect(sql)
    }

    /// A posting that balances and that no fact explains: debits positive, in cents. Accounts are
    /// made where they are not there.
    pub async fn post(&mut self, key: &str, txn: Option<&str>, legs: &[(&str, i64)]) {
        let txn = txn.map_or("null".to_owned(), |txn| format!("'{txn}'"));
        let (mut entries, mut names) = (Vec::new(), Vec::new());
        for (line, (name, minor)) in legs.iter().enumerate() {
            names.push(format!("('{name}', '{}')", name.replace('/', "_")));
            entries.push(format!("('{name}', {minor}::bigint, {line}::smallint)"));
        }
        let (names, entries) = (names.join(", "), entries.join(", "));
        self.sql(&format!(
            "insert into earnings.account (kind, asset, name, class, is_platform)
             select kind, 'USD', name, 'signed', true from (values {names}) n (name, kind)
             on conflict (name) do nothing;
             with p as (
               insert into earnings.posting
                 (posting_key, key_text, kind, txn, signed_minor, digest, occurred_at)
               values (substring(sha256(convert_to('{key}', 'UTF8')) from 1 for 16), '{key}',
                       'made_up', {txn}, 0, 0, '2027-01-02T00:00:00Z')
               returning posting_id)
             insert into earnings.entry (posting_id, account_id, amount_minor, line, asset)
             select posting_id, account_id, minor, line, 'USD'
             from p, (values {entries}) e (name, minor, line)
             join earnings.account a on a.name = e.name;
             update earnings.balance b
             set amount_minor = (select sum(case when a.kind like 'creator%' then -e.amount_minor
                                                 else e.amount_minor end)
                                 from earnings.entry e where e.account_id = b.account_id),
                 is_floor = false
             from earnings.account a
             where a.account_id = b.account_id and a.name in (select n.name from (values {names}) n (name, kind))"
        ))
        .await;
    }

    pub fn verify(&self, more: &[&str]) -> Found {
        let arguments = [&["--json"], more].concat();
        let output = run(self.dir.path(), "verify", &arguments);
        let report = serde_json::from_slice(&output.stdout);
        Found {
            code: output.status.code(),
            report: report.unwrap_or_else(|error| {
                panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))
            }),
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let drop = ["--name", &self.name, "--drop"];
        run(&self.origin.dir, "scratch-database", &drop);
    }
}

impl Found {
    /// What breaks an invariant; none if it holds.
    pub fn broken_by(&self, invariant: &str) -> Vec<String> {
        let verdicts = self.report["verdicts"].as_array().into_iter().flatten();
        let of = verdicts.filter(|one| one["invariant"] == invariant);
        let findings = of.flat_map(|one| one["broken_by"].as_array().into_iter().flatten());
        findings
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    }

    /// The names of those that do not hold.
    pub fn broken(&self) -> Vec<&str> {
        let verdicts = self.report["verdicts"].as_array().into_iter().flatten();
        let broken = verdicts.filter(|one| one["holds"] == false);
        broken.filter_map(|one| one["invariant"].as_str()).collect()
    }
}

/// The demonstration's instance, with servers alone, held while a test lives.
struct Origin {
    dir: PathBuf,
    holder: PathBuf,
}

impl Origin {
    fn hold() -> Self {
        let dir = dev("e2e-books");
        fs::create_dir_all(dir.with_extension("holders")).expect("a folder");
        let holder = dir.with_extension("holders").join(unique());
        let origin = Self { dir, holder };
        let _turn = origin.lock("lock");
        let is_alone = origin.is_alone();
        fs::write(&origin.holder, "").expect("noted");
        let played = origin.dir.join("as-played/env");
        let played = fs::metadata(&played).and_then(|found| found.modified());
        // Nobody's books are replaced while they are in use.
        let stale = |since: SystemTime| is_alone && newest_program() > since;
        if played.map_or(true, stale) {
            origin.play();
        }
        let up = run(&origin.dir, "servers", &["--detach"]);
        assert!(
            up.status.success(),
            "{}",
            String::from_utf8_lossy(&up.stderr)
        );
        drop(_turn);
        origin
    }

    /// Plays the month, keeps what the services were told, and stops them.
    fn play(&self) {
        demo(&self.dir, &FEW, &["--keep"]);
        let env = fs::read(self.dir.join("env")).expect("the instance's env file");
        let down = run(&self.dir, "down", &[]);
        assert!(
            down.status.success(),
            "{}",
            String::from_utf8_lossy(&down.stderr)
        );
        fs::create_dir_all(self.dir.join("as-played")).expect("a folder");
        fs::write(self.dir.join("as-played/env"), env).expect("kept");
    }

    fn lock(&self, name: &str) -> File {
        let path = self.dir.with_extension("holders").join(name);
        let file = File::create(path).expect("a lock file");
        file.lock().expect("a turn");
        file
    }

    /// Tests that live: a holder is named by its process.
    fn is_alone(&self) -> bool {
        let holders = fs::read_dir(self.dir.with_extension("holders"));
        let names = holders.into_iter().flatten().flatten();
        let pids = names.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.split_once('_').map(|(pid, _)| pid.to_owned())
        });
        !pids
            .into_iter()
            .any(|pid| Path::new("/proc").join(pid).exists())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _turn = self.lock("lock");
        let _ = fs::remove_file(&self.holder);
        if self.is_alone() {
            run(&self.dir, "down", &[]);
        }
    }
}

fn newest_program() -> SystemTime {
    let changed = |name: &&str| fs::metadata(program(name)).and_then(|found| found.modified());
    let others = ["tributary", "stripe-sandbox", "gateway"];
    let times = others.iter().chain(&AT_WORK);
    let times = times.filter_map(|name| changed(name).ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// `1234_0`: this process, and a count in it.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}_{count}", std::process::id())
}

/// What `<dir>/env` holds.
pub fn env_of(dir: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(dir.join("env")).expect("an env file");
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("Stripe's folder").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}

/// A sandbox on a copy of the journal, and where it answers. Its log says that first.
fn serve_sandbox(data: &Path) -> (Child, String) {
    let mut command = Command::new(program("stripe-sandbox"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the sandbox can be run");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let listening = lines.find_map(|line| {
        let line = line.expect("a log of text");
        let (_, url) = line.split_once("listening on ")?;
        Some(url.trim().to_owned())
    });
    // Somebody must go on reading, or its log would block it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, listening.expect("it listens"))
}
