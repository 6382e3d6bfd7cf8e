//! The demonstration: months of a platform in a minute, played through public interfaces alone,
//! with a statement of where every dollar went and checks that it is true.

mod cast;
mod client;
mod courses;
mod directing;
mod figures;
mod footing;
mod independent;
mod joining;
mod judgement;
mod kills;
mod lots;
mod opening;
mod page;
mod payday;
mod progress;
mod record;
mod stage;
mod statement;
mod story;
mod troubles;
mod wishes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use self::cast::Cast;
use self::client::Client;
use self::judgement::Check;
use self::kills::{Kill, Killer};
use self::progress::Progress;
use self::stage::Stage;
use self::statement::Statement;
use self::story::Story;
use crate::replica::REPLICAS_MAX;
use crate::{exit, say};

pub const EXAMPLES: &str = "\
\x20 tributary demo                               1,000 subscribers, 60 creators, three months
  tributary demo --subscribers 200 --creators 20 --months 1
                                               a shorter story
  tributary demo --kills 20 --seed 7           the same, with 20 services killed on the way
  tributary demo --replicas 2                  with two processes of each service
  tributary demo --json --dir /tmp/demo        the statement as JSON, in a folder of its own
  tributary demo --keep                        and leave it running, to look around

The demonstration starts an instance of its own on fresh data, with Stripe's sandbox, whatever
DATABASE_URL, NATS_URL and STRIPE_SECRET_KEY say; what an earlier one left in the folder is wiped.
When something did not hold, it ends with 1.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = exit::help(EXAMPLES))]
pub struct Options {
    /// The folder of the demonstration's own instance; what is in it is thrown away
    #[arg(long, default_value = ".dev/demo")]
    pub dir: PathBuf,
    /// How many people pay
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=5_000))]
    pub subscribers: u32,
    /// How many people are paid
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(4..=500))]
    pub creators: u32,
    /// How many months are played
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub months: u32,
    /// Chooses the story, and the kills: the same seed, the same cents
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Kill a service so many times while the story is played
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub kills: u32,
    /// How many processes of each service
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(REPLICAS_MAX)))]
    pub replicas: u8,
    /// Print the statement as JSON
    #[arg(long)]
    pub json: bool,
    /// Leave the instance running afterwards
    #[arg(long)]
    pub keep: bool,
}

/// What a demonstration found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Outcome {
    statement: Statement,
    statement_digest: String,
    checks: Vec<Check>,
    kills: Vec<Kill>,
    requests_repeated: u64,
    held: bool,
}

/// Plays the whole demonstration and prints its outcome.
///
/// # Errors
/// When something did not hold, or the story could not be played to its end.
pub async fn run(options: Options) -> Result<()> {
    let began = Instant::now();
    let stage = Arc::new(Stage::set(&options.dir, options.replicas).await?);
    let outcome = tokio::select! {
        outcome = perform(&options, &stage) => outcome,
        () = stage.fallen() => Err(anyhow::anyhow!(
            "the instance ended in the middle; see {}", stage.dir.join("logs").display()
        )),
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    if options.keep {
        eprintln!("left running: tributary down --dir {}", stage.dir.display());
    } else {
        stage.clear().await?;
    }
    if !outcome.as_ref().is_ok_and(|outcome| outcome.held) {
        eprintln!(
            "what the services said is in {}",
            stage.dir.join("logs").display()
        );
    }
    let outcome = outcome?;
    show(&outcome, options.json)?;
    eprintln!("{}", judged(began.elapsed()));
    if !outcome.held {
        bail!("the demonstration found something that does not hold");
    }
    Ok(())
}

/// What the demonstration took, and whether that is too long. It depends on the machine, and so it
/// is said and fails nothing.
fn judged(took: Duration) -> String {
    let verdict = if took <= AT_MOST {
        "within the"
    } else {
        "TOO SLOW: more than the"
    };
    format!(
        "{took:.1?} in all, {verdict} {} s that it may take",
        AT_MOST.as_secs()
    )
}

/// How long a demonstration of three months may take.
const AT_MOST: Duration = Duration::from_secs(60);

/// Ctrl-C or SIGTERM.
async fn interrupted() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn perform(options: &Options, stage: &Arc<Stage>) -> Result<Outcome> {
    let client = Arc::new(Client::new(stage)?);
    let (subscribers, creators) = (options.subscribers, options.creators);
    let cast = Cast::of(
        options.seed,
        usize::try_from(subscribers)?,
        usize::try_from(creators)?,
    );
    let (months, wanted) = (
        usize::try_from(options.months)?,
        usize::try_from(options.kills)?,
    );
    let phases = Story::phases(subscribers.into(), creators.into(), months);
    let plan = kills::plan(options.seed, wanted, &phases);
    let killer = Killer::start(plan, Arc::clone(stage), Arc::clone(&client));
    let story = Story::new(Arc::clone(&client), cast, Progress::new(killer));
    story.play(months).await?;
    let kills = story.progress.killer().done().await;
    judge(&story, stage, kills, wanted).await
}

async fn judge(story: &Story, stage: &Stage, kills: Vec<Kill>, wanted: usize) -> Result<Outcome> {
    let phase = story.progress.phase("statement and checks");
    story.rest().await?;
    let (client, record) = (&*story.client, story.record().clone());
    // A process of its own: it looks while the statement is read and the journal is added up.
    let dir = stage.dir.clone();
    let verifying = tokio::spawn(async move { Check::verify(&dir).await });
    let (statement, journal) = tokio::try_join!(
        figures::read(client, &story.cast, &record),
        client.journal()
    )?;
    let mut checks = vec![
        Check::story(&record),
        Check::footing(&statement),
        Check::independent(&statement, &record, &journal)?,
        Check::alerts(client).await?,
        verifying.await??,
    ];
    if wanted > 0 {
        checks.push(Check::kills(wanted, kills.len()));
    }
    let held = checks.iter().all(|check| check.held);
    phase
        .end(if held {
            "everything held"
        } else {
            "something did not hold"
        })
        .await;
    Ok(Outcome {
        statement_digest: statement.digest(),
        statement,
        checks,
        kills,
        requests_repeated: client.repeated(),
        held,
    })
}

fn show(outcome: &Outcome, json: bool) -> Result<()> {
    if json {
        return say::json(outcome);
    }
    let mut lines = vec![page::render(&outcome.statement)];
    for check in &outcome.checks {
        let word = if check.held { "  ok  " } else { "FAILED" };
        lines.push(format!("{word}  {}", check.what));
        let findings = check.findings.iter();
        lines.extend(findings.map(|finding| format!("          {finding}")));
    }
    if !outcome.kills.is_empty() {
        let (count, repeated) = (outcome.kills.len(), outcome.requests_repeated);
        lines.push(format!("\n{count} kills, {repeated} requests sent again:"));
    }
    lines.extend(outcome.kills.iter().map(|kill| {
        let Kill {
            service,
            phase,
            step,
        } = kill;
        format!("  {service:<16} in {phase}, step {step}")
    }));
    lines.push(format!("\nstatement digest: {}", outcome.statement_digest));
    say::text(&lines.join("\n"))
}
