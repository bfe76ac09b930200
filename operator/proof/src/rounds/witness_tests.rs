//! The witnesses' answers, forged, stale, swapped, missing or blocked.

use super::{
    Heard,
    fixture::{A, B, after, answer, asked, now, round, short},
    witnesses,
};
use crate::{Outcome, reason, wire};
use jiff::SignedDuration;

/// Reason and message of a round in which one answer to `round` was changed.
fn fault(n: usize, change: impl FnOnce(&mut wire::Round)) -> (&'static str, String) {
    let asked = asked();
    let mut heard = [Heard::Answer(round("a", &asked[0])), Heard::Answer(round("b", &asked[1]))];
    change(answer(&mut heard[n]));
    let fault = witnesses(&asked, &heard, now(), Some("10.42.0.5".parse().unwrap())).expect_err("the answer does not fit");
    (fault.reason, fault.message)
}

#[test]
fn two_sound_answers_name_two_canaries() {
    let asked = asked();
    let heard = [Heard::Answer(round("a", &asked[0])), Heard::Answer(round("b", &asked[1]))];
    let pair = witnesses(&asked, &heard, now(), None).unwrap();
    assert_eq!(pair.map(|w| w.address.to_string()), [A, B]);
}

#[test]
fn an_answer_to_another_question_is_forged() {
    let asked = asked();
    let other = asked[1].round.clone();
    assert_eq!(fault(0, |r| r.nonce = other).0, reason::ANSWER_FORGED, "b's nonce in a's answer");
    assert_eq!(fault(0, |r| r.nonce = String::new()).0, reason::ANSWER_FORGED);
    assert_eq!(fault(1, |r| r.v = wire::VERSION + 1).0, reason::ANSWER_FORGED);
}

#[test]
fn the_wrong_witness_is_forged() {
    let (reason, message) = fault(1, |r| r.witness = "a".into());
    assert!(reason == reason::ANSWER_FORGED && message.contains("where witness b should be"), "{message}");
    let asked = asked();
    let swapped = [Heard::Answer(round("b", &asked[0])), Heard::Answer(round("a", &asked[1]))];
    assert_eq!(witnesses(&asked, &swapped, now(), None).unwrap_err().reason, reason::ANSWER_FORGED);
}

#[test]
fn answers_that_contradict_each_other_are_forged() {
    for (n, change) in [
        (0, (|r| r.own = B.parse().unwrap()) as fn(&mut wire::Round)),
        (0, |r| r.sibling = Some("10.42.0.9".parse().unwrap())),
        (1, |r| r.sibling = Some("10.42.0.9".parse().unwrap())),
        (0, |r| r.sibling_witness = Some("a".into())),
        (1, |r| r.instance = "instance-a".into()),
        (0, |r| r.own = "127.0.0.1".parse().unwrap()),
        (0, |r| r.own = "0.0.0.0".parse().unwrap()),
        (0, |r| r.own = "224.0.0.1".parse().unwrap()),
        (0, |r| r.own = "10.42.0.5".parse().unwrap()),
        (1, |r| r.canary_port = 1),
        (1, |r| r.link_local = Some("2001:db8::1".parse().unwrap())),
        (1, |r| r.link_local = Some("::1".parse().unwrap())),
    ] {
        let (reason, message) = fault(n, change);
        assert_eq!(reason, reason::ANSWER_FORGED, "{message}");
    }
}

#[test]
fn clocks_may_be_five_seconds_apart() {
    for (seconds, sound) in [(5, true), (-5, true), (6, false), (-6, false)] {
        let asked = asked();
        let mut heard = [Heard::Answer(round("a", &asked[0])), Heard::Answer(round("b", &asked[1]))];
        answer(&mut heard[1]).at += SignedDuration::from_secs(seconds);
        let found = witnesses(&asked, &heard, now(), None);
        assert_eq!(found.is_ok(), sound, "{seconds} s");
        if let Err(fault) = found {
            assert!(fault.reason == reason::CLOCK_WRONG && fault.message.contains("witness b is 6 s"), "{}", fault.message);
        }
    }
}

#[test]
fn a_missing_witness_is_named_before_what_follows_from_it() {
    // a cannot have reached a sibling that is gone: that b is gone is the story.
    let judged = after(|o| {
        let a = answer(&mut o.rounds[0]);
        (a.sibling, a.sibling_witness, a.tcp, a.udp) = (None, None, Outcome::NotTried, Outcome::NotTried);
        o.rounds[1] = Heard::Silent("10.43.0.3:7070: connection refused".into());
    });
    assert_eq!(short(&judged.finding), ("unknown", reason::WITNESS_MISSING, false));
    let super::Finding::Unknown(fault) = judged.finding else { unreachable!("just compared") };
    assert!(fault.message.starts_with("witness b does not answer"), "{}", fault.message);

    let judged = after(|o| o.rounds = [Heard::Silent("x".into()), Heard::Silent("x".into())]);
    let super::Finding::Unknown(fault) = judged.finding else { panic!("two missing witnesses are unknown") };
    assert!(fault.message.contains("witness a") && fault.message.contains("witness b"), "{}", fault.message);
}

#[test]
fn a_gate_that_cannot_ask_does_not_blame_the_witness() {
    let judged = after(|o| {
        o.rounds[0] = Heard::Impossible("no local port".into());
        o.rounds[1] = Heard::Silent("timed out".into());
    });
    assert_eq!(short(&judged.finding), ("unknown", reason::PROBE_IMPOSSIBLE, false));
    let judged = after(|o| o.rounds[0] = Heard::Garbled("SSH-2.0".into()));
    assert_eq!(short(&judged.finding), ("unknown", reason::ANSWER_FORGED, false));
}

#[test]
fn witnesses_that_do_not_reach_each_other_are_blocked() {
    for change in [
        (|r| r.tcp = Outcome::Closed) as fn(&mut wire::Round),
        |r| r.udp = Outcome::Closed,
        |r| r.udp = Outcome::Inconclusive,
        |r| r.tcp = Outcome::NotTried,
        |r| r.sibling = None,
        |r| r.sibling_witness = None,
        |r| r.link_local_own = Outcome::Closed,
        |r| r.link_local_own = Outcome::Inconclusive,
        // An address that could not be read is not the absence of one.
        |r| (r.link_local, r.link_local_own) = (None, Outcome::Inconclusive),
    ] {
        for n in [0, 1] {
            assert_eq!(fault(n, change).0, reason::WITNESS_BLOCKED);
        }
    }
}

#[test]
fn the_second_answer_must_fit_the_first() {
    type Change = fn(&mut wire::Seen);
    let cases: [(Change, &str); 8] = [
        (|s| s.nonce = "stale".into(), reason::ANSWER_FORGED),
        (|s| s.witness = "c".into(), reason::ANSWER_FORGED),
        (|s| s.v = 9, reason::ANSWER_FORGED),
        (|s| s.seen.push("f".repeat(32)), reason::ANSWER_FORGED),
        (|s| s.instance = "restarted".into(), reason::ANSWER_FORGED),
        (|s| s.at += SignedDuration::from_secs(60), reason::CLOCK_WRONG),
        (|s| s.complete = false, reason::PROBE_IMPOSSIBLE),
        (|s| s.seen = vec!["f".repeat(32); 4], reason::ANSWER_FORGED),
    ];
    for (change, reason) in cases {
        for n in [0, 1] {
            assert_eq!(short(&after(|o| change(answer(&mut o.seen[n]))).finding), ("unknown", reason, false));
        }
    }
    for (heard, reason) in [
        (Heard::Silent("timed out".into()), reason::WITNESS_MISSING),
        (Heard::NotAsked, reason::WITNESS_MISSING),
        (Heard::Impossible("no local port".into()), reason::PROBE_IMPOSSIBLE),
    ] {
        assert_eq!(short(&after(|o| o.seen[1] = heard).finding), ("unknown", reason, false));
    }
}

#[test]
fn a_forged_claim_of_having_seen_something_is_no_breach() {
    let judged = after(|o| {
        let udp = o.asked[0].udp.clone();
        let seen = answer(&mut o.seen[0]);
        seen.seen.push(udp);
        seen.nonce = "stale".into();
    });
    assert_eq!(short(&judged.finding), ("unknown", reason::ANSWER_FORGED, false));
}

#[test]
fn foreign_text_in_a_message_is_cut_and_clean() {
    let (_, message) = fault(0, |r| {
        r.sibling = None;
        r.sibling_error = Some(format!("\u{1b}[31m{}", "x".repeat(3000)));
    });
    assert!(message.len() < 400 && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn two_witnesses_that_agree_on_an_address_nobody_could_be_reached_at_are_forged() {
    // Dialling it would be refused by this very pod: a false "closed".
    for address in ["10.42.0.5", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "169.254.1.1"] {
        let judged = after(|o| {
            answer(&mut o.rounds[0]).own = address.parse().unwrap();
            answer(&mut o.rounds[1]).sibling = Some(address.parse().unwrap());
        });
        assert_eq!(short(&judged.finding), ("unknown", reason::ANSWER_FORGED, false), "{address}");
    }
}
