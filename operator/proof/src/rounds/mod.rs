//! The logic of the gate's rounds (docs/concepts.md, "Birth"): what was observed in, verdict out. Pure: time and randomness
//! are arguments. [`Rules`] says what a pod must show, [`Observed`] is what one round saw, [`judge`] weighs one round,
//! [`Run`] puts rounds together.

mod controls;
mod judge;
mod observed;
mod rules;
mod run;

pub use controls::{Witness, egress, witnesses};
pub use judge::judge;
pub use observed::{Asked, Attempt, CanaryAttempts, Heard, LaneSeen, Observed, Path};
pub use rules::Rules;
pub use run::Run;

use crate::Probe;

/// The two witnesses, in the order of `GateSettings::witnesses`.
pub const LETTERS: [&str; 2] = ["a", "b"];
/// How far the clocks of gate, witnesses and egress pod may be apart, in seconds.
pub const CLOCK_SECONDS: i64 = 5;
/// How many TCP attempts in a row must have been refused before the first UDP probe: an answered UDP probe ends the pod.
pub const TCP_BEFORE_UDP: u32 = 2;

/// What is wrong with a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One of [`crate::reason`].
    pub reason: &'static str,
    /// One sentence for a person.
    pub message: String,
}

impl Fault {
    /// A reason with its sentence.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What one round shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Everything required is closed and every control got through.
    Clean,
    /// As far as it went, but UDP was held back because TCP has only just closed.
    Early,
    /// Something that must be closed answered; a later round may show that it has closed.
    Open(Fault),
    /// Something answered that no later round can make good.
    Final {
        /// What answered.
        fault: Fault,
        /// A new pod is needed (an answered UDP flow may live on).
        replace_pod: bool,
    },
    /// Nothing is known: a control failed or a probe could not be made.
    Unknown(Fault),
}

/// One weighed round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it shows.
    pub finding: Finding,
    /// For the evidence.
    pub probes: Vec<Probe>,
    /// Probes that were refused without a control.
    pub not_proven: Vec<String>,
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod witness_tests;
