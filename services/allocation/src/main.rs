//! Keeps what subscribers direct to creators, and locks and seals the months of it.
fn main() -> std::process::ExitCode {
    kit::run::<allocation::Allocation>()
}
