//! Turns subscribers' payments into facts that the books are written from.
fn main() -> std::process::ExitCode {
    kit::run::<billing::Billing>()
}
