//! What the controller, `guard gate`, the witnesses and `guard egress` say to each other: ports, settings, messages, evidence.
//! Types only and pure functions on them; no I/O. `docs/interfaces.md` tells the same in prose.

mod evidence;
pub mod nonce;
pub mod rounds;
mod settings;
pub mod wire;

pub use evidence::{Evidence, Outcome, Probe, Verdict, reason};
pub use settings::{ClosedTarget, EgressSettings, GateSettings, LaneTarget, PodKind, WitnessSettings};

/// Admin port of `guard egress` (bearer token).
pub const ADMIN_PORT: u16 = 3128;
/// Control port of `guard egress`.
pub const CONTROL_PORT: u16 = 3129;
/// First and last port a lane may have.
pub const LANE_PORTS: std::ops::RangeInclusive<u16> = 3200..=3999;
/// Control port of a witness.
pub const WITNESS_CONTROL_PORT: u16 = 7070;
/// Canary port of a witness, TCP and UDP.
pub const WITNESS_CANARY_PORT: u16 = 7071;
/// The kubelet cuts a termination message after this many bytes
/// (<https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/>).
pub const EVIDENCE_BYTES: usize = 4096;
