//! `assistant-operator`: parses the command line and nothing else.

use assistant_operator::args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match Args::parse().command {
        Command::Crds => {
            for crd in assistant_crds::all() {
                print!("---\n{}", assistant_crds::yaml(&crd));
            }
            ExitCode::SUCCESS
        }
        Command::Run(run) => {
            let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
            tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
            match assistant_operator::run::run(run).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(%error, "Ended");
                    ExitCode::FAILURE
                }
            }
        }
    }
}
