//! The instance that the demonstration plays on: fresh, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::envfile::{self, EnvMap};
use crate::instance::{self, Ready};

/// Where business time begins.
pub const CLOCK_START: &str = "2027-01-01T00:00:00Z";
/// What would make the instance use servers, or a Stripe, that are not fresh.
const FOREIGN: [&str; 9] = [
    "DATABASE_URL",
    "NATS_URL",
    "NATS_MONITOR_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_SECRET_KEY_BILLING",
    "STRIPE_SECRET_KEY_PAYOUT",
    "STRIPE_SECRET_KEY_MONITOR",
    "STRIPE_WEBHOOK_SECRET",
    crate::process::MARKER,
];

pub struct Stage {
    pub dir: PathBuf,
    ready: Ready,
    env: EnvMap,
}

impl Stage {
    /// Ends and wipes what an earlier demonstration left in `dir`, and starts anew. The instance
    /// is a process of its own, so that it may outlive this one.
    pub async fn set(dir: &Path, replicas: u8) -> Result<Self> {
        instance::down(dir).await?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            "up",
            "--detach",
            "--json",
            "--fresh",
            "--clock-start",
            CLOCK_START,
        ]);
        command
            .args(["--replicas", &replicas.to_string()])
            .arg("--dir")
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for name in FOREIGN {
            command.env_remove(name);
        }
        let status = command
            .status()
            .await
            .context("the instance could not be started")?;
        if let Some(code) = status.code().filter(|code| *code != 0) {
            return Err(crate::detach::EndedEarly { code }.into());
        }
        ensure!(status.success(), "the instance did not start: {status}");
        let ready = instance::find_ready(dir).context("the instance is gone again")?;
        let env = envfile::read(&ready.env_file)?;
        Ok(Self {
            dir: ready.dir.clone(),
            ready,
            env,
        })
    }

    pub fn setting(&self, name: &str) -> Result<String> {
        self.env
            .get(name)
            .cloned()
            .with_context(|| format!("the instance has no {name}"))
    }

    /// A service's internal address.
    pub fn url_of(&self, service: &str) -> Option<&str> {
        let name = if service == "gateway" {
            "gateway-internal"
        } else {
            service
        };
        self.ready.urls.get(name).map(String::as_str)
    }

    /// Completes when the instance has ended by itself, which it does when a service is given up.
    pub async fn fallen(&self) {
        while instance::find_ready(&self.dir).is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }

    pub async fn clear(&self) -> Result<()> {
        instance::down(&self.dir).await.map(drop)
    }
}
