//! What a command ends with: one table for `--help`, for the README and for programs that ask.

use crate::database::NotOurs;
use crate::detach::EndedEarly;
use crate::instance::AlreadyRunning;
use crate::ladder::NothingFound;
use crate::programs::NotBuilt;

pub const FAILED: u8 = 1;
pub const ARGUMENTS: u8 = 2;
pub const NO_SERVER: u8 = 3;
pub const NOT_BUILT: u8 = 4;
pub const NOT_OURS: u8 = 5;
pub const RUNNING: u8 = 6;
pub const BROKEN: u8 = 7;
pub const NOT_CLOSED: u8 = 8;
pub const STOPPED: u8 = 9;
pub const UNKNOWN: u8 = 10;
pub const WRONG: u8 = 11;
pub const CALLED_OFF: u8 = 130;

/// Every code and what it means. Codes keep their meaning from version to version.
pub const TABLE: [(u8, &str); 13] = [
    (0, "done"),
    (FAILED, "failed, and standard error says why"),
    (ARGUMENTS, "wrong arguments"),
    (
        NO_SERVER,
        "up, servers, demo: no suitable server on this machine",
    ),
    (NOT_BUILT, "up, demo: programs are not built"),
    (NOT_OURS, "up, servers: DATABASE_URL holds something else"),
    (RUNNING, "up, servers: already running"),
    (BROKEN, "verify: an invariant does not hold"),
    (NOT_CLOSED, "close: the month is not closed yet"),
    (
        STOPPED,
        "close: the month is stopped, because its totals differ",
    ),
    (UNKNOWN, "trace: nothing is known by that name"),
    (WRONG, "doctor: something is wrong"),
    (
        CALLED_OFF,
        "up --detach, servers --detach: called off before all was ready",
    ),
];

/// The examples of a command, and below them the table, as `--help` ends.
pub fn help(examples: &str) -> String {
    let codes = TABLE.map(|(code, meaning)| format!("  {code:>3}  {meaning}"));
    format!("Examples:\n{examples}\nExit codes:\n{}", codes.join("\n"))
}

/// A command that came to its end and found what its caller asked about. Displays as what it says
/// about it.
#[derive(Debug)]
pub struct Ended {
    pub code: u8,
    pub why: String,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Ended {}

/// The code that a failure ends with.
pub fn code_of(error: &anyhow::Error) -> u8 {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return ended.code;
    }
    if let Some(early) = error.downcast_ref::<EndedEarly>() {
        return u8::try_from(early.code).unwrap_or(FAILED);
    }
    let known = [
        (error.is::<NothingFound>(), NO_SERVER),
        (error.is::<NotBuilt>(), NOT_BUILT),
        (error.is::<NotOurs>(), NOT_OURS),
        (error.is::<AlreadyRunning>(), RUNNING),
    ];
    let found = known.into_iter().find(|(is, _)| *is);
    found.map_or(FAILED, |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_same_table_of_exit_codes_as_the_help() {
        let readme = include_str!("../README.md");
        for (code, meaning) in TABLE {
            let row = format!("| {code} | {meaning} |");
            assert!(readme.contains(&row), "the README lacks: {row}");
        }
        let rows = readme.lines().filter(|line| {
            let number = line
                .strip_prefix("| ")
                .and_then(|rest| rest.split(' ').next());
            number
                .is_some_and(|first| first.parse::<u8>().is_ok() && line.matches('|').count() == 3)
        });
        assert_eq!(rows.count(), TABLE.len(), "the README has other codes");
    }

    #[test]
    fn a_failure_keeps_its_code_under_what_was_said_about_it() {
        let why = || "2027-01 is not over".to_owned();
        let ended = anyhow::Error::from(Ended {
            code: NOT_CLOSED,
            why: why(),
        });
        assert_eq!(code_of(&ended.context("asked nicely")), NOT_CLOSED);
        assert_eq!(code_of(&anyhow::anyhow!("other")), FAILED);
    }
}
