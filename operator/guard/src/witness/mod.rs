//! `guard witness`. Not in this build yet: refuses to run.

use crate::clock::Clock;
use std::process::ExitCode;

/// Runs the witness.
pub fn run(_clock: Clock) -> ExitCode {
    eprintln!("guard witness: not part of this build");
    ExitCode::from(crate::UNUSABLE)
}
