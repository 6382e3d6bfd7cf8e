//! Turns what creators are owed into money at their banks.
fn main() -> std::process::ExitCode {
    kit::run::<payout::Payout>()
}
