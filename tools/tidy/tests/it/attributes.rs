use tidy::rules::attributes;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    assert_holds(attributes::check);
}

#[test]
fn allowed_lints_and_missing_reasons_are_refused() {
    let code = "#![allow(dead_code)]\n#[expect(clippy::unwrap_used)]\nfn a() {}\n\
                #[cfg_attr(test, allow(unused))]\nfn b() {}\n";
    assert_finds(
        attributes::check,
        &[("libs/kit/src/lib.rs", code)],
        &[
            ("libs/kit/src/lib.rs:1", "a lint is allowed … #[expect"),
            ("libs/kit/src/lib.rs:2", "without a reason"),
            ("libs/kit/src/lib.rs:4", "a lint is allowed"),
        ],
    );
}

#[test]
fn expectations_with_a_reason_over_several_lines_are_let_pass() {
    let code = "#[expect(\n    clippy::unwrap_used,\n    reason = \"it is [checked] above\"\n)]\nfn a() { b.expect(\"c\") }\n";
    assert_passes(attributes::check, &[("libs/kit/src/lib.rs", code)]);
}
