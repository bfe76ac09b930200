//! A sound round of a closed tier pod, for tests to break in one place each.

use super::{Asked, Attempt, CanaryAttempts, Finding, Heard, Judged, LaneSeen, Observed, Rules, judge};
use crate::{Outcome, PodKind, wire};
use jiff::Timestamp;

pub const A: &str = "10.42.0.2";
pub const B: &str = "10.42.0.3";

pub fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub fn rules() -> Rules {
    Rules { kind: PodKind::Tier, lane_password: Some(true), rounds: 3, span_milliseconds: 400, deadline_seconds: 30 }
}

pub fn attempt(outcome: Outcome) -> Attempt {
    Attempt { outcome, detail: "as the test says".into() }
}

/// Nonces that differ from each other.
pub fn asked() -> [Asked; 2] {
    let mut n = 0u8;
    let mut draw = || {
        n += 1;
        crate::nonce::text([n; 16])
    };
    [Asked::draw(&mut draw), Asked::draw(&mut draw)]
}

pub fn round(letter: &str, asked: &Asked) -> wire::Round {
    let (own, sibling, other) = if letter == "a" { (A, B, "b") } else { (B, A, "a") };
    wire::Round {
        v: wire::VERSION,
        witness: letter.into(),
        at: now(),
        nonce: asked.round.clone(),
        own: own.parse().unwrap(),
        instance: format!("instance-{letter}"),
        sibling: Some(sibling.parse().unwrap()),
        sibling_witness: Some(other.into()),
        canary_port: crate::WITNESS_CANARY_PORT,
        tcp: Outcome::Through,
        udp: Outcome::Through,
        sibling_error: None,
        link_local: Some(format!("fe80::{letter}").parse().unwrap()),
        link_local_own: Outcome::Through,
    }
}

pub fn seen(letter: &str, asked: &Asked) -> wire::Seen {
    wire::Seen {
        v: wire::VERSION,
        witness: letter.into(),
        at: now(),
        nonce: asked.seen.clone(),
        instance: format!("instance-{letter}"),
        seen: Vec::new(),
        complete: true,
    }
}

pub fn controls() -> wire::Controls {
    wire::Controls {
        v: wire::VERSION,
        at: now(),
        nonce: "controls-nonce".into(),
        dns: wire::DnsControl { address: "10.43.0.10:53".parse().unwrap(), tcp: Outcome::Through, udp: Outcome::Through },
        outside: Some(wire::OutsideControl { address: "203.0.113.80:443".parse().unwrap(), outcome: Outcome::Through }),
        plan_digest: String::new(),
        ready: true,
        lane_host: Some("listed.example".into()),
    }
}

pub fn sound() -> Observed {
    let asked = asked();
    let closed = || attempt(Outcome::Closed);
    let canary = || CanaryAttempts { tcp: closed(), udp: closed(), link_local_tcp: closed(), link_local_udp: closed() };
    Observed {
        now: now(),
        seen_now: now(),
        own: Some("10.42.0.5".parse().unwrap()),
        rounds: [Heard::Answer(round("a", &asked[0])), Heard::Answer(round("b", &asked[1]))],
        canaries: [canary(), canary()],
        seen: [Heard::Answer(seen("a", &asked[0])), Heard::Answer(seen("b", &asked[1]))],
        controls_nonce: "controls-nonce".into(),
        controls: Heard::Answer(controls()),
        dns_tcp: closed(),
        dns_udp: closed(),
        outside: closed(),
        icmp: closed(),
        lane: LaneSeen::Status(407),
        closed: vec![("api-server".into(), closed())],
        asked,
    }
}

pub fn answer<T>(heard: &mut Heard<T>) -> &mut T {
    match heard {
        Heard::Answer(answer) => answer,
        _ => panic!("the fixture answers"),
    }
}

/// What a round shows after one change to a sound one.
pub fn after(change: impl FnOnce(&mut Observed)) -> Judged {
    let mut observed = sound();
    change(&mut observed);
    judge(&rules(), &observed)
}

/// Kind of a finding, its reason, and whether the pod must be replaced.
pub fn short(finding: &Finding) -> (&'static str, &'static str, bool) {
    match finding {
        Finding::Clean => ("clean", "", false),
        Finding::Early => ("early", "", false),
        Finding::Open(fault) => ("open", fault.reason, false),
        Finding::Unknown(fault) => ("unknown", fault.reason, false),
        Finding::Final { fault, replace_pod } => ("final", fault.reason, *replace_pod),
    }
}
