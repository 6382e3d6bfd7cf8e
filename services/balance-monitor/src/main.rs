//! Watches the balance at Stripe and says when something is wrong with it.
fn main() -> std::process::ExitCode {
    kit::run::<balance_monitor::BalanceMonitor>()
}
