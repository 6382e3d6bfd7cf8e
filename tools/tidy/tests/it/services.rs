use tidy::rules::services;

use crate::{assert_finds, assert_holds, assert_passes};

const README: &str = "# payout\n## Owns\n## Answers\n## Announces\n## Listens to\n## Calls\n";
const SQLX: &str = "[migrate]\ntable-name = \"payout._sqlx_migrations\"\nmigrations-dir = \"../../migrations/payout\"\n";

#[test]
fn every_service_has_the_parts_of_a_service() {
    assert_holds(services::check);
}

#[test]
fn a_service_without_its_parts_is_refused_part_by_part() {
    assert_finds(
        services::check,
        &[
            ("services/payout/Cargo.toml", ""),
            ("services/payout/src/lib.rs", ""),
            (
                "services/payout/README.md",
                "# payout\n## Owns\n## Answers\n## Announces\n## Calls\n",
            ),
            (
                "services/payout/sqlx.toml",
                "[migrate]\ntable-name = \"_sqlx_migrations\"\n",
            ),
        ],
        &[
            ("services/payout/src/main.rs:0", "missing"),
            ("services/payout/config.default.toml:0", "missing"),
            ("services/payout/README.md:0", "no heading Listens to"),
            (
                "services/payout/sqlx.toml:0",
                "write table-name = \"payout._sqlx_migrations\"",
            ),
            (
                "services/payout/sqlx.toml:0",
                "write migrations-dir = \"../../migrations/payout\"",
            ),
            ("migrations/payout/:0", "no migrations"),
        ],
    );
}

#[test]
fn a_whole_service_and_a_place_kept_for_one_are_let_pass() {
    assert_passes(
        services::check,
        &[
            ("services/billing/Cargo.toml", ""),
            ("services/billing/src/lib.rs", ""),
            ("services/payout/Cargo.toml", ""),
            ("services/payout/src/lib.rs", ""),
            ("services/payout/src/main.rs", ""),
            ("services/payout/config.default.toml", ""),
            ("services/payout/README.md", README),
            ("services/payout/sqlx.toml", SQLX),
            ("migrations/payout/0001_create_payout.sql", ""),
        ],
    );
}
