use tidy::rules::sizes;

use crate::{assert_finds, assert_holds, assert_passes};

const RATCHET: &str = "tools/tidy/ratchet.toml";

fn lines(count: usize) -> String {
    "fn a() {}\n".repeat(count)
}

fn function(lines: usize) -> String {
    format!(
        "fn long(a: [u8; 2]) {{\n{}}}\n",
        "    a();\n".repeat(lines - 2)
    )
}

#[test]
fn files_and_functions_stay_small_and_large_ones_shrink() {
    assert_holds(sizes::check);
}

#[test]
fn a_file_a_main_and_a_function_over_the_limit_are_refused() {
    assert_finds(
        sizes::check,
        &[
            ("libs/kit/src/boot.rs", &lines(401)),
            ("services/payout/src/main.rs", &lines(41)),
            ("libs/kit/src/health.rs", &format!("\n{}", function(71))),
        ],
        &[
            (
                "libs/kit/src/boot.rs:0",
                "has 401 lines; the limit is 400 … split it",
            ),
            (
                "services/payout/src/main.rs:0",
                "has 41 lines; the limit is 40",
            ),
            (
                "libs/kit/src/health.rs:2",
                "long has 71 lines; the limit is 70",
            ),
        ],
    );
}

#[test]
fn limits_are_inclusive_and_tests_do_not_count() {
    let with_tests = format!(
        "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
        lines(399),
        lines(300)
    );
    assert_passes(
        sizes::check,
        &[
            ("libs/kit/src/boot.rs", &lines(400)),
            ("libs/kit/src/clock.rs", &with_tests),
            ("libs/kit/src/health.rs", &function(70)),
            ("libs/kit/tests/it/main.rs", &lines(500)),
            (
                "libs/wire/src/generated.rs",
                &format!("// @generated\n{}", lines(500)),
            ),
        ],
    );
}

#[test]
fn a_listed_file_may_stay_and_may_not_grow() {
    let ratchet = "[files]\n\"a/src/b.rs\" = 450\n[functions]\n\"a/src/c.rs::long\" = 80\n";
    let stays = [
        ("a/src/b.rs", &*lines(450)),
        ("a/src/c.rs", &*function(80)),
        (RATCHET, ratchet),
    ];
    assert_passes(sizes::check, &stays);
    assert_finds(
        sizes::check,
        &[
            ("a/src/b.rs", &lines(451)),
            ("a/src/c.rs", &function(81)),
            (RATCHET, ratchet),
        ],
        &[
            ("a/src/b.rs:0", "grew from 450 to 451"),
            ("a/src/c.rs:1", "grew from 80 to 81"),
        ],
    );
}

#[test]
fn an_entry_that_is_too_large_is_lowered_or_removed() {
    let ratchet = "[files]\n\"a/src/b.rs\" = 450\n\"a/src/c.rs\" = 450\n\"a/src/d.rs\" = 450\n";
    assert_finds(
        sizes::check,
        &[
            ("a/src/b.rs", &lines(449)),
            ("a/src/c.rs", &lines(9)),
            (RATCHET, ratchet),
        ],
        &[
            ("tools/tidy/ratchet.toml:0", "lower the entry to 449"),
            (
                "tools/tidy/ratchet.toml:0",
                "within 400 now … remove the entry",
            ),
            (
                "tools/tidy/ratchet.toml:0",
                "a/src/d.rs is listed and does not exist",
            ),
        ],
    );
}
