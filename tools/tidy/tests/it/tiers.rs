use tidy::rules::{manifests, tiers};

use crate::{assert_finds, assert_holds, assert_passes};

#[test]
fn crates_depend_downward_only() {
    assert_holds(tiers::check);
}

#[test]
fn versions_features_and_lints_come_from_the_root_manifest() {
    assert_holds(manifests::check);
}

#[test]
fn a_service_that_uses_another_service_is_refused() {
    assert_finds(
        tiers::check,
        &[
            (
                "services/payout/Cargo.toml",
                "[dependencies]\nkit = { workspace = true }\nearnings.workspace = true\n",
            ),
            ("services/earnings/Cargo.toml", ""),
        ],
        &[(
            "services/payout/Cargo.toml:3",
            "payout depends on earnings … gRPC",
        )],
    );
}

#[test]
fn a_pure_crate_that_takes_a_runtime_is_refused() {
    assert_finds(
        tiers::check,
        &[(
            "libs/ledger/Cargo.toml",
            "[dependencies]\nmoney.workspace = true\ntokio.workspace = true\n",
        )],
        &[(
            "libs/ledger/Cargo.toml:3",
            "ledger depends on tokio … move the I/O",
        )],
    );
}

#[test]
fn stripe_and_mailbox_never_meet() {
    assert_finds(
        tiers::check,
        &[
            (
                "libs/mailbox/Cargo.toml",
                "[dependencies]\nstripe.workspace = true\n",
            ),
            (
                "libs/stripe/Cargo.toml",
                "[dependencies]\nmailbox.workspace = true\n",
            ),
        ],
        &[
            ("libs/mailbox/Cargo.toml:2", "mailbox depends on stripe"),
            ("libs/stripe/Cargo.toml:2", "stripe depends on mailbox"),
        ],
    );
}

#[test]
fn only_four_services_and_one_library_know_stripe() {
    assert_finds(
        tiers::check,
        &[
            (
                "services/notifier/Cargo.toml",
                "[dependencies]\nstripe.workspace = true\n",
            ),
            (
                "services/billing/Cargo.toml",
                "[dependencies]\nstripe.workspace = true\nasync-stripe-core.workspace = true\n",
            ),
            (
                "libs/stripe/Cargo.toml",
                "[dependencies]\nasync-stripe-core.workspace = true\n",
            ),
        ],
        &[
            ("services/notifier/Cargo.toml:2", "listen to their events"),
            (
                "services/billing/Cargo.toml:3",
                "the only crate that knows async-stripe",
            ),
        ],
    );
}

#[test]
fn the_sandbox_shares_nothing_with_us_but_money() {
    assert_finds(
        tiers::check,
        &[(
            "tools/stripe-sandbox/Cargo.toml",
            "[dependencies]\nmoney.workspace = true\nstripe.workspace = true\n",
        )],
        &[("tools/stripe-sandbox/Cargo.toml:3", "shares no code")],
    );
}

#[test]
fn the_test_kit_is_for_tests_only() {
    assert_finds(
        tiers::check,
        &[
            (
                "services/payout/Cargo.toml",
                "[dependencies]\ntestkit.workspace = true\n",
            ),
            (
                "services/billing/Cargo.toml",
                "[dev-dependencies]\ntestkit.workspace = true\n",
            ),
        ],
        &[("services/payout/Cargo.toml:2", "[dev-dependencies]")],
    );
}

#[test]
fn a_pure_crate_may_test_itself_with_anything_from_outside() {
    assert_passes(
        tiers::check,
        &[(
            "libs/money/Cargo.toml",
            "[dependencies]\nthiserror.workspace = true\n[dev-dependencies]\nproptest.workspace = true\n",
        )],
    );
}

#[test]
fn a_dependency_under_a_target_and_under_another_name_counts() {
    assert_finds(
        tiers::check,
        &[(
            "libs/money/Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nclock = { package = \"tokio\", workspace = true }\n",
        )],
        &[("libs/money/Cargo.toml:2", "money depends on tokio")],
    );
}

#[test]
fn a_version_a_feature_and_missing_lints_in_a_member_are_refused() {
    assert_finds(
        manifests::check,
        &[(
            "libs/kit/Cargo.toml",
            "[dependencies]\nhex = \"0.4\"\ntokio = { workspace = true, features = [\"full\"] }\n",
        )],
        &[
            ("libs/kit/Cargo.toml:2", "hex is not inherited"),
            ("libs/kit/Cargo.toml:3", "tokio asks for features"),
            ("libs/kit/Cargo.toml:0", "lints are not taken"),
        ],
    );
}
