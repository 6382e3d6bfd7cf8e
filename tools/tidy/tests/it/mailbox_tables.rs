use tidy::rules::mailbox_tables;

use crate::{assert_finds, assert_holds, assert_passes};

const SERVICE: (&str, &str) = ("services/fraud-limits/Cargo.toml", "");
const CANON: (&str, &str) = (
    "libs/mailbox/sql/mailbox.sql",
    "-- mailbox begin\ncreate table mailbox_schema.outbox (\n    a bigint\n);\n-- mailbox end\n",
);
const MIGRATION: &str = "migrations/fraud-limits/0001_create_limit.sql";

#[test]
fn every_services_mailbox_tables_are_the_canonical_ones() {
    assert_holds(mailbox_tables::check);
}

#[test]
fn an_equal_copy_under_the_services_schema_is_let_pass() {
    let copy = "create schema x;\n-- mailbox begin\ncreate table fraud_limits.outbox (\n    a bigint\n);\n-- mailbox end\n";
    assert_passes(mailbox_tables::check, &[SERVICE, CANON, (MIGRATION, copy)]);
    assert_passes(mailbox_tables::check, &[SERVICE, CANON]);
}

#[test]
fn a_copy_that_differs_is_refused_at_its_first_line() {
    let copy =
        "-- mailbox begin\ncreate table fraud_limits.outbox (\n    a int\n);\n-- mailbox end\n";
    assert_finds(
        mailbox_tables::check,
        &[SERVICE, CANON, (MIGRATION, copy)],
        &[(&format!("{MIGRATION}:3"), "differ … write `a bigint`")],
    );
}

#[test]
fn a_service_with_migrations_and_no_mailbox_is_refused() {
    assert_finds(
        mailbox_tables::check,
        &[
            SERVICE,
            CANON,
            (MIGRATION, "create table fraud_limits.outbox (a bigint);\n"),
        ],
        &[
            (
                "migrations/fraud-limits/:0",
                "block 1 of the mailbox tables is missing … copy it",
            ),
            (&format!("{MIGRATION}:1"), "outside the markers"),
        ],
    );
}

#[test]
fn a_second_block_is_canonical_first() {
    let copy =
        "-- mailbox begin\ncreate table fraud_limits.outbox (\n    a bigint\n);\n-- mailbox end\n";
    let second =
        "-- mailbox begin\nalter table fraud_limits.outbox add b bigint;\n-- mailbox end\n";
    assert_finds(
        mailbox_tables::check,
        &[
            SERVICE,
            CANON,
            (MIGRATION, copy),
            ("migrations/fraud-limits/0002_add_b.sql", second),
        ],
        &[(
            "migrations/fraud-limits/0002_add_b.sql:1",
            "add it to libs/mailbox/sql/mailbox.sql",
        )],
    );
}

#[test]
fn a_copy_of_nothing_is_refused() {
    assert_finds(
        mailbox_tables::check,
        &[SERVICE, (MIGRATION, "-- mailbox begin\n-- mailbox end\n")],
        &[(&format!("{MIGRATION}:0"), "write the canonical text")],
    );
}
