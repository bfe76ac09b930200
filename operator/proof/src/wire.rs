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

/// For how long a witness remembers every nonce that arrived, or says that it could not.
pub const MEMORY_SECONDS: u32 = 10;

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
    /// To a witness: who are you and what is your pod address.
    Hello {
        /// Protocol version.
        v: u32,
        /// Echoed in the reply.
        nonce: String,
    },
    /// To an egress pod: what it reached within the last second.
    Controls {
        /// Protocol version.
        v: u32,
        /// Echoed in the reply.
        nonce: String,
        /// Port of the asker's lane, so that the reply can name a host which that lane allows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lane: Option<u16>,
    },
}

impl Request {
    /// The protocol version the asker speaks.
    pub fn version(&self) -> u32 {
        match self {
            Self::Round { v, .. }
            | Self::Seen { v, .. }
            | Self::Lane { v, .. }
            | Self::Hello { v, .. }
            | Self::Controls { v, .. } => *v,
        }
    }

    /// The nonce the reply must echo.
    pub fn nonce(&self) -> &str {
        match self {
            Self::Round { nonce, .. }
            | Self::Seen { nonce, .. }
            | Self::Lane { nonce, .. }
            | Self::Hello { nonce, .. }
            | Self::Controls { nonce, .. } => nonce,
        }
    }
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
    /// Random word of this process, fresh at every start: a witness that restarted has forgotten what it saw.
    pub instance: String,
    /// The sibling's pod address, whose canary was dialled; `None`: the sibling's control did not answer.
    pub sibling: Option<Ipv4Addr>,
    /// The sibling's letter, as its canary answered; `None`: the canary gave no proper answer.
    pub sibling_witness: Option<String>,
    /// Port of the canaries.
    pub canary_port: u16,
    /// Whether the witness's own nonce reached the sibling's canary by TCP, confirmed by the sibling's control.
    pub tcp: Outcome,
    /// The same by UDP.
    pub udp: Outcome,
    /// Why the sibling was not reached, in a few words; `None` when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sibling_error: Option<String>,
    /// The witness's own link-local address on its pod interface; `None`: it has none.
    pub link_local: Option<Ipv6Addr>,
    /// Whether the witness reached its own canary at that address in this round (TCP and UDP); `NotTried` without an address.
    pub link_local_own: Outcome,
}

/// Reply to [`Request::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
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
    /// As in [`Round::instance`].
    pub instance: String,
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
    /// As in [`Round::instance`].
    pub instance: String,
    /// Those of the asked nonces that arrived.
    pub seen: Vec<String>,
    /// Nothing that arrived in the last [`MEMORY_SECONDS`] has been dropped for want of room. `false`: an absence proves nothing.
    pub complete: bool,
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
    /// A host which the asked lane allows (of a leading-dot entry, some name below it); `None`: no lane was asked for, it is
    /// not in the plan, or it allows nothing. A gate names it in a `CONNECT` without a password, which must be answered 407.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane_host: Option<String>,
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
