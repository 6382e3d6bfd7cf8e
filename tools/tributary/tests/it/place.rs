//! Instances in folders of their own, run by the program as its users run it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tributary::envfile::{self, EnvMap};

/// A folder that Postgres' user can enter, and whatever runs in it until the test ends.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let open = std::fs::Permissions::from_mode(0o755);
        Self(
            tempfile::Builder::new()
                .permissions(open)
                .tempdir()
                .expect("temp dir"),
        )
    }

    pub fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Runs a sub-command here, on servers of its own rather than on those of `make test`.
    pub fn run(&self, command: &str, arguments: &[&str]) -> Output {
        self.command(command, arguments)
            .output()
            .expect("the program runs")
    }

    pub fn command(&self, command: &str, arguments: &[&str]) -> Command {
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

    pub fn start(&self) {
        let output = self.run("servers", &["--detach"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn env(&self) -> EnvMap {
        envfile::read(&self.dir().join("env")).expect("the env file")
    }

    pub async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.env()["DATABASE_URL"])
            .await
            .expect("Postgres answers")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run("down", &[]);
    }
}
