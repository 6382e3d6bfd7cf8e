use tidy::rules::domain;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn the_domain_does_no_io_and_reads_no_clock() {
    assert_holds(domain::check);
}

#[test]
fn a_domain_that_awaits_logs_or_asks_the_time_is_refused() {
    let payout =
        "use tracing::info;\npub async fn decide() {}\nlet t = OffsetDateTime::now_utc();\n";
    assert_finds(
        domain::check,
        &[
            ("services/payout/src/domain/payout.rs", payout),
            ("services/billing/src/domain.rs", "use sqlx::Row;"),
        ],
        &[
            (
                "services/payout/src/domain/payout.rs:1",
                "tracing … the shell logs it",
            ),
            ("services/payout/src/domain/payout.rs:2", "async … use case"),
            (
                "services/payout/src/domain/payout.rs:3",
                "now_utc … take the time as an argument",
            ),
            ("services/billing/src/domain.rs:1", "sqlx … store"),
        ],
    );
}

#[test]
fn a_domain_may_speak_of_such_things_in_comments_tests_and_longer_words() {
    let payout = "//! No async, no tokio.\npub fn brand(asynchronous: u8) {}\nconst A: &str = \"tokio\";\n\
                  #[cfg(test)]\nmod tests { use rand::random; }\n";
    assert_passes(
        domain::check,
        &[
            ("services/payout/src/domain/payout.rs", payout),
            ("services/payout/src/domain/tests.rs", "use rand::random;"),
            ("services/payout/src/store.rs", "use sqlx::Row;"),
        ],
    );
}
