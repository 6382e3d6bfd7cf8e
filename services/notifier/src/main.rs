//! Tells people what happened.
fn main() -> std::process::ExitCode {
    kit::run::<notifier::Notifier>()
}
