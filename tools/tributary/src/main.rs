//! Runs Tributary on one machine.

use std::process::ExitCode;

use clap::Parser;
use tributary::cli::Cli;
use tributary::exit::code_of;

#[tokio::main]
async fn main() -> ExitCode {
    // reqwest is built without a default of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(code_of(&error))
        }
    }
}
