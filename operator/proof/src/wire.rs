//! The line protocol of witness control and egress control: one JSON line each way, then the connection closes.

use crate::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

/// Version of the protocol. A witness also answers the version before its own.
pub const VERSION: u32 = 1;
/// Longest request line, in bytes.
pub const REQUEST_BYTES: usize = 1024;
/// Longest reply line, in bytes.
pub const REPLY_BYTES: usize = 4096;
/// Most nonces one `seen` may ask for.
pub const SEEN_NONCES: usize = 16;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum Request {
    /// To a witness: prove that the canaries are alive and open to an unfenced pod now.
    Round {
        /// Protocol version.
        v: u32,
        /// 32 hex digits, echoed in the reply.
        nonce: String,
    },
    /// To a witness: which of these nonces reached its canary.
    Seen {
        /// Protocol version.
        v: u32,
        /// Echoed in the reply.
        nonce: String,
        /// At most [`SEEN_NONCES`].
        nonces: Vec<String>,
    },
    /// To a witness: dial the asker's own source address on a lane port.
    Lane {
        /// Protocol version.
        v: u32,
        /// Echoed in the reply.
        nonce: String,
        /// Within [`crate::LANE_PORTS`].
        port: u16,
    },
    /// To an egress pod: what it reached within the last second.
    Controls {
        /// Protocol version.
        v: u32,
        /// Echoed in the reply.
        nonce: String,
    },
}

/// Reply to [`Request::Round`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// Protocol version.
    pub v: u32,
    /// `a` or `b`.
    pub witness: String,
    /// The witness's wall clock.
    pub at: Timestamp,
    /// The asker's nonce.
    pub nonce: String,
    /// The witness's own pod address.
    #[serde(rename = "self")]
    pub own: Ipv4Addr,
    /// The sibling's pod address, whose canary was dialled.
    pub sibling: Ipv4Addr,
    /// The sibling's letter, as its canary answered.
    pub sibling_witness: String,
    /// Port of the canaries.
    pub canary_port: u16,
    /// Whether the witness's own nonce reached the sibling's canary by TCP, confirmed by the sibling's control.
    pub tcp: Outcome,
    /// The same by UDP.
    pub udp: Outcome,
    /// The witness's own link-local address on its pod interface, after it reached its own canary there; `None`: it has none.
    pub link_local: Option<Ipv6Addr>,
}

/// Reply to [`Request::Seen`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Protocol version.
    pub v: u32,
    /// `a` or `b`.
    pub witness: String,
    /// The witness's wall clock.
    pub at: Timestamp,
    /// The asker's nonce.
    pub nonce: String,
    /// Those of the asked nonces that arrived.
    pub seen: Vec<String>,
}

/// Reply to [`Request::Lane`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// Protocol version.
    pub v: u32,
    /// `a` or `b`.
    pub witness: String,
    /// The asker's nonce.
    pub nonce: String,
    /// What came of the dial.
    pub outcome: Outcome,
}

/// Reply to [`Request::Controls`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Controls {
    /// Protocol version.
    pub v: u32,
    /// The egress pod's wall clock.
    pub at: Timestamp,
    /// The asker's nonce.
    pub nonce: String,
    /// The resolver of the egress pod, asked in this second.
    pub dns: DnsControl,
    /// One resolved address of a listed host, dialled in this second; `None` where no listed host resolves.
    pub outside: Option<OutsideControl>,
    /// SHA-256 of the plan that Squid runs, in hex.
    pub plan_digest: String,
    /// Squid listens on every port of that plan.
    pub ready: bool,
}

/// The resolver and whether it answered the egress pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsControl {
    /// Address of the resolver (a Service address, usually).
    pub address: SocketAddrV4,
    /// By TCP.
    pub tcp: Outcome,
    /// By UDP.
    pub udp: Outcome,
}

/// An address of the outside and whether the egress pod reached it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutsideControl {
    /// Port is 443.
    pub address: SocketAddrV4,
    /// By TCP.
    pub outcome: Outcome,
}

/// Any failure to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence.
    pub error: String,
}
