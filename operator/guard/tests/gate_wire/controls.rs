//! A pod that is closed, while a control fails: nothing may be concluded, and the evidence names what to look at.

use crate::{
    lab::{Lab, POD},
    pod::{Ended, Pod, hasty, quick},
    witness_double::Lies,
    world::{Lane, Manners},
};
use assistant_proof::{GateSettings, Verdict, reason};
use std::time::Duration;

fn inconclusive(ended: &Ended, reason: &str, named: &str) {
    let evidence = &ended.evidence;
    assert_eq!((ended.code, evidence.verdict, evidence.reason.as_str()), (2, Verdict::Inconclusive, reason), "{ended:?}");
    assert!(evidence.message.contains(named), "{named:?} is not in {:?}", evidence.message);
    assert_eq!((evidence.replace_pod, evidence.closed_after_milliseconds), (false, 0));
}

#[test]
fn one_witness_missing_is_named() {
    let lab = Lab::new();
    lab.fence("");
    let (_a, _world) = (lab.witness("a", &[]), lab.world(Manners::default()));
    inconclusive(&Pod::new(&lab).gate(&hasty()), reason::WITNESS_MISSING, "witness b does not answer");
}

#[test]
fn silent_witnesses_do_not_hold_the_gate_beyond_its_deadline() {
    let lab = Lab::new();
    lab.fence(&format!("ip saddr {POD} tcp dport 7070 drop"));
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let settings = hasty();
    let ended = Pod::new(&lab).gate(&settings);
    inconclusive(&ended, reason::WITNESS_MISSING, "witness a does not answer");
    assert!(ended.evidence.message.contains("witness b does not answer"), "{ended:?}");
    ended.at_the_deadline(&settings);
}

#[test]
fn witnesses_fenced_from_each_other() {
    for how in ["reject", "drop"] {
        let lab = Lab::new();
        lab.fence(&format!(
            "ip saddr 10.42.0.2 ip daddr 10.42.0.3 {how}
             ip saddr 10.42.0.3 ip daddr 10.42.0.2 {how}"
        ));
        let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
        inconclusive(&Pod::new(&lab).gate(&hasty()), reason::WITNESS_BLOCKED, "NetworkPolicy that selects the witness");
    }
}

#[test]
fn a_canary_fenced_from_the_other_witness() {
    for what in ["tcp dport 7071", "udp dport 7071"] {
        let lab = Lab::new();
        lab.fence(&format!("ip saddr 10.42.0.2 {what} reject"));
        let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
        inconclusive(&Pod::new(&lab).gate(&hasty()), reason::WITNESS_BLOCKED, "witness a does not reach its sibling");
    }
}

/// A closed pod's gate beside a witness b that lies, and an honest witness a.
fn beside(lies: Lies) -> Ended {
    beside_with(lies, &hasty())
}

fn beside_with(lies: Lies, settings: &GateSettings) -> Ended {
    let lab = Lab::new();
    lab.fence("");
    let (_b, _a, _world) = (lab.lying_witness(lies), lab.witness("a", &[]), lab.world(Manners::default()));
    Pod::new(&lab).gate(settings)
}

#[test]
fn the_double_is_taken_while_it_does_not_lie() {
    let ended = beside_with(Lies::default(), &quick());
    assert_eq!((ended.code, ended.evidence.verdict), (0, Verdict::Closed), "{ended:?}");
}

#[test]
fn forged_answers_to_round() {
    let lies: [fn(&mut assistant_proof::wire::Round); 8] = [
        |r| r.nonce = "0".repeat(32),
        |r| r.witness = "a".into(),
        |r| r.v = 0,
        |r| r.own = "127.0.0.1".parse().unwrap(),
        |r| r.own = POD.parse().unwrap(),
        |r| r.canary_port = 7,
        |r| r.sibling = Some("10.42.0.99".parse().unwrap()),
        |r| r.sibling_witness = Some("b".into()),
    ];
    let noise = Lies { noise: Some("SSH-2.0-OpenSSH_9.9"), ..Lies::default() };
    let lies = lies.into_iter().map(|round| Lies { round, ..Lies::default() }).chain([noise]);
    // Each waits for its deadline, in a node of its own.
    let gates: Vec<_> = lies.map(|lies| std::thread::spawn(move || beside(lies))).collect();
    for (n, gate) in gates.into_iter().enumerate() {
        let ended = gate.join().unwrap();
        assert!(
            ended.evidence.message.contains("witness b") || ended.evidence.message.contains("witness a"),
            "lie {n}: {ended:?}"
        );
        assert_eq!((ended.code, ended.evidence.reason.as_str()), (2, reason::ANSWER_FORGED), "lie {n}: {ended:?}");
    }
}

#[test]
fn a_witness_that_admits_it_did_not_get_through() {
    let ended = beside(Lies { round: |r| r.udp = assistant_proof::Outcome::Closed, ..Lies::default() });
    inconclusive(&ended, reason::WITNESS_BLOCKED, "witness b");
}

#[test]
fn a_stale_answer() {
    let old = beside(Lies { round: |r| r.at -= Duration::from_secs(6), ..Lies::default() });
    inconclusive(&old, reason::CLOCK_WRONG, "witness b");
    let old = beside(Lies { seen: |s| s.at -= Duration::from_secs(6), ..Lies::default() });
    inconclusive(&old, reason::CLOCK_WRONG, "witness b");
}

#[test]
fn forged_answers_about_what_was_seen() {
    // The double also answers witness a's question of this kind, so every lie keeps what that one needs.
    let ended = beside(Lies { seen: |s| s.seen.push("f".repeat(32)), ..Lies::default() });
    inconclusive(&ended, reason::ANSWER_FORGED, "not asked about");
    let ended = beside(Lies { seen: |s| s.complete = false, ..Lies::default() });
    inconclusive(&ended, reason::PROBE_IMPOSSIBLE, "forget");
    // Only the gate asks when nothing of the asker arrived: lie to it alone.
    let ended = beside(Lies {
        seen: |s| {
            if s.seen.is_empty() {
                s.instance = "another".into()
            }
        },
        ..Lies::default()
    });
    inconclusive(&ended, reason::ANSWER_FORGED, "restarted");
    let ended = beside(Lies {
        seen: |s| {
            if s.seen.is_empty() {
                s.nonce = "0".repeat(32)
            }
        },
        ..Lies::default()
    });
    inconclusive(&ended, reason::ANSWER_FORGED, "another question");
    let ended = beside(Lies {
        seen: |s| {
            if s.seen.is_empty() {
                s.witness = "a".into()
            }
        },
        ..Lies::default()
    });
    inconclusive(&ended, reason::ANSWER_FORGED, "another question");
}

#[test]
fn a_canary_that_answers_the_witness_as_if_it_were_somebody_else() {
    let canary = |_: &str, _| format!("b {}\n", "0".repeat(32));
    inconclusive(&beside(Lies { canary, ..Lies::default() }), reason::WITNESS_BLOCKED, "witness a does not reach its sibling");
}

#[test]
fn a_canary_that_answers_the_pod_as_if_it_were_somebody_else() {
    // Reached is reached, whatever it says.
    let canary = |nonce: &str, source: std::net::IpAddr| {
        if source.to_string() == POD { format!("b {}\n", "0".repeat(32)) } else { format!("b {nonce}\n") }
    };
    for (protocol, reason, replace_pod) in [("tcp", reason::CANARY_REACHED, false), ("udp", reason::CANARY_REACHED_UDP, true)] {
        let lab = Lab::new();
        lab.fence(&format!("ip saddr {POD} ip daddr 10.42.0.3 {protocol} dport 7071 accept"));
        let (_b, _a) = (lab.lying_witness(Lies { canary, ..Lies::default() }), lab.witness("a", &[]));
        let _world = lab.world(Manners::default());
        let ended = Pod::new(&lab).gate(&if replace_pod { quick() } else { hasty() });
        let evidence = &ended.evidence;
        assert_eq!((ended.code, evidence.reason.as_str(), evidence.replace_pod), (1, reason, replace_pod), "{ended:?}");
        assert!(evidence.message.contains("something other than the canary"), "{ended:?}");
    }
}

#[test]
fn two_witnesses_at_each_others_place() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let mut settings = hasty();
    settings.witnesses.reverse();
    inconclusive(&Pod::new(&lab).gate(&settings), reason::ANSWER_FORGED, "swapped");
}

#[test]
fn a_clock_that_is_off() {
    let lab = Lab::new();
    lab.fence("");
    let (a, b, _world) = (lab.witness("a", &[]), lab.witness("b", &[]), lab.world(Manners::default()));
    for (offset, side) in [("60", "behind"), ("-60", "ahead of")] {
        let ended = Pod::new(&lab).start(&hasty(), &["--clock-offset-seconds", offset]).end();
        inconclusive(&ended, reason::CLOCK_WRONG, side);
    }
    drop(b);
    let _b = lab.witness("b", &["--clock-offset-seconds", "30"]);
    inconclusive(&Pod::new(&lab).gate(&hasty()), reason::CLOCK_WRONG, "witness b");
    drop(a);
}

#[test]
fn an_egress_pod_that_is_missing_unready_or_blind() {
    let lab = Lab::new();
    lab.fence("");
    let _witnesses = lab.witnesses();
    inconclusive(&Pod::new(&lab).gate(&hasty()), reason::EGRESS_MISSING, "egress pod's control does not answer");
    type Case = (fn(&mut assistant_proof::wire::Controls), &'static str, &'static str);
    let cases: [Case; 4] = [
        (|c| c.ready = false, reason::EGRESS_MISSING, "does not listen"),
        (|c| c.dns.udp = assistant_proof::Outcome::Closed, reason::EGRESS_MISSING, "cluster's DNS"),
        (|c| c.nonce = "0".repeat(32), reason::ANSWER_FORGED, "egress"),
        (|c| c.at -= Duration::from_secs(60), reason::CLOCK_WRONG, "egress"),
    ];
    for (controls, reason, named) in cases {
        let _world = lab.world(Manners { controls, ..Manners::default() });
        inconclusive(&Pod::new(&lab).gate(&hasty()), reason, named);
        drop(_world);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_lane_that_is_none() {
    for (lane, named) in [(Lane::Absent, "does not accept"), (Lane::Open, "answered 200"), (Lane::Mute, "did not answer")] {
        let lab = Lab::new();
        lab.fence("");
        let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners { lane, ..Manners::default() }));
        inconclusive(&Pod::new(&lab).gate(&hasty()), reason::LANE_BROKEN, named);
    }
}

#[test]
fn a_lane_that_allows_nothing_resets() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, world) = (lab.witnesses(), lab.world(Manners { controls: |c| c.lane_host = None, ..Manners::default() }));
    let ended = Pod::new(&lab).gate(&quick());
    assert_eq!(ended.evidence.verdict, Verdict::Closed, "{ended:?}");
    assert!(world.unlisted.load(std::sync::atomic::Ordering::Relaxed) > 0, "the lane was asked for something");
}
