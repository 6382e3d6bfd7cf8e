//! What an instance would start from: programs, servers, ports, and who may read its secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, ensure};

use super::Line;
use crate::account::Account;
use crate::bring_up::home_of;
use crate::fleet::SANDBOX_PORT;
use crate::instance::Ready;
use crate::ladder::{self, Ladder, variable};
use crate::replica::Replica;
use crate::{database, nats, ports, programs};

pub async fn look(dir: &Path, ready: Option<&Ready>) -> Vec<Line> {
    let mut lines = vec![
        Line::of(
            "programs",
            programs::check_built(true).map(|()| "all built".to_owned()),
            "cargo build --workspace --bins",
        ),
        given_or(dir, "DATABASE_URL", ladder::postgres::LADDER).await,
        given_or(dir, "NATS_URL", ladder::nats::LADDER).await,
        ports(ready),
    ];
    for name in ["env", "state.json"] {
        let path = dir.join(name);
        if path.exists() {
            let advice = format!("chmod 600 {}", path.display());
            lines.push(Line::of(name, is_private(&path), &advice));
        }
    }
    lines
}

/// The server that a variable names, or the rung of the ladder that holds.
async fn given_or(dir: &Path, name: &str, ladder: Ladder) -> Line {
    let server = ladder.server;
    if let Some(url) = variable(name) {
        let found = match server {
            "postgres" => database::inspect(&url).await,
            _ => nats::inspect(&url).await,
        };
        let found = found.map(|found| format!("rung 1, {name}, {}", found.version));
        let advice = format!("mend {name}, or unset it for a private server");
        return Line::of(server, found, &advice);
    }
    let home = home_of(dir);
    let reachable = Account::choose().and_then(|account| account.reachable(&home));
    let home = match server {
        "postgres" => reachable.unwrap_or(home),
        _ => home,
    };
    let mut passed = Vec::new();
    match ladder.look(&home, &mut passed) {
        Some(found) => {
            let place = found.path.display();
            let (rung, version) = (found.rung, found.version);
            Line::ok(server, format!("rung {rung}, {place}, {version}"))
        }
        None => Line::warning(
            server,
            passed.join("; "),
            "tributary up fetches Debian's package, or says what to type",
        ),
    }
}

/// The usual ports that others hold. They are replaced, so this is nobody's fault.
fn ports(ready: Option<&Ready>) -> Line {
    if let Some(ready) = ready {
        let count = ready.urls.len();
        return Line::ok("ports", format!("{count} addresses of this instance"));
    }
    let mut usual = vec![nats::USUAL_PORTS.0, nats::USUAL_PORTS.1, SANDBOX_PORT];
    for replica in Replica::all(1) {
        usual.extend(replica.usual_port());
        usual.extend(replica.front().and_then(|(_, port)| port));
    }
    let taken = usual.into_iter().filter(|port| !ports::is_free(*port));
    let taken: Vec<String> = taken.map(|port| port.to_string()).collect();
    if taken.is_empty() {
        return Line::ok("ports", "all usual ones are free");
    }
    let detail = format!("taken by others: {}", taken.join(", "));
    Line::warning("ports", detail, "tributary up takes others and says which")
}

fn is_private(path: &Path) -> Result<String> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "{} has mode {mode:o}: others can read its secrets",
        path.display()
    );
    Ok(format!("mode {mode:o}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[tokio::test]
    async fn an_env_file_that_others_can_read_is_wrong_and_the_way_to_mend_it_is_told() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("env");
        std::fs::write(&path, "SECRET=1").expect("written");
        for (mode, state) in [(0o644, State::Wrong), (0o600, State::Ok)] {
            let wanted = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, wanted).expect("chmod");
            let lines = look(dir.path(), None).await;
            let line = lines.iter().find(|line| line.what == "env").expect("told");
            assert_eq!(line.state, state, "{line:?}");
            assert_eq!(line.advice.contains("chmod 600"), state == State::Wrong);
        }
    }
}
