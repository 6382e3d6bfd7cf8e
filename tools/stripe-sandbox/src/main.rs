//! A stateful double of Stripe, as a program.

fn main() -> std::process::ExitCode {
    stripe_sandbox::cli::main()
}
