use tidy::rules::words;

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn words_that_the_glossary_refuses_are_not_used() {
    assert_holds(words::check);
}

#[test]
fn nothing_unfinished_is_committed() {
    assert_holds(words::check_unfinished);
}

#[test]
fn refused_words_are_refused_wherever_they_hide() {
    assert_finds(
        words::check,
        &[
            ("services/payout/src/lib.rs", "\nstruct EscrowAccount;\n"),
            ("README.md", "Disbursements go out.\n"),
            (
                "migrations/billing/0001_a_b.sql",
                "-- on receipt\ncreate table billing.charge_receipt ();\n",
            ),
            (
                "proto/tributary/billing/v1/b.proto",
                "// On receipt.\nstring receipt_id = 1;\n",
            ),
        ],
        &[
            ("services/payout/src/lib.rs:2", "escrow … obligations"),
            ("README.md:1", "disbursement … say payout"),
            (
                "migrations/billing/0001_a_b.sql:2",
                "charge_receipt … say charge",
            ),
            (
                "proto/tributary/billing/v1/b.proto:2",
                "receipt_id … say charge",
            ),
        ],
    );
}

#[test]
fn the_glossary_and_the_storage_port_may_use_their_words() {
    assert_passes(
        words::check,
        &[
            ("docs/glossary.md", "Refused: escrow.\n"),
            (
                "services/payout/src/storage.rs",
                "fn disburse() {}\nlet url = receipt_url;\n",
            ),
        ],
    );
}

#[test]
fn ignored_tests_holes_and_notes_to_self_are_refused() {
    let code = "#[test]\n#[ignore = \"slow\"]\nfn a() { todo!() }\nfn b() { unimplemented!(\"x\") }\n// FIXME later\n";
    assert_finds(
        words::check_unfinished,
        &[
            ("libs/kit/src/boot.rs", code),
            ("docs/operations.md", "XXX\nmktemp aXXXXXX\n"),
        ],
        &[
            ("libs/kit/src/boot.rs:2", "#[ignore … mend the test"),
            ("libs/kit/src/boot.rs:3", "todo!"),
            ("libs/kit/src/boot.rs:4", "unimplemented!"),
            ("libs/kit/src/boot.rs:5", "FIXME … do it now"),
            ("docs/operations.md:1", "XXX"),
        ],
    );
}

#[test]
fn holes_in_comments_and_texts_are_no_holes() {
    assert_passes(
        words::check_unfinished,
        &[(
            "libs/kit/src/boot.rs",
            "// No todo! here.\nconst A: &str = \"#[ignore]\";\n",
        )],
    );
}
