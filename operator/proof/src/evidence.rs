//! What a gate found, as the kubelet carries it from the termination message into the pod's status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the gate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every required probe was refused while its control got through.
    Closed,
    /// Something that must be closed answered.
    Breach,
    /// A control failed or no clean run of rounds came together in time: nothing is known.
    Inconclusive,
}

/// What came of one attempt to reach something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The target answered.
    Through,
    /// Refused, unreachable or timed out: what a closed path looks like (kube-router answers REJECT, rate-limited by the kernel).
    Closed,
    /// Neither: the attempt itself could not be made (no local port, no buffer, a forged answer ...).
    Inconclusive,
    /// Not attempted.
    NotTried,
}

/// One probe of the last round, with its control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// `canary-tcp`, `canary-udp`, `dns-tcp`, `dns-udp`, `outside`, `link-local`, `icmp`, `lane`, or the name of a closed target.
    pub name: String,
    /// What the pod itself saw.
    pub outcome: Outcome,
    /// What somebody who is allowed to saw in the same round; absent where no control exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Outcome>,
}

/// The termination message of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Version of this format, 1.
    pub v: u32,
    /// How it ended.
    pub verdict: Verdict,
    /// CamelCase word from [`reason`].
    pub reason: String,
    /// One sentence for a person.
    pub message: String,
    /// When it ended, by the gate's wall clock.
    pub at: Timestamp,
    /// Milliseconds from the gate's start to the first of the clean rounds (0 unless closed).
    pub closed_after_milliseconds: u64,
    /// Clean rounds in a row at the end.
    pub rounds: u32,
    /// The last round.
    pub probes: Vec<Probe>,
    /// Probes that were refused without a control that shows the target was alive.
    #[serde(default)]
    pub not_proven: Vec<String>,
    /// The pod must be replaced; another try in it proves nothing.
    #[serde(default)]
    pub replace_pod: bool,
}

impl Evidence {
    /// This as one line of JSON that the kubelet carries whole (at most [`crate::EVIDENCE_BYTES`]). What does not fit is
    /// left out from the least important end: first the tail of the message, then the probes.
    pub fn line(&self) -> String {
        let render = |e: &Self| serde_json::to_string(e).expect("evidence is strings, numbers and lists: always JSON");
        let mut line = render(self);
        if line.len() <= crate::EVIDENCE_BYTES {
            return line;
        }
        let mut small = self.clone();
        while line.len() > crate::EVIDENCE_BYTES && small.message.chars().count() > 400 {
            let keep = small.message.chars().count() * 3 / 4;
            small.message = small.message.chars().take(keep).chain("…".chars()).collect();
            line = render(&small);
        }
        while line.len() > crate::EVIDENCE_BYTES && (small.probes.pop().is_some() || small.not_proven.pop().is_some()) {
            line = render(&small);
        }
        line
    }
}

/// The closed set of reasons a gate gives.
pub mod reason {
    /// All required probes closed.
    pub const CLOSED: &str = "Closed";
    /// A canary answered by TCP.
    pub const CANARY_REACHED: &str = "CanaryReached";
    /// A canary answered by UDP; final for the pod.
    pub const CANARY_REACHED_UDP: &str = "CanaryReachedByUdp";
    /// The cluster's DNS answered a tier pod.
    pub const DNS_REACHED: &str = "DnsReached";
    /// A listed host was reached directly.
    pub const OUTSIDE_REACHED: &str = "OutsideReached";
    /// IPv6 link-local is open on the pod network.
    pub const LINK_LOCAL_OPEN: &str = "LinkLocalOpen";
    /// An ICMP socket could be opened.
    pub const ICMP_OPEN: &str = "IcmpOpen";
    /// One of the named closed targets answered.
    pub const CLOSED_TARGET_REACHED: &str = "ClosedTargetReached";
    /// A witness did not answer.
    pub const WITNESS_MISSING: &str = "WitnessMissing";
    /// The witnesses answered but do not reach each other: a policy selects them, or one is dying.
    pub const WITNESS_BLOCKED: &str = "WitnessBlocked";
    /// An answer does not fit the question: wrong nonce, wrong witness, stale.
    pub const ANSWER_FORGED: &str = "AnswerForged";
    /// The egress pod's control did not answer or is not ready.
    pub const EGRESS_MISSING: &str = "EgressMissing";
    /// The lane did not answer as a lane does.
    pub const LANE_BROKEN: &str = "LaneBroken";
    /// A probe could not be made (no local ports, no buffers).
    pub const PROBE_IMPOSSIBLE: &str = "ProbeImpossible";
    /// This pod's clock and the witness's are further apart than 5 s.
    pub const CLOCK_WRONG: &str = "ClockWrong";
    /// The gate was told to stop (SIGTERM) before it knew.
    pub const INTERRUPTED: &str = "Interrupted";
    /// The settings could not be read.
    pub const SETTINGS_UNUSABLE: &str = "SettingsUnusable";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(message: &str, probes: usize) -> Evidence {
        Evidence {
            v: 1,
            verdict: Verdict::Breach,
            reason: reason::CANARY_REACHED.into(),
            message: message.into(),
            at: Timestamp::UNIX_EPOCH,
            closed_after_milliseconds: 0,
            rounds: 0,
            probes: (0..probes)
                .map(|n| Probe { name: format!("target-{n}"), outcome: Outcome::Closed, control: Some(Outcome::Through) })
                .collect(),
            not_proven: vec!["outside".into()],
            replace_pod: false,
        }
    }

    #[test]
    fn what_fits_is_whole() {
        let whole = evidence("short", 9);
        assert_eq!(serde_json::from_str::<Evidence>(&whole.line()).unwrap(), whole);
    }

    #[test]
    fn what_does_not_fit_keeps_verdict_and_reason() {
        for (message, probes) in [("ä\"".repeat(4000), 3), ("short".to_owned(), 400), ("é".repeat(9000), 400)] {
            let line = evidence(&message, probes).line();
            assert!(line.len() <= crate::EVIDENCE_BYTES, "{} bytes", line.len());
            let back: Evidence = serde_json::from_str(&line).unwrap();
            assert_eq!((back.verdict, back.reason.as_str()), (Verdict::Breach, reason::CANARY_REACHED));
        }
    }
}
