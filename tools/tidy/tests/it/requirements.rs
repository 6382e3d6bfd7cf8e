use tidy::requirements::not_run;
use tidy::rules::requirements;

use crate::{assert_finds, assert_holds, assert_passes};

const MANIFEST: (&str, &str) = (
    "services/payout/Cargo.toml",
    "[package]\nname = \"payout\"\n",
);
const RUN: (&str, &str) = (
    "services/payout/tests/it/run.rs",
    "#[tokio::test]\nasync fn creators_are_paid() {}\n#[test]\n#[ignore]\nfn sleeps() {}\nfn helps() {}\n",
);

fn page(rows: &str) -> String {
    format!("| id | what | where | tests |\n|---|---|---|---|\n{rows}")
}

#[test]
fn every_requirement_names_tests_that_exist_or_what_it_waits_for() {
    assert_holds(requirements::check);
}

#[test]
fn a_test_that_is_missing_ignored_or_none_is_refused() {
    let page = page(
        "| S0-1.1 | paid | payout | `payout::it run::creators_are_payed` |\n\
         | S0-1.2 | paid | payout | `payout::it run::sleeps` |\n\
         | S0-1.3 | paid | payout | `payout::it run::helps` |\n\
         | S0-1.4 | paid | payout | |\n\
         | S0-1.4 | paid | payout | `pay::it run::creators_are_paid` |\n",
    );
    assert_finds(
        requirements::check,
        &[MANIFEST, RUN, ("docs/requirements.md", &page)],
        &[
            (
                "docs/requirements.md:3",
                "S0-1.1 … no test creators_are_payed",
            ),
            ("docs/requirements.md:4", "sleeps is ignored"),
            ("docs/requirements.md:5", "helps is no test"),
            ("docs/requirements.md:6", "S0-1.4 names no test"),
            ("docs/requirements.md:7", "S0-1.4 stands twice"),
            ("docs/requirements.md:7", "no crate pay"),
        ],
    );
}

#[test]
fn a_requirement_with_its_test_and_one_for_later_are_let_pass() {
    let page = page(
        "| S0-1.1 | paid | payout | `payout::it run::creators_are_paid` |\n\
         | S0-1.2 | stored | later: native storage | |\n",
    );
    assert_passes(
        requirements::check,
        &[MANIFEST, RUN, ("docs/requirements.md", &page)],
    );
}

#[test]
fn a_named_test_that_did_not_run_or_failed_is_told() {
    let page = page(
        "| S0-1.1 | paid | payout | `payout::it run::ran` `payout::it run::failed` `payout::it run::slept` |\n",
    );
    let report = r#"<testsuite name="payout::it">
        <testcase name="run::ran" classname="payout::it" time="0.1"></testcase>
        <testcase name="run::failed" classname="payout::it"><failure type="x">no</failure></testcase>
        </testsuite>"#;
    assert_eq!(
        not_run(&page, report),
        [
            "S0-1.1: payout::it run::failed",
            "S0-1.1: payout::it run::slept"
        ]
    );
}
