//! `tributary close`: asks the gateway to close a month, and says what the close waits for.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use ledger::Month;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::command::DEFAULT_DIR;
use crate::exit::{self, Ended};
use crate::gateway::Gateway;
use crate::say::{self, dollars};
use crate::settings::Settings;
use crate::token::parse_ttl;

pub const EXAMPLES: &str = "\
\x20 tributary close 2027-01                 ask once: closed, or what it waits for
  tributary close 2027-01 --wait          and wait until it is closed
  tributary close 2027-01 --json | jq .differs
  tributary close 2027-01 --gateway https://pay.example.com --token \"$TOKEN\"

Months close by themselves; this only asks for it now. It may be asked as often as one likes: a
month that is closed stays as it is, and its root is printed again.
";

/// Between two questions of `--wait`, in wall time.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = exit::help(EXAMPLES))]
pub struct Options {
    /// The month, as 2027-01
    month: Month,
    /// Ask again until it is closed
    #[arg(long)]
    wait: bool,
    /// How long --wait may take: 90s, 30m, 1h
    #[arg(long, default_value = "10m", value_parser = parse_ttl)]
    patience: Duration,
    /// Print the state as JSON
    #[arg(long)]
    json: bool,
    /// The gateway's address, if not the instance's
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,
    /// A token of role admin, if not one made with the instance's secret
    #[arg(long)]
    token: Option<String>,
    /// The instance's folder
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
}

/// Where a month stands, as `--json` prints it.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Standing {
    month: String,
    /// open, sealed, closing, closed or stopped.
    state: String,
    closed_at: Option<String>,
    manifest_root: Option<String>,
    gross_cents: i64,
    fee_cents: i64,
    net_cents: i64,
    unallocated_cents: i64,
    creator_count: i64,
    totals: Vec<Total>,
    /// What the close waits for, in words; empty when it is closed.
    waits_for: Vec<String>,
    /// Control totals that differ, in words.
    differs: Vec<String>,
}

/// One kind of fact, as it was sealed and as it is posted.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Total {
    program: String,
    kind: String,
    sealed_count: i64,
    posted_count: i64,
    sealed_cents: i64,
    posted_cents: i64,
    digest_equal: bool,
}

pub async fn run(options: Options) -> Result<()> {
    let settings = Settings::of(&options.dir)?;
    let (url, token) = (options.gateway.as_deref(), options.token.as_deref());
    let gateway = Gateway::new(&settings, url, token, "admin")?;
    let began = Instant::now();
    let mut told: Vec<String> = Vec::new();
    loop {
        let standing = ask(&gateway, options.month).await?;
        let wait = options.wait && began.elapsed() < options.patience;
        if standing.state == "closed" || !wait {
            standing.show(options.json)?;
            return standing.end();
        }
        let news = [&*standing.waits_for, &standing.differs].concat();
        if news != told {
            eprintln!("{} waits: {}", options.month, news.join("; "));
            told = news;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks for the close, then for the state, whatever was answered: a refusal says less than it.
async fn ask(gateway: &Gateway, month: Month) -> Result<Standing> {
    let path = format!("/v1/admin/months/{month}");
    let answer = gateway.send(Method::POST, &format!("{path}/close")).await?;
    let refused = !matches!(answer.status, 200..=299 | 409);
    if refused {
        bail!("POST {path}/close answered {}", answer.in_words());
    }
    let mut standing = Standing::of(month, &gateway.get(&path).await?);
    if standing.waits_for.is_empty() && standing.state != "closed" {
        standing.waits_for.push(match answer.status {
            409 => answer.in_words(),
            _ => "the close itself, which is under way".to_owned(),
        });
    }
    Ok(standing)
}

impl Standing {
    fn of(month: Month, body: &Value) -> Self {
        let close = &body["close"];
        let text = |name: &str| close[name].as_str().map(str::to_owned);
        let figure = |name: &str| close[name].as_i64().unwrap_or_default();
        let totals: Vec<Total> = close["totals"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Total::of)
            .collect();
        let state = text("state").unwrap_or_default();
        let sealed = is_sealed(&state);
        Self {
            month: month.to_string(),
            closed_at: text("closed_at"),
            manifest_root: text("manifest_root"),
            gross_cents: figure("gross_cents"),
            fee_cents: figure("fee_cents"),
            net_cents: figure("net_cents"),
            unallocated_cents: figure("unallocated_cents"),
            creator_count: figure("creator_count"),
            waits_for: if sealed {
                Vec::new()
            } else {
                waits(month, body)
            },
            differs: if sealed {
                totals.iter().filter_map(Total::difference).collect()
            } else {
                Vec::new()
            },
            totals,
            state,
        }
    }

    fn show(&self, json: bool) -> Result<()> {
        if json {
            return say::json(self);
        }
        let mut lines = vec![format!("{}: {}", self.month, self.state)];
        lines.extend(
            self.waits_for
                .iter()
                .map(|one| format!("  waits for {one}")),
        );
        for total in &self.totals {
            lines.push(format!(
                "  {:<11} {:<20} sealed {:>7}  {:>14}   posted {:>7}  {:>14}   {}",
                total.program,
                total.kind,
                total.sealed_count,
                dollars(total.sealed_cents),
                total.posted_count,
                dollars(total.posted_cents),
                match total.difference() {
                    _ if !is_sealed(&self.state) => "so far",
                    Some(_) => "DIFFERS",
                    None => "equal",
                },
            ));
        }
        lines.extend(self.differs.iter().map(|one| format!("  differs: {one}")));
        if self.state == "closed" {
            lines.push(format!(
                "  {} creators: gross {}, fee {}, net {}; nobody directed {}",
                self.creator_count,
                dollars(self.gross_cents),
                dollars(self.fee_cents),
                dollars(self.net_cents),
                dollars(self.unallocated_cents)
            ));
            lines.push(format!(
                "  closed at {}, root {}",
                self.closed_at.as_deref().unwrap_or_default(),
                self.manifest_root.as_deref().unwrap_or_default()
            ));
        }
        say::text(&lines.join("\n"))
    }

    fn end(&self) -> Result<()> {
        let month = &self.month;
        let (code, why) = match self.state.as_str() {
            "closed" => return Ok(()),
            "stopped" => (
                exit::STOPPED,
                format!("{month} is stopped: {}", self.differs.join("; ")),
            ),
            _ => (
                exit::NOT_CLOSED,
                format!(
                    "{month} is not closed: waits for {}",
                    self.waits_for.join("; ")
                ),
            ),
        };
        Err(Ended { code, why }.into())
    }
}

/// Whether there are control totals to compare with.
fn is_sealed(state: &str) -> bool {
    !matches!(state, "" | "open")
}

/// What comes before a month's seal and is not there yet, in the order in which it comes.
fn waits(month: Month, body: &Value) -> Vec<String> {
    let mut waits = Vec::new();
    let state = body["attribution"]["state"].as_str().unwrap_or_default();
    if matches!(state, "open" | "future") {
        waits.push(format!(
            "its end: allocation has {month} open until {}",
            month.next().first_instant().date()
        ));
    }
    if body["cash"]["cut"] != true {
        let count = body["cash"]["charge_count"].as_i64().unwrap_or_default();
        waits.push(format!(
            "billing's cut: {count} charges so far, and perhaps not all of Stripe's events are in"
        ));
    }
    if state == "locked" {
        let for_what = body["attribution"]["waiting_for"].as_str();
        waits.push(format!(
            "allocation's seal: {}",
            for_what.unwrap_or("it is about to be made")
        ));
    }
    if state == "sealed" {
        waits.push("the seal to reach the books".to_owned());
    }
    waits
}

impl Total {
    fn of(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let figure = |name: &str| value[name].as_i64().unwrap_or_default();
        Self {
            program: text("program"),
            kind: text("kind"),
            sealed_count: figure("sealed_count"),
            posted_count: figure("posted_count"),
            sealed_cents: figure("sealed_cents"),
            posted_cents: figure("posted_cents"),
            digest_equal: value["digest_equal"] == true,
        }
    }

    /// What is missing or too much, in words.
    fn difference(&self) -> Option<String> {
        let count = self.posted_count - self.sealed_count;
        let cents = self.posted_cents - self.sealed_cents;
        if count == 0 && cents == 0 && self.digest_equal {
            return None;
        }
        let name = format!("{} of {}", self.kind, self.program);
        if count == 0 && cents == 0 {
            return Some(format!(
                "{name}: as many facts and cents were posted as sealed, but not the same ones"
            ));
        }
        let word = if count < 0 { "missing" } else { "too many" };
        Some(format!(
            "{name}: sealed {} facts, {}; posted {}, {}: {} {word}, {} apart",
            self.sealed_count,
            dollars(self.sealed_cents),
            self.posted_count,
            dollars(self.posted_cents),
            count.abs(),
            dollars(cents)
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing(body: &Value) -> Standing {
        Standing::of("2027-01".parse().expect("a month"), body)
    }

    fn total(posted_count: i64, posted_cents: i64, digest_equal: bool) -> Value {
        json!({
            "program": "allocation", "kind": "allocation_changed", "sealed_count": 3,
            "sealed_cents": 1_000, "posted_count": posted_count, "posted_cents": posted_cents,
            "digest_equal": digest_equal,
        })
    }

    #[test]
    fn a_month_that_is_not_sealed_says_all_that_it_waits_for_and_ends_with_8() {
        let open = standing(&json!({
            "cash": { "cut": false, "charge_count": 2 },
            "attribution": { "state": "open" },
            "close": { "state": "open", "totals": [] },
        }));
        assert_eq!(open.waits_for.len(), 2, "{:?}", open.waits_for);
        assert!(open.waits_for[0].contains("2027-02-01"));
        assert!(open.waits_for[1].contains("2 charges so far"));
        let locked = standing(&json!({
            "cash": { "cut": true },
            "attribution": { "state": "locked", "waiting_for": "1 of 3 charges" },
            "close": { "state": "open" },
        }));
        assert_eq!(locked.waits_for, ["allocation's seal: 1 of 3 charges"]);
        assert_eq!(exit::code_of(&locked.end().expect_err("not closed")), 8);
    }

    #[test]
    fn a_stopped_month_names_each_difference_and_ends_with_9() {
        let stopped = standing(&json!({
            "close": { "state": "stopped", "totals": [
                total(2, 900, false), total(3, 1_000, false), total(3, 1_000, true)
            ]},
        }));
        assert_eq!(
            stopped.differs,
            [
                "allocation_changed of allocation: sealed 3 facts, $10.00; posted 2, $9.00: \
                 1 missing, -$1.00 apart",
                "allocation_changed of allocation: as many facts and cents were posted as sealed, \
                 but not the same ones",
            ]
        );
        assert_eq!(exit::code_of(&stopped.end().expect_err("stopped")), 9);
    }

    #[test]
    fn a_closed_month_waits_for_nothing_and_is_done() {
        let closed = standing(&json!({
            "cash": { "cut": true }, "attribution": { "state": "sealed" },
            "close": { "state": "closed", "manifest_root": "ab", "totals": [total(3, 1_000, true)] },
        }));
        assert!(closed.waits_for.is_empty() && closed.differs.is_empty());
        closed.end().expect("done");
    }
}
