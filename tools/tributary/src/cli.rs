//! The command line: its sub-commands, their arguments, and which function does each.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::command::{self, Manner};
use crate::demo;
use crate::instance::{Extent, Options};
use crate::token::parse_ttl;
#[cfg(feature = "verify")]
use crate::verify;

const EXAMPLES: &str = "\
Examples:
  tributary up                     everything, until Ctrl-C
  tributary up --detach --json     everything, in the background
  tributary servers --dir .dev/test --detach
                                   Postgres and NATS only, for tests
  . .dev/env                       the addresses and secrets, for a shell
  curl -H \"Authorization: Bearer $(tributary token --sub u_1 --role creator)\" \\
       \"$GATEWAY_URL/v1/creators/me/earnings\"
  tributary verify --strict        do the books hold?
  tributary down                   stop what runs in .dev

Servers come from DATABASE_URL and NATS_URL, from installed programs (PG_BINDIR, NATS_SERVER_BIN,
PATH), or from Debian packages, in this order. With STRIPE_SECRET_KEY set, Stripe itself is used
instead of the sandbox.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no suitable server on this machine,
4 programs are not built, 5 DATABASE_URL holds something else, 6 already running.";

#[derive(Parser)]
#[command(name = "tributary", version, about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything: Postgres, NATS, Stripe's sandbox and the nine services
    Up(Start),
    /// Start Postgres and NATS only, for tests
    Servers(Start),
    /// Stop what runs in a folder, also after a crash
    Down(Place),
    /// Play months of a platform on a fresh instance, and say where every dollar went
    Demo(demo::Options),
    /// Print a token for trying the API
    Token(Token),
    /// Check that the books hold: the invariants, from postings and Stripe's own lists
    #[cfg(feature = "verify")]
    Verify(Verify),
    /// Make a database with all tables on running servers, and print its URL
    #[command(hide = true)]
    ScratchDatabase(Scratch),
}

#[derive(Args)]
struct Place {
    /// The instance's folder
    #[arg(long, default_value = command::DEFAULT_DIR)]
    dir: PathBuf,
}

#[derive(Args)]
struct Start {
    #[command(flatten)]
    place: Place,
    /// Return when all is ready, and leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Print the addresses as JSON
    #[arg(long)]
    json: bool,
    /// Throw away what an earlier instance left in the folder
    #[arg(long)]
    fresh: bool,
    /// Where the sandbox's clock stands on the first start (RFC 3339); now by default
    #[arg(long, value_name = "TIME")]
    clock_start: Option<String>,
}

#[derive(Args)]
struct Token {
    #[command(flatten)]
    place: Place,
    /// The user
    #[arg(long)]
    sub: String,
    /// subscriber, creator, admin, finance; several with commas between
    #[arg(long = "role", value_delimiter = ',', required = true)]
    roles: Vec<String>,
    /// How long it is valid: 90s, 30m, 1h, 7d
    #[arg(long, default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,
}

#[cfg(feature = "verify")]
#[derive(Args)]
struct Verify {
    #[command(flatten)]
    place: Place,
    /// Allow no age, no listed difference and no open alert
    #[arg(long)]
    strict: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Scratch {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    name: String,
    #[arg(long, default_value = "migrations")]
    migrations: PathBuf,
    /// Drop it instead
    #[arg(long)]
    drop: bool,
}

impl Cli {
    /// Does what was asked. The error's exit code is [`command::exit_code`]'s.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(start) => start.run(Extent::Everything).await,
            Command::Servers(start) => start.run(Extent::Servers).await,
            Command::Down(place) => command::down(&place.dir).await,
            Command::Demo(options) => demo::run(options).await,
            Command::Token(t) => command::print_token(&t.place.dir, &t.sub, &t.roles, t.ttl),
            #[cfg(feature = "verify")]
            Command::Verify(v) => {
                let manner = verify::Manner {
                    strict: v.strict,
                    json: v.json,
                };
                verify::run(&v.place.dir, manner).await
            }
            Command::ScratchDatabase(s) => {
                let migrations = (!s.drop).then_some(s.migrations.as_path());
                command::scratch_database(&s.place.dir, &s.name, migrations).await
            }
        }
    }
}

impl Start {
    async fn run(self, extent: Extent) -> anyhow::Result<()> {
        let manner = Manner {
            detach: self.detach,
            json: self.json,
        };
        let options = Options {
            dir: self.place.dir,
            extent,
            clock_start: self.clock_start,
            fresh: self.fresh,
        };
        command::up(options, manner).await
    }
}
