use tidy::rules::names;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn modules_are_nouns_and_tests_are_sentences() {
    assert_holds(names::check);
}

#[test]
fn empty_module_names_and_test_names_are_refused() {
    let tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn test_split() {}\n    #[tokio::test]\n    async fn send_works() {}\n}\n";
    assert_finds(
        names::check,
        &[
            ("libs/kit/src/utils.rs", ""),
            ("libs/money/src/split.rs", tests),
        ],
        &[
            ("libs/kit/src/utils.rs:0", "domain noun"),
            ("libs/money/src/split.rs:4", "test_split … sentence"),
            ("libs/money/src/split.rs:6", "send_works … sentence"),
        ],
    );
}

#[test]
fn sentences_nouns_and_helpers_are_let_pass() {
    let tests = "#[test]\nfn a_split_loses_nothing() {}\nfn test_database() {}\n";
    assert_passes(
        names::check,
        &[
            ("libs/money/src/split.rs", tests),
            ("libs/money/tests/it/common.rs", ""),
        ],
    );
}
