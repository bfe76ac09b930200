//! One round, broken in one place each: every line of the probe table.

use super::{
    Attempt, Finding, Heard, LaneSeen, Observed, Rules,
    fixture::{after, answer, attempt, rules, short, sound},
    judge,
};
use crate::{Outcome, PodKind, reason};

fn probe(judged: &super::Judged, name: &str) -> (Outcome, Option<Outcome>) {
    let found = judged.probes.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no probe {name}"));
    (found.outcome, found.control)
}

#[test]
fn a_sound_round_is_clean_and_lists_what_it_did_not_prove() {
    let judged = judge(&rules(), &sound());
    assert_eq!(judged.finding, Finding::Clean);
    assert_eq!(judged.not_proven, ["api-server"]);
    assert_eq!(probe(&judged, "canary-udp"), (Outcome::Closed, Some(Outcome::Through)));
    assert_eq!(probe(&judged, "lane").0, Outcome::Through);
}

#[test]
fn what_answers_by_tcp_is_open_and_may_still_close() {
    type Change = fn(&mut Observed);
    let cases: [(Change, &str); 6] = [
        (|o| o.canaries[0].tcp = attempt(Outcome::Through), reason::CANARY_REACHED),
        (|o| o.canaries[1].tcp = attempt(Outcome::Through), reason::CANARY_REACHED),
        (|o| o.canaries[1].link_local_tcp = attempt(Outcome::Through), reason::LINK_LOCAL_OPEN),
        (|o| o.dns_tcp = attempt(Outcome::Through), reason::DNS_REACHED),
        (|o| o.outside = attempt(Outcome::Through), reason::OUTSIDE_REACHED),
        (|o| o.closed[0].1 = attempt(Outcome::Through), reason::CLOSED_TARGET_REACHED),
    ];
    for (change, reason) in cases {
        assert_eq!(short(&after(change).finding), ("open", reason, false));
    }
}

#[test]
fn what_answers_by_udp_is_final_and_costs_the_pod() {
    type Change = fn(&mut Observed);
    let cases: [(Change, &str); 4] = [
        (|o| o.canaries[0].udp = attempt(Outcome::Through), reason::CANARY_REACHED_UDP),
        (|o| o.canaries[1].udp = attempt(Outcome::Through), reason::CANARY_REACHED_UDP),
        (|o| o.dns_udp = attempt(Outcome::Through), reason::DNS_REACHED),
        (|o| o.canaries[0].link_local_udp = attempt(Outcome::Through), reason::LINK_LOCAL_OPEN),
    ];
    for (change, reason) in cases {
        assert_eq!(short(&after(change).finding), ("final", reason, true));
    }
}

#[test]
fn a_nonce_that_arrived_counts_although_the_gate_saw_nothing() {
    type Pick = fn(&super::Asked) -> &String;
    let cases: [(Pick, (&str, &str, bool)); 4] = [
        (|a| &a.tcp, ("open", reason::CANARY_REACHED, false)),
        (|a| &a.link_local_tcp, ("open", reason::LINK_LOCAL_OPEN, false)),
        (|a| &a.udp, ("final", reason::CANARY_REACHED_UDP, true)),
        (|a| &a.link_local_udp, ("final", reason::LINK_LOCAL_OPEN, true)),
    ];
    for (pick, expected) in cases {
        for n in [0, 1] {
            let judged = after(|o| {
                let nonce = pick(&o.asked[n]).clone();
                answer(&mut o.seen[n]).seen.push(nonce);
            });
            assert_eq!(short(&judged.finding), expected);
        }
    }
}

#[test]
fn an_icmp_socket_is_final_but_a_new_pod_would_not_help() {
    assert_eq!(short(&after(|o| o.icmp = attempt(Outcome::Through)).finding), ("final", reason::ICMP_OPEN, false));
}

#[test]
fn a_probe_that_could_not_be_made_proves_nothing() {
    type Pick = fn(&mut Observed) -> &mut Attempt;
    let picks: [Pick; 10] = [
        |o| &mut o.canaries[0].tcp,
        |o| &mut o.canaries[1].udp,
        |o| &mut o.canaries[0].link_local_tcp,
        |o| &mut o.canaries[1].link_local_udp,
        |o| &mut o.dns_tcp,
        |o| &mut o.dns_udp,
        |o| &mut o.outside,
        |o| &mut o.icmp,
        |o| &mut o.closed[0].1,
        |o| &mut o.canaries[1].tcp,
    ];
    for pick in picks {
        let judged = after(|o| *pick(o) = attempt(Outcome::Inconclusive));
        assert_eq!(short(&judged.finding), ("unknown", reason::PROBE_IMPOSSIBLE, false));
    }
    let judged = after(|o| o.lane = LaneSeen::Impossible("no local port".into()));
    assert_eq!(short(&judged.finding), ("unknown", reason::PROBE_IMPOSSIBLE, false));
}

#[test]
fn a_probe_that_was_not_made_is_never_clean() {
    type Pick = fn(&mut Observed) -> &mut Attempt;
    let unknown: [Pick; 5] = [
        |o| &mut o.canaries[0].tcp,
        |o| &mut o.canaries[0].link_local_tcp,
        |o| &mut o.dns_tcp,
        |o| &mut o.icmp,
        |o| &mut o.closed[0].1,
    ];
    for pick in unknown {
        let judged = after(|o| *pick(o) = Attempt::not_tried());
        assert_eq!(short(&judged.finding), ("unknown", reason::PROBE_IMPOSSIBLE, false));
    }
    // UDP, and what lies beyond the node, wait until TCP is closed.
    let early: [Pick; 4] =
        [|o| &mut o.canaries[1].udp, |o| &mut o.canaries[0].link_local_udp, |o| &mut o.dns_udp, |o| &mut o.outside];
    for pick in early {
        assert_eq!(after(|o| *pick(o) = Attempt::not_tried()).finding, Finding::Early);
    }
}

#[test]
fn without_a_link_local_address_of_the_witnesses_none_is_dialled() {
    let judged = after(|o| {
        for n in [0, 1] {
            let round = answer(&mut o.rounds[n]);
            (round.link_local, round.link_local_own) = (None, Outcome::NotTried);
            (o.canaries[n].link_local_tcp, o.canaries[n].link_local_udp) = (Attempt::not_tried(), Attempt::not_tried());
        }
    });
    assert_eq!(judged.finding, Finding::Clean);
    assert_eq!(probe(&judged, "link-local").0, Outcome::Closed);
    // One of the two still has one: it must have been dialled.
    let judged = after(|o| {
        let round = answer(&mut o.rounds[0]);
        (round.link_local, round.link_local_own) = (None, Outcome::NotTried);
        o.canaries[1].link_local_tcp = Attempt::not_tried();
    });
    assert_eq!(short(&judged.finding).0, "unknown");
}

#[test]
fn an_outside_without_a_control_is_not_proven_but_still_a_breach_when_reached() {
    for uncontrolled in [(|o: &mut Observed| answer(&mut o.controls).outside = None) as fn(&mut Observed), |o| {
        answer(&mut o.controls).outside.as_mut().unwrap().outcome = Outcome::Closed
    }] {
        let judged = after(uncontrolled);
        assert_eq!((judged.finding, judged.not_proven), (Finding::Clean, vec!["outside".into(), "api-server".into()]));
        let judged = after(|o| {
            uncontrolled(o);
            o.outside = attempt(Outcome::Through);
        });
        assert_eq!(short(&judged.finding), ("open", reason::OUTSIDE_REACHED, false));
    }
}

#[test]
fn the_egress_pod_must_answer_be_ready_and_reach_its_resolver() {
    type Change = fn(&mut Observed);
    let cases: [(Change, &str); 8] = [
        (|o| o.controls = Heard::Silent("timed out".into()), reason::EGRESS_MISSING),
        (|o| o.controls = Heard::Declined("busy".into()), reason::EGRESS_MISSING),
        (|o| o.controls = Heard::Garbled("SSH".into()), reason::ANSWER_FORGED),
        (|o| o.controls = Heard::Impossible("no local port".into()), reason::PROBE_IMPOSSIBLE),
        (|o| answer(&mut o.controls).ready = false, reason::EGRESS_MISSING),
        (|o| answer(&mut o.controls).dns.tcp = Outcome::Closed, reason::EGRESS_MISSING),
        (|o| answer(&mut o.controls).nonce = "stale".into(), reason::ANSWER_FORGED),
        (|o| answer(&mut o.controls).at = "2026-06-01T11:59:50Z".parse().unwrap(), reason::CLOCK_WRONG),
    ];
    for (change, reason) in cases {
        assert_eq!(short(&after(change).finding), ("unknown", reason, false));
    }
}

#[test]
fn a_lane_with_a_password_answers_407() {
    let odd = [
        LaneSeen::Status(200),
        LaneSeen::Status(403),
        LaneSeen::Closed,
        LaneSeen::Accepted,
        LaneSeen::Odd("silence".into()),
        LaneSeen::Refused("refused".into()),
        LaneSeen::NotTried,
    ];
    for seen in odd {
        assert_eq!(short(&after(|o| o.lane = seen).finding), ("unknown", reason::LANE_BROKEN, false));
    }
    // A lane that allows nothing resets before it asks for a password.
    let judged = after(|o| {
        answer(&mut o.controls).lane_host = None;
        o.lane = LaneSeen::Closed;
    });
    assert_eq!(judged.finding, Finding::Clean);
}

#[test]
fn a_lane_without_a_password_accepts() {
    let open = Rules { lane_password: Some(false), ..rules() };
    for (seen, clean) in [(LaneSeen::Accepted, true), (LaneSeen::Refused("refused".into()), false), (LaneSeen::NotTried, false)] {
        let mut observed = sound();
        observed.lane = seen;
        assert_eq!(judge(&open, &observed).finding == Finding::Clean, clean);
    }
    let without = Rules { lane_password: None, ..rules() };
    let mut observed = sound();
    observed.lane = LaneSeen::NotTried;
    assert_eq!(judge(&without, &observed).finding, Finding::Clean, "a pod without a lane");
}

#[test]
fn an_egress_pod_is_not_asked_about_dns_outside_or_lane() {
    let egress = Rules { kind: PodKind::Egress, lane_password: None, ..rules() };
    let mut observed = sound();
    observed.controls = Heard::NotAsked;
    observed.lane = LaneSeen::NotTried;
    (observed.dns_tcp, observed.dns_udp, observed.outside) = (Attempt::not_tried(), Attempt::not_tried(), Attempt::not_tried());
    let judged = judge(&egress, &observed);
    assert_eq!(judged.finding, Finding::Clean);
    assert_eq!(judged.not_proven, ["api-server"]);
    observed.canaries[0].tcp = attempt(Outcome::Through);
    assert_eq!(short(&judge(&egress, &observed).finding), ("open", reason::CANARY_REACHED, false));
}

#[test]
fn what_answered_counts_also_beside_a_failed_control() {
    let judged = after(|o| {
        o.rounds[1] = Heard::Silent("timed out".into());
        o.closed[0].1 = attempt(Outcome::Through);
    });
    assert_eq!(short(&judged.finding), ("open", reason::CLOSED_TARGET_REACHED, false));
    let judged = after(|o| {
        o.controls = Heard::Silent("timed out".into());
        o.canaries[0].udp = attempt(Outcome::Through);
    });
    assert_eq!(short(&judged.finding), ("final", reason::CANARY_REACHED_UDP, true));
}
