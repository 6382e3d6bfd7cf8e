use tidy::rules::protos;

use crate::{assert_finds, assert_holds, assert_passes};

const PATH: &str = "proto/tributary/fraud-limits/v1/fraud_limits_events.proto";

#[test]
fn contracts_name_their_owner_and_explain_themselves() {
    assert_holds(protos::check);
}

#[test]
fn a_wrong_package_a_meaningful_zero_and_silence_are_refused() {
    let text = "syntax = \"proto3\";\npackage tributary.limits.v1;\n\nmessage Blocked {\n  string a = 1;\n}\n\
                // Why.\nenum Reason {\n  REASON_LIMIT = 0;\n}\n// Answers.\nservice S {\n  rpc Check(A) returns (B);\n}\n\
                // One.\nenum Short { SHORT_A = 0; }\n";
    assert_finds(
        protos::check,
        &[(PATH, text)],
        &[
            (
                &format!("{PATH}:2"),
                "write package tributary.fraud_limits.v1;",
            ),
            (&format!("{PATH}:4"), "message Blocked has no comment"),
            (
                &format!("{PATH}:9"),
                "REASON_LIMIT is the enum's zero … _UNSPECIFIED",
            ),
            (&format!("{PATH}:13"), "rpc Check has no comment"),
            (&format!("{PATH}:16"), "SHORT_A is the enum's zero"),
        ],
    );
}

#[test]
fn a_contract_that_explains_itself_is_let_pass() {
    let text = "syntax = \"proto3\";\npackage tributary.fraud_limits.v1;\n\n/* A payout\n is blocked. */\n\
                message Blocked {\n  string message = 1;\n  // Inside.\n  message Part { int32 a = 1 [default = 0]; }\n}\n\
                // Why.\nenum Reason {\n  REASON_UNSPECIFIED = 0;\n  REASON_LIMIT = 1;\n}\n";
    assert_passes(protos::check, &[(PATH, text)]);
}
