use tidy::rules::sql_places;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn sql_is_written_in_stores_only() {
    assert_holds(sql_places::check);
}

#[test]
fn a_query_in_a_use_case_is_refused() {
    let usecases = "async fn f() {\n    sqlx::query_as::<_, Row>(\"select 1\").fetch_one(p).await\n}\n\
                    fn g() { query_scalar!(\"select 1\") }\nfn h() { AssertSqlSafe(s) }\n";
    assert_finds(
        sql_places::check,
        &[
            ("services/payout/src/usecases.rs", usecases),
            ("libs/stripe/src/lib.rs", "sqlx::query(\"x\");"),
        ],
        &[
            ("services/payout/src/usecases.rs:2", "store.rs"),
            ("services/payout/src/usecases.rs:4", "store.rs"),
            ("services/payout/src/usecases.rs:5", "store.rs"),
            ("libs/stripe/src/lib.rs:1", "SQL outside a store"),
        ],
    );
}

#[test]
fn stores_the_mailbox_the_pool_tools_and_tests_may_query() {
    let query = "fn f() { sqlx::query!(\"select 1\") }\n";
    let test = "#[cfg(test)]\nmod tests { fn f() { sqlx::query!(\"select 1\") } }\n";
    assert_passes(
        sql_places::check,
        &[
            ("services/payout/src/store.rs", query),
            ("services/payout/src/store/holds.rs", query),
            ("services/payout/src/usecases.rs", test),
            ("services/payout/tests/it/sending.rs", query),
            ("libs/mailbox/src/outbox.rs", query),
            ("libs/kit/src/postgres.rs", query),
            ("tools/tributary/src/verify.rs", query),
        ],
    );
}
