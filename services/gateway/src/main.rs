//! REST in front of the services.
fn main() -> std::process::ExitCode {
    kit::run::<gateway::Gateway>()
}
