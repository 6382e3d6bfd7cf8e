use tidy::rules::test_layout;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn every_crate_has_one_integration_binary_that_runs_all_its_files() {
    assert_holds(test_layout::check);
}

#[test]
fn a_second_binary_and_a_file_that_never_runs_are_refused() {
    assert_finds(
        test_layout::check,
        &[
            ("libs/kit/Cargo.toml", "[[test]]\nname = \"slow\"\n"),
            ("libs/kit/tests/boot.rs", ""),
            ("libs/kit/tests/slow/main.rs", ""),
            ("libs/kit/tests/it/main.rs", "mod clock;\n// mod health;\n"),
            ("libs/kit/tests/it/clock.rs", ""),
            ("libs/kit/tests/it/health.rs", ""),
        ],
        &[
            ("libs/kit/Cargo.toml:0", "a second test binary is declared"),
            ("libs/kit/tests/boot.rs:0", "module of tests/it/main.rs"),
            ("libs/kit/tests/slow/main.rs:0", "a second test binary"),
            (
                "libs/kit/tests/it/health.rs:0",
                "health is not declared and never runs",
            ),
        ],
    );
}

#[test]
fn modules_below_the_one_binary_are_let_pass() {
    assert_passes(
        test_layout::check,
        &[
            (
                "e2e/Cargo.toml",
                "[[test]]\nname = \"it\"\npath = \"tests/it/main.rs\"\n",
            ),
            ("e2e/tests/it/main.rs", "mod world;\nmod a_month;\n"),
            ("e2e/tests/it/world/mod.rs", ""),
            ("e2e/tests/it/world/books.rs", ""),
            ("e2e/tests/it/a_month.rs", ""),
            ("libs/kit/src/tests/boot.rs", ""),
        ],
    );
}
