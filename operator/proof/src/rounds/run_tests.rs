//! Rounds put together: how long, in which order, and what is said at the end.

use super::{Fault, Finding, Judged, Path, Run, fixture::rules};
use crate::{Evidence, Verdict, reason};
use jiff::Timestamp;
use std::time::Duration;

fn judged(finding: Finding) -> Judged {
    Judged { finding, probes: Vec::new(), not_proven: vec!["api-server".into()] }
}

fn open() -> Judged {
    judged(Finding::Open(Fault::new(reason::CANARY_REACHED, "canary")))
}

fn unknown() -> Judged {
    judged(Finding::Unknown(Fault::new(reason::WITNESS_MISSING, "witness b")))
}

fn clean() -> Judged {
    judged(Finding::Clean)
}

/// Feeds rounds 250 ms apart, in order, until one of them ends the run.
fn feed(run: &mut Run, rounds: impl IntoIterator<Item = Judged>) -> Option<Evidence> {
    rounds.into_iter().enumerate().find_map(|(n, judged)| {
        let n = u32::try_from(n).unwrap();
        run.take(n, Duration::from_millis(u64::from(n) * 250), judged, Timestamp::UNIX_EPOCH)
    })
}

fn give_up(rounds: impl IntoIterator<Item = Judged>) -> Evidence {
    let mut run = Run::new(rules());
    assert_eq!(feed(&mut run, rounds), None);
    run.give_up(Timestamp::UNIX_EPOCH)
}

#[test]
fn enough_clean_rounds_in_a_row_prove_it() {
    let mut run = Run::new(rules());
    assert_eq!(feed(&mut run, [open(), open(), clean(), clean()]), None, "two of three");
    let evidence = run.take(4, Duration::from_millis(1000), clean(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((evidence.verdict, evidence.reason.as_str(), evidence.rounds), (Verdict::Closed, reason::CLOSED, 3));
    assert_eq!(evidence.closed_after_milliseconds, 500, "the first round of the final run");
    assert_eq!(evidence.not_proven, ["api-server"]);
}

#[test]
fn the_span_counts_as_well_as_the_number() {
    let mut run = Run::new(rules());
    for n in 0..4 {
        let at = Duration::from_millis(u64::from(n) * 100);
        assert_eq!(run.take(n, at, clean(), Timestamp::UNIX_EPOCH), None, "{n}: 300 ms are less than 400");
    }
    let evidence = run.take(4, Duration::from_millis(400), clean(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((evidence.verdict, evidence.rounds), (Verdict::Closed, 5));
}

#[test]
fn anything_but_clean_starts_the_run_anew() {
    for between in [open(), unknown(), judged(Finding::Early)] {
        let mut run = Run::new(rules());
        let rounds = [clean(), clean(), between, clean(), clean()];
        assert_eq!(feed(&mut run, rounds), None);
        let evidence = run.take(5, Duration::from_millis(1250), clean(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((evidence.verdict, evidence.closed_after_milliseconds), (Verdict::Closed, 750));
    }
}

#[test]
fn rounds_that_end_out_of_order_are_weighed_in_order() {
    let mut run = Run::new(rules());
    let at = |n: u64| Duration::from_millis(n * 250);
    assert_eq!(run.take(1, at(1), clean(), Timestamp::UNIX_EPOCH), None);
    assert_eq!(run.take(2, at(2), clean(), Timestamp::UNIX_EPOCH), None);
    assert_eq!(run.take(3, at(3), clean(), Timestamp::UNIX_EPOCH), None, "round 0 is still out");
    let evidence = run.take(0, at(0), open(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((evidence.verdict, evidence.closed_after_milliseconds), (Verdict::Closed, 250));

    let mut run = Run::new(rules());
    for n in [0, 2, 3] {
        assert_eq!(run.take(n, at(n.into()), clean(), Timestamp::UNIX_EPOCH), None);
    }
    assert_eq!(run.take(1, at(1), open(), Timestamp::UNIX_EPOCH), None, "round 1 was open: only two are clean after it");
}

#[test]
fn a_final_finding_ends_it_at_once_even_out_of_order() {
    let fault = Fault::new(reason::CANARY_REACHED_UDP, "canary");
    let mut run = Run::new(rules());
    let done = judged(Finding::Final { fault, replace_pod: true });
    let evidence = run.take(7, Duration::from_millis(10), done, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((evidence.verdict, evidence.reason.as_str()), (Verdict::Breach, reason::CANARY_REACHED_UDP));
    assert!(evidence.replace_pod);
    assert_eq!((evidence.rounds, evidence.closed_after_milliseconds), (0, 0));
}

#[test]
fn the_deadline_says_breach_only_when_it_is_still_open() {
    let still = give_up([clean(), open()]);
    assert_eq!((still.verdict, still.reason.as_str(), still.replace_pod), (Verdict::Breach, reason::CANARY_REACHED, false));
    let closed_late = give_up([open(), clean(), clean()]);
    assert_eq!((closed_late.verdict, closed_late.reason.as_str()), (Verdict::Inconclusive, reason::CANARY_REACHED));
    assert!(closed_late.message.contains("only 2 of 3"), "{}", closed_late.message);
    let lost = give_up([open(), unknown()]);
    assert_eq!((lost.verdict, lost.reason.as_str()), (Verdict::Inconclusive, reason::WITNESS_MISSING));
    let nothing = give_up([]);
    assert_eq!((nothing.verdict, nothing.reason.as_str()), (Verdict::Inconclusive, reason::PROBE_IMPOSSIBLE));
}

#[test]
fn a_gate_that_is_told_to_stop_says_so() {
    let evidence = Run::new(rules()).interrupted(Timestamp::UNIX_EPOCH);
    assert_eq!((evidence.verdict, evidence.reason.as_str()), (Verdict::Inconclusive, reason::INTERRUPTED));
}

#[test]
fn udp_waits_until_tcp_has_been_closed_twice_in_a_row() {
    let mut run = Run::new(rules());
    let tries: Vec<bool> =
        [false, true, false, true, true, true, false, true].into_iter().map(|c| run.may_try_udp(Path::Pod, c)).collect();
    assert_eq!(tries, [false, false, false, false, true, true, false, false]);
    assert!(!run.may_try_udp(Path::LinkLocal, true), "each path by itself");
    assert!(run.may_try_udp(Path::Pod, true) && run.may_try_udp(Path::LinkLocal, true));
}

#[test]
fn an_answer_by_udp_is_not_lost_when_the_gate_ends_before_its_round() {
    let answered = || {
        let mut run = Run::new(rules());
        run.answered_by_udp(Fault::new(reason::DNS_REACHED, "the resolver answered"));
        run
    };
    let ends = [
        answered().give_up(Timestamp::UNIX_EPOCH),
        answered().interrupted(Timestamp::UNIX_EPOCH),
        answered().take(0, Duration::ZERO, clean(), Timestamp::UNIX_EPOCH).unwrap(),
    ];
    for end in ends {
        assert_eq!((end.verdict, end.reason.as_str(), end.replace_pod), (Verdict::Breach, reason::DNS_REACHED, true));
    }
}
