//! Settings of the guard subcommands: one JSON document each, in one environment variable.

use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, SocketAddrV4};

/// Which set of probes a pod must pass (the two columns of the probe table in docs/concepts.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodKind {
    /// A pod of a tier: everything is closed but its lanes.
    Tier,
    /// An egress pod: the canaries, link-local and ICMP are closed, DNS and the outside are not.
    Egress,
}

/// `GUARD_GATE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateSettings {
    /// Which probes apply.
    pub kind: PodKind,
    /// Control addresses of witness a and witness b (Service addresses).
    pub witnesses: [SocketAddrV4; 2],
    /// Control of the egress pod (Service address). Required for a tier pod, absent for an egress pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_control: Option<SocketAddrV4>,
    /// The pod's own lane, absent for an egress pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneTarget>,
    /// Further targets that must not be reachable. They have no control, so a refusal is listed as not proven, an answer is a breach.
    #[serde(default)]
    pub closed: Vec<ClosedTarget>,
    /// How many clean rounds in a row are asked for.
    pub rounds: u32,
    /// How long the clean rounds must span at least, in milliseconds.
    pub span_milliseconds: u32,
    /// Distance between the starts of two rounds, in milliseconds.
    pub interval_milliseconds: u32,
    /// Give up after this many seconds.
    pub deadline_seconds: u32,
}

/// A lane as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaneTarget {
    /// Service address and port of the lane.
    pub address: SocketAddrV4,
    /// Whether the lane asks for a password: then a request without one must be answered 407, else TCP must be accepted.
    pub password: bool,
}

/// A named address that must not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClosedTarget {
    /// Shown in evidence and status, e.g. `api-server`.
    pub name: String,
    /// TCP address. The host `0.0.0.0` stands for the node's own address (`NODE_IP`).
    pub address: SocketAddr,
}

/// `GUARD_WITNESS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WitnessSettings {
    /// `a` or `b`.
    pub name: String,
    /// DNS name of the sibling's Service, e.g. `witness-b.secure-assistant.svc.cluster.local`, or an IPv4 address.
    pub sibling: String,
}

/// `GUARD_EGRESS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressSettings {
    /// Directory with `plan.json` (a ConfigMap volume).
    pub plan_dir: String,
    /// Directory with `htpasswd` (a Secret volume).
    pub auth_dir: String,
    /// File with the admin token (a Secret volume).
    pub admin_token_file: String,
    /// Writable directory for `squid.conf`, the parser's dummy certificate and the log pipe.
    pub run_dir: String,
}
