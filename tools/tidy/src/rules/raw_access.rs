//! Clocks, the environment, entropy, pools and tasks come from `kit`.
//!
//! What reads a clock by itself cannot be tested on the last day of a month; a pool made by
//! hand lacks the guards of kit's; a bare task is not waited for at shutdown.

use crate::source::words;
use crate::{Finding, Tree};

struct Ban {
    needles: &'static [&'static str],
    allowed: &'static [&'static str],
    /// Empty: everywhere.
    only_under: &'static str,
    instead: &'static str,
}

const HOMES: &[&str] = &["libs/kit/", "libs/testkit/", "tools/", "e2e/"];

const BANS: [Ban; 6] = [
    Ban {
        needles: &[
            "SystemTime::now",
            "OffsetDateTime::now_utc",
            "Instant::now",
            "Utc::now",
        ],
        allowed: HOMES,
        only_under: "",
        instead: "take kit's clock: business time or wall time, as the design says",
    },
    Ban {
        needles: &[
            "env::var",
            "env::vars",
            "env::var_os",
            "env::set_var",
            "env::remove_var",
        ],
        allowed: HOMES,
        only_under: "",
        instead: "add a key to the service's Config; kit reads the environment",
    },
    Ban {
        needles: &[
            "Uuid::now_v7",
            "Uuid::new_v4",
            "rand::random",
            "thread_rng",
            "getrandom",
            "SystemRandom::new",
        ],
        allowed: HOMES,
        only_under: "",
        instead: "take ids and random bytes from kit",
    },
    Ban {
        needles: &[
            "PgPoolOptions::new",
            "PgPool::connect",
            "PgPool::connect_lazy",
        ],
        allowed: HOMES,
        only_under: "",
        instead: "take the pool that kit built; it carries the guards",
    },
    Ban {
        needles: &["tokio::main", "Runtime::new"],
        allowed: &[],
        only_under: "services/",
        instead: "let main.rs call kit::run",
    },
    Ban {
        needles: &["tokio::spawn", "task::spawn", "thread::spawn"],
        allowed: &[],
        only_under: "services/",
        instead: "spawn through kit, which waits for the task at shutdown and logs its panic",
    },
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree
        .sources()
        .filter(|source| !source.path.ends_with("/build.rs"))
    {
        for ban in BANS.iter().filter(|ban| ban.applies_to(&source.path)) {
            for needle in ban.needles {
                for at in words(source.live(), needle) {
                    let line = source.line_at(at);
                    let wrong = format!("{needle} is called directly");
                    findings.push(Finding::new(&source.path, line, wrong, ban.instead));
                }
            }
        }
    }
    findings
}

impl Ban {
    fn applies_to(&self, path: &str) -> bool {
        path.starts_with(self.only_under) && !self.allowed.iter().any(|home| path.starts_with(home))
    }
}
