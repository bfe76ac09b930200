//! `guard gate`. Not in this build yet: refuses to run.

use crate::clock::Clock;
use std::process::ExitCode;

/// Runs the gate.
pub fn run(_clock: Clock) -> ExitCode {
    eprintln!("guard gate: not part of this build");
    ExitCode::from(crate::UNUSABLE)
}
