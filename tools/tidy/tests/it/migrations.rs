use tidy::rules::migrations;

use crate::{assert_finds, assert_holds, assert_passes};

const TEXT: &str = "set local lock_timeout = '5s';\n";

#[test]
fn migrations_are_numbered_and_wait_for_locks_a_short_time() {
    assert_holds(migrations::check);
}

#[test]
fn a_gap_a_twin_a_bare_name_and_an_endless_wait_are_refused() {
    assert_finds(
        migrations::check,
        &[
            ("migrations/payout/0001_create_payout.sql", ""),
            ("migrations/payout/0003_add_hold.sql", TEXT),
            ("migrations/billing/0001_create_charge.sql", TEXT),
            ("migrations/billing/0001_create_plan.sql", TEXT),
            ("migrations/earnings/0001_init.sql", TEXT),
        ],
        &[
            (
                "migrations/payout/0001_create_payout.sql:0",
                "set local lock_timeout",
            ),
            (
                "migrations/payout/0003_add_hold.sql:0",
                "name it 0002_verb_object.sql",
            ),
            (
                "migrations/billing/0001_create_plan.sql:0",
                "name it 0002_verb_object.sql",
            ),
            ("migrations/earnings/0001_init.sql:0", "verb_object"),
        ],
    );
}

#[test]
fn roles_and_snapshots_are_no_migrations() {
    assert_passes(
        migrations::check,
        &[
            ("migrations/roles.sql", ""),
            ("migrations/payout/schema.sql", ""),
        ],
    );
}
