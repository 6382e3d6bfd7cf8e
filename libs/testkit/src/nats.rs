//! A nats-server of the test's own, with the settings that production has.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A child process that ends with the value. Its storage is kept until then.
pub struct TestNats {
    child: Child,
    store: tempfile::TempDir,
    sync: &'static str,
    port: u16,
    monitor: u16,
}

impl TestNats {
    /// Starts a server on free ports.
    ///
    /// # Errors
    /// When the binary is missing or does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_with("always").await
    }

    /// A server as it is shipped: it syncs every two minutes, which is not good enough.
    ///
    /// # Errors
    /// As [`TestNats::start`].
    pub async fn start_lax() -> Result<Self> {
        Self::start_with("2m").await
    }

    async fn start_with(sync: &'static str) -> Result<Self> {
        let store = tempfile::tempdir()?;
        // -1 lets the server choose.
        let (child, port, monitor) = serve(store.path(), sync, -1, -1).await?;
        Ok(Self {
            child,
            store,
            sync,
            port,
            monitor,
        })
    }

    /// Ends the server as a crash would, and starts it again where it was, on the same ports.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill();
        let (port, monitor) = (i32::from(self.port), i32::from(self.monitor));
        (self.child, ..) = serve(self.store.path(), self.sync, port, monitor).await?;
        Ok(())
    }

    /// Ends the server, takes its storage away, and starts it again empty.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart_empty(&mut self) -> Result<()> {
        self.kill();
        std::fs::remove_dir_all(self.store())?;
        self.restart().await
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Where the streams lie.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.store.path().join("js")
    }

    /// # Errors
    /// When the server does not accept the connection.
    pub async fn connect(&self) -> Result<async_nats::jetstream::Context> {
        Ok(async_nats::jetstream::new(
            async_nats::connect(self.url()).await?,
        ))
    }
}

impl Drop for TestNats {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(store: &Path, sync: &str, port: i32, monitor: i32) -> Result<(Child, u16, u16)> {
    let config = format!(
        "listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\n\
         jetstream {{ store_dir: \"{0}/js\", sync_interval: {sync}, max_file_store: 8GB }}\n\
         ports_file_dir: \"{0}\"\n",
        store.display()
    );
    let file = store.join("nats.conf");
    std::fs::write(&file, config)?;
    let mut child = Command::new(binary())
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("nats-server cannot be started; NATS_SERVER_BIN names it")?;
    match read_ports(&store.join(format!("nats-server_{}.ports", child.id()))).await {
        Ok((port, monitor)) => Ok((child, port, monitor)),
        Err(error) => {
            let _ = child.kill();
            Err(error)
        }
    }
}

fn binary() -> String {
    let named = kit::config::environment().remove("NATS_SERVER_BIN");
    named.unwrap_or_else(|| "nats-server".to_owned())
}

/// The server writes the ports that it took to a file when it is up.
async fn read_ports(file: &Path) -> Result<(u16, u16)> {
    for _ in 0..1000 {
        if let Ok(text) = std::fs::read_to_string(file)
            && let Ok(ports) = serde_json::from_str::<serde_json::Value>(&text)
        {
            let port = |kind: &str| {
                let url = ports[kind][0].as_str()?;
                url.rsplit(':').next()?.parse().ok()
            };
            return port("nats")
                .zip(port("monitoring"))
                .context("no ports in the ports file");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("nats-server did not come up within 10 s")
}
