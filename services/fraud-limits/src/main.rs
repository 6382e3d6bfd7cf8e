//! Checks every payout against the limits before money moves.
fn main() -> std::process::ExitCode {
    kit::run::<fraud_limits::FraudLimits>()
}
