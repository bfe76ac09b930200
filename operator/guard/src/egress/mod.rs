//! `guard egress`. Not in this build yet: refuses to run.

use crate::clock::Clock;
use std::process::ExitCode;

/// Runs the egress pod's first process until it is told to stop.
pub fn run(_clock: Clock) -> ExitCode {
    eprintln!("guard egress: not part of this build");
    ExitCode::from(crate::UNUSABLE)
}
