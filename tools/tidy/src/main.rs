//! Prints every finding of every rule; exits with 1 if there is one.
//!
//! Reads the workspace that it was built in, or the checkout named as its argument. `tidy ran
//! REPORT` asks instead whether every test that docs/requirements.md names ran and passed, by
//! nextest's JUnit report.

fn main() -> std::process::ExitCode {
    tidy::cli::run()
}
