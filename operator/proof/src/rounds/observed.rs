//! What one round of a gate asked and saw. Types only.

use crate::{Outcome, wire};
use jiff::Timestamp;
use std::net::Ipv4Addr;

/// What came of asking one question of the line protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    /// An answer that parses; whether it fits the question is for the judge.
    Answer(T),
    /// It said that it will not (`{"error": …}`).
    Declined(String),
    /// Nothing: refused, unreachable, timed out, closed without a line.
    Silent(String),
    /// Something that is not the protocol.
    Garbled(String),
    /// The question could not be put: no local port, no buffer.
    Impossible(String),
    /// Not asked in this round.
    NotAsked,
}

/// What came of one attempt to reach something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `Through` means reached: a TCP connection was accepted or a datagram came back, whatever it said.
    pub outcome: Outcome,
    /// In a few words: the error of the system, or what answered.
    pub detail: String,
}

impl Attempt {
    /// Not made.
    pub fn not_tried() -> Self {
        Self { outcome: Outcome::NotTried, detail: String::new() }
    }
}

/// The attempts at one witness's canary, with the nonces they carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryAttempts {
    /// TCP at the pod address.
    pub tcp: Attempt,
    /// UDP at the pod address.
    pub udp: Attempt,
    /// TCP at the link-local address.
    pub link_local_tcp: Attempt,
    /// UDP at the link-local address.
    pub link_local_udp: Attempt,
}

impl CanaryAttempts {
    /// None made.
    pub fn not_tried() -> Self {
        let none = Attempt::not_tried;
        Self { tcp: none(), udp: none(), link_local_tcp: none(), link_local_udp: none() }
    }
}

/// Nonces for one witness in one round. Every one is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of the `round` question.
    pub round: String,
    /// Of the `seen` question.
    pub seen: String,
    /// Carried by the TCP probe of the canary.
    pub tcp: String,
    /// Carried by the UDP probe of the canary.
    pub udp: String,
    /// Carried by the TCP probe at the link-local address.
    pub link_local_tcp: String,
    /// Carried by the UDP probe at the link-local address.
    pub link_local_udp: String,
}

impl Asked {
    /// Draws one after the other from `draw`.
    pub fn draw(mut draw: impl FnMut() -> String) -> Self {
        Self { round: draw(), seen: draw(), tcp: draw(), udp: draw(), link_local_tcp: draw(), link_local_udp: draw() }
    }

    /// The nonces that the canary must not have seen.
    pub fn probes(&self) -> [&str; 4] {
        [&self.tcp, &self.udp, &self.link_local_tcp, &self.link_local_udp]
    }
}

/// What the pod's own lane did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneSeen {
    /// The pod has no lane, or the round did not get there.
    NotTried,
    /// The connection was accepted; nothing was sent.
    Accepted,
    /// Accepted, and the answer to a `CONNECT` without credentials has this HTTP status.
    Status(u16),
    /// Accepted, then reset or closed without an answer to the `CONNECT`.
    Closed,
    /// Accepted, then silence or something that is not HTTP.
    Odd(String),
    /// Not accepted.
    Refused(String),
    /// The attempt could not be made.
    Impossible(String),
}

/// The two ways out that are watched by TCP before UDP is tried on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// IPv4: the canaries' pod addresses and the cluster's DNS.
    Pod,
    /// IPv6 link-local.
    LinkLocal,
}

/// Everything one round saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The gate's wall clock when the controls had answered.
    pub now: Timestamp,
    /// The gate's wall clock when the second answers of the witnesses had come.
    pub seen_now: Timestamp,
    /// The gate's own pod address, if known.
    pub own: Option<Ipv4Addr>,
    /// What witness a and b were asked.
    pub asked: [Asked; 2],
    /// Their answers to `round`.
    pub rounds: [Heard<wire::Round>; 2],
    /// The attempts at their canaries.
    pub canaries: [CanaryAttempts; 2],
    /// Their answers to `seen`.
    pub seen: [Heard<wire::Seen>; 2],
    /// Nonce of the question to the egress pod.
    pub controls_nonce: String,
    /// Its answer.
    pub controls: Heard<wire::Controls>,
    /// Connecting to the resolver that the egress pod names.
    pub dns_tcp: Attempt,
    /// A question to it by UDP.
    pub dns_udp: Attempt,
    /// Connecting to the outside address that the egress pod names.
    pub outside: Attempt,
    /// Opening ICMP sockets: `Through` means one could be opened.
    pub icmp: Attempt,
    /// The pod's lane.
    pub lane: LaneSeen,
    /// The named closed targets.
    pub closed: Vec<(String, Attempt)>,
}
