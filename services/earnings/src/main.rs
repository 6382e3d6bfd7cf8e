//! The ledger: what happened is posted once, holds are kept, months are closed.
fn main() -> std::process::ExitCode {
    kit::run::<earnings::Earnings>()
}
