//! The command line.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Reconciles AssistantTier and EgressPolicy.
#[derive(Debug, Parser)]
#[command(name = "assistant-operator", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator.
    Run(Run),
    /// Print the two CustomResourceDefinitions as YAML.
    Crds,
}

/// Options of `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Settings file (the chart writes it).
    #[arg(long)]
    pub settings: PathBuf,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, default_value = "0.0.0.0:8081")]
    pub listen: SocketAddr,
    /// Namespace of the operator: witnesses and the lease are there.
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,
    /// Name of this process, different from every other.
    #[arg(long, env = "POD_NAME")]
    pub pod: String,
    /// How many objects are worked on at once.
    #[arg(long, default_value_t = 8)]
    pub concurrency: usize,
}
