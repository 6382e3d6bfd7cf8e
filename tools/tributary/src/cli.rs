//! The command line: its sub-commands, their arguments, and which function does each.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::command::{self, DEFAULT_DIR, Manner};
use crate::instance::{Extent, Options};
use crate::replica::REPLICAS_MAX;
use crate::token::parse_ttl;
use crate::{close, demo, doctor, exit};
#[cfg(feature = "verify")]
use crate::{trace, verify};

const EXAMPLES: &str = "\
\x20 tributary doctor                 is this machine fit, and is what runs in .dev well?
  tributary up                     everything, until Ctrl-C
  tributary demo                   months of a platform in a minute, and where every dollar went
  . .dev/env                       the addresses and secrets, for a shell
  curl -H \"Authorization: Bearer $(tributary token --sub u_1 --role creator)\" \\
       \"$GATEWAY_URL/v1/creators/me/earnings\"
  tributary close 2027-01 --wait   close a month now
  tributary trace ch_1             walk a cent from its charge to a bank
  tributary verify --strict        do the books hold?
  tributary down                   stop what runs in .dev

Each command has examples of its own: tributary help COMMAND. With --json a command answers on
standard output in JSON; what it does meanwhile, and why it failed, is told on standard error.
";

const UP: &str = "\
\x20 tributary up                          everything, until Ctrl-C
  tributary up --detach --json          everything, in the background
  tributary up --replicas 2             two processes of each service
  tributary up --fresh --clock-start 2027-01-01T00:00:00Z
  DATABASE_URL=postgres://u:p@db/pay NATS_URL=nats://u:p@bus:4222 tributary up

Servers come from DATABASE_URL and NATS_URL, from installed programs (PG_BINDIR, NATS_SERVER_BIN,
PATH), or from Debian packages, in this order. With STRIPE_SECRET_KEY set, Stripe itself is used
instead of the sandbox.
";

const SERVERS: &str = "\
\x20 tributary servers --dir .dev/test --detach
  set -a; . .dev/test/env; set +a       DATABASE_URL and NATS_URL, for tests
  tributary down --dir .dev/test
";

const DOWN: &str = "\
\x20 tributary down                        stop what runs in .dev, in order
  tributary down --dir .dev/demo        what a demonstration left running
";

const TOKEN: &str = "\
\x20 tributary token --sub operator --role admin,finance
  tributary token --sub u_1 --role creator --ttl 7d
  tributary token --sub u_1 --role subscriber --json | jq -r .token
";

#[derive(Parser)]
#[command(name = "tributary", version, about, after_help = exit::help(EXAMPLES))]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything: Postgres, NATS, Stripe's sandbox and the nine services
    #[command(after_help = exit::help(UP))]
    Up(Up),
    /// Start Postgres and NATS only, for tests
    #[command(after_help = exit::help(SERVERS))]
    Servers(Start),
    /// Stop what runs in a folder, also after a crash
    #[command(after_help = exit::help(DOWN))]
    Down(Down),
    /// Play months of a platform on a fresh instance, and say where every dollar went
    Demo(demo::Options),
    /// Print a token for trying the API
    #[command(after_help = exit::help(TOKEN))]
    Token(Token),
    /// Ask for a month's close, and say what it waits for
    Close(close::Options),
    /// Check this machine and what runs on it, and say what to do
    Doctor(doctor::Options),
    /// Walk a cent from its charge to a bank, or back
    #[cfg(feature = "verify")]
    Trace(trace::Options),
    /// Check that the books hold: the invariants, from postings and Stripe's own lists
    #[cfg(feature = "verify")]
    Verify(verify::Options),
    /// Make a database with all tables on running servers, and print its URL
    #[command(hide = true)]
    ScratchDatabase(Scratch),
}

#[derive(Args)]
struct Place {
    /// The instance's folder
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Start {
    #[command(flatten)]
    place: Place,
    /// Return when all is ready, and leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Throw away what an earlier instance left in the folder
    #[arg(long)]
    fresh: bool,
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    start: Start,
    /// Where the sandbox's clock stands on the first start (RFC 3339); now by default
    #[arg(long, value_name = "TIME")]
    clock_start: Option<String>,
    /// How many processes of each service
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(REPLICAS_MAX)))]
    replicas: u8,
}

#[derive(Args)]
struct Down {
    #[command(flatten)]
    place: Place,
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
    /// Does what was asked. The error's exit code is [`exit::code_of`]'s.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(up) => {
                let (clock_start, replicas) = (up.clock_start, up.replicas);
                up.start
                    .run(Extent::Everything, clock_start, replicas)
                    .await
            }
            Command::Servers(start) => start.run(Extent::Servers, None, 1).await,
            Command::Down(Down { place }) => command::down(&place.dir, place.json).await,
            Command::Demo(options) => demo::run(options).await,
            Command::Token(Token {
                place,
                sub,
                roles,
                ttl,
            }) => command::print_token(&place.dir, &sub, &roles, ttl, place.json),
            Command::Close(options) => close::run(options).await,
            Command::Doctor(options) => doctor::run(options).await,
            #[cfg(feature = "verify")]
            Command::Trace(options) => trace::run(options).await,
            #[cfg(feature = "verify")]
            Command::Verify(options) => verify::run(options).await,
            Command::ScratchDatabase(s) => {
                let migrations = (!s.drop).then_some(s.migrations.as_path());
                command::scratch_database(&s.place.dir, &s.name, migrations).await
            }
        }
    }
}

impl Start {
    async fn run(
        self,
        extent: Extent,
        clock_start: Option<String>,
        replicas: u8,
    ) -> anyhow::Result<()> {
        let manner = Manner {
            detach: self.detach,
            json: self.place.json,
        };
        let options = Options {
            dir: self.place.dir,
            extent,
            clock_start,
            fresh: self.fresh,
            replicas,
        };
        command::up(options, manner).await
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_examples_that_name_it_and_the_table_of_exit_codes() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = command.get_name();
            if name == "help" {
                continue;
            }
            let help = command.clone().render_long_help().to_string();
            assert!(
                help.contains(&format!("  tributary {name}")),
                "{name}: {help}"
            );
            assert!(help.contains("11  doctor: something is wrong"), "{name}");
            assert!(help.contains("--json"), "{name}");
        }
    }

    #[test]
    fn every_example_is_taken_by_the_command_line() {
        let texts = [
            EXAMPLES,
            UP,
            SERVERS,
            DOWN,
            TOKEN,
            close::EXAMPLES,
            doctor::EXAMPLES,
            demo::EXAMPLES,
        ];
        #[cfg(feature = "verify")]
        let texts = [texts.as_slice(), &[trace::EXAMPLES, verify::EXAMPLES]].concat();
        let lines = texts.iter().flat_map(|text| text.lines());
        let examples = lines.filter_map(|line| line.trim_start().strip_prefix("tributary "));
        let mut count = 0;
        for example in examples {
            // What follows two spaces is a remark; what follows a bar is another program.
            let line = example.split("  ").next().unwrap_or_default();
            let line = line.split(" |").next().unwrap_or_default();
            let words = line
                .split_whitespace()
                .map(|word| word.trim_matches(['"', '\'']));
            let parsed = Cli::try_parse_from(std::iter::once("tributary").chain(words));
            assert!(
                parsed.is_ok(),
                "{line}: {:?}",
                parsed.err().map(|e| e.to_string())
            );
            count += 1;
        }
        assert!(count > 20, "{count} examples");
    }
}
