//! `tributary doctor`: whether this machine and what runs on it are as they must be. Changes
//! nothing, and needs nothing to run.

mod at_stripe;
mod machine;
mod running;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::command::DEFAULT_DIR;
use crate::exit::{self, Ended};
use crate::settings::Settings;
use crate::{instance, say};

pub const EXAMPLES: &str = "\
\x20 tributary doctor                  this machine, and what runs in .dev
  tributary doctor --dir .dev/demo  another instance
  tributary doctor --json | jq '.lines[] | select(.state != \"ok\")'

Looks at the programs, the servers, the ports, the env file and the clock; and, where an instance
runs, at each service's readiness and version, the migrations, how durable Postgres and NATS are,
and at Stripe: its endpoints, their events, their secrets, and the payout schedule. A warning is
no failure.
";

#[derive(Debug, Args)]
#[command(after_help = exit::help(EXAMPLES))]
pub struct Options {
    /// Print the lines as JSON
    #[arg(long)]
    json: bool,
    /// The instance's folder
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    state: State,
    /// What was found.
    detail: String,
    /// What to do about it; empty when it is well.
    advice: String,
}

impl Line {
    fn ok(what: &str, detail: impl Into<String>) -> Self {
        Self::new(what, State::Ok, detail, "")
    }

    fn warning(what: &str, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(what, State::Warning, detail, advice)
    }

    fn wrong(what: &str, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(what, State::Wrong, detail, advice)
    }

    fn new(what: &str, state: State, detail: impl Into<String>, advice: &str) -> Self {
        Self {
            what: what.to_owned(),
            state,
            detail: detail.into(),
            advice: advice.to_owned(),
        }
    }

    /// `outcome`'s own words, or what is wrong with it and what to do.
    fn of(what: &str, outcome: Result<String>, advice: &str) -> Self {
        match outcome {
            Ok(detail) => Self::ok(what, detail),
            Err(error) => Self::wrong(what, format!("{error:#}"), advice),
        }
    }
}

/// As `--json` prints it.
#[derive(Debug, Serialize)]
struct Examined {
    /// Nothing is wrong, though something may deserve a warning.
    well: bool,
    lines: Vec<Line>,
}

pub async fn run(options: Options) -> Result<()> {
    let examined = Examined::of(&options.dir).await?;
    if options.json {
        say::json(&examined)?;
    } else {
        say::text(&examined.text())?;
    }
    if examined.well {
        return Ok(());
    }
    let count = |line: &&Line| line.state == State::Wrong;
    let wrong = examined.lines.iter().filter(count).count();
    let why = format!("{wrong} of the lines above are wrong");
    let code = exit::WRONG;
    Err(Ended { code, why }.into())
}

impl Examined {
    async fn of(dir: &std::path::Path) -> Result<Self> {
        let ready = instance::find_ready(dir);
        let mut lines = machine::look(dir, ready.as_ref()).await;
        match &ready {
            None => lines.push(Line::warning(
                "instance",
                format!("nothing runs in {}", dir.display()),
                "tributary up",
            )),
            Some(ready) => {
                let settings = Settings::of(dir)?;
                lines.extend(running::look(ready, &settings).await);
                if ready.extent == instance::Extent::Everything {
                    lines.extend(at_stripe::look(&settings).await);
                }
            }
        }
        let well = lines.iter().all(|line| line.state != State::Wrong);
        Ok(Self { well, lines })
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        for line in &self.lines {
            let word = match line.state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Wrong => "WRONG",
            };
            lines.push(format!("{word:<8} {:<18} {}", line.what, line.detail));
            if !line.advice.is_empty() {
                lines.push(format!("{:<27} -> {}", "", line.advice));
            }
        }
        lines.join("\n")
    }
}
