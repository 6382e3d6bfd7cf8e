use tidy::rules::calls;

use crate::{assert_finds, assert_holds, assert_passes};

const GATEWAY: (&str, &str) = ("services/gateway/Cargo.toml", "");
const PAYOUT: (&str, &str) = ("services/payout/Cargo.toml", "");
const FRAUD: (&str, &str) = ("services/fraud-limits/Cargo.toml", "");
const CALLS: (&str, &str) = ("docs/calls.toml", "[calls]\ngateway = [\"payout\"]\n");

#[test]
fn the_calls_between_services_go_in_no_circle() {
    assert_holds(calls::check_file);
}

#[test]
fn every_client_in_a_service_is_an_edge_of_the_call_graph() {
    assert_holds(calls::check_clients);
}

#[test]
fn a_circle_of_calls_is_refused() {
    let text = "[calls]\ngateway = [\"payout\"]\npayout = [\"fraud-limits\"]\nfraud-limits = [\"payout\"]\n";
    assert_finds(
        calls::check_file,
        &[GATEWAY, PAYOUT, FRAUD, ("docs/calls.toml", text)],
        &[(
            "docs/calls.toml:4",
            "fraud-limits -> payout -> fraud-limits … announce an event",
        )],
    );
}

#[test]
fn a_name_that_is_no_service_and_one_listed_twice_are_refused() {
    let text = "[calls]\ngateway = [\"payout\", \"payout\", \"ledger\"]\n";
    assert_finds(
        calls::check_file,
        &[GATEWAY, PAYOUT, ("docs/calls.toml", text)],
        &[
            ("docs/calls.toml:2", "gateway lists payout twice"),
            ("docs/calls.toml:2", "ledger is not a service"),
        ],
    );
}

#[test]
fn a_missing_or_broken_call_graph_is_refused() {
    assert_finds(
        calls::check_file,
        &[],
        &[("docs/calls.toml:0", "is missing")],
    );
    let broken = ("docs/calls.toml", "calls = 3");
    assert_finds(
        calls::check_file,
        &[broken],
        &[("docs/calls.toml:0", "no table [calls]")],
    );
}

#[test]
fn a_client_of_a_service_that_is_not_listed_is_refused() {
    let by_type = "use x::Y;\nstruct Peers { fraud: FraudLimitsServiceClient<Channel> }\n";
    let by_path = "\n\nuse wire::gateway::v1::gateway_service_client as g;\n";
    assert_finds(
        calls::check_clients,
        &[
            GATEWAY,
            PAYOUT,
            FRAUD,
            CALLS,
            ("services/gateway/src/peers.rs", by_type),
            ("services/payout/src/lib.rs", by_path),
        ],
        &[
            (
                "services/gateway/src/peers.rs:2",
                "gateway calls fraud-limits … listen to its events",
            ),
            ("services/payout/src/lib.rs:3", "payout calls gateway"),
        ],
    );
}

#[test]
fn listed_clients_tests_comments_and_events_are_no_breach() {
    let gateway = "use wire::payout::v1::payout_service_client::PayoutServiceClient;\n\
                   // FraudLimitsServiceClient\n\
                   use wire::fraud_limits::v1::ApprovalWanted;\n\
                   #[cfg(test)]\nmod tests { use wire::fraud_limits::v1::x_client::X; }\n";
    assert_passes(
        calls::check_clients,
        &[
            GATEWAY,
            PAYOUT,
            FRAUD,
            CALLS,
            ("services/gateway/src/peers.rs", gateway),
        ],
    );
}
