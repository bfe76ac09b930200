//! Weighs the answers of the controls: the witnesses before and after the probes, and the egress pod. Pure.

use super::{Asked, CLOCK_SECONDS, Fault, Heard, LETTERS};
use crate::{Outcome, WITNESS_CANARY_PORT, reason, wire};
use jiff::Timestamp;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A witness whose answer fits, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its pod address: where its canary is, and its control a second time.
    pub address: Ipv4Addr,
    /// Where its canary is on link-local, if it has such an address.
    pub link_local: Option<Ipv6Addr>,
    /// Its process.
    pub instance: String,
}

/// The two witnesses, if both answered, fit their questions and each other, and got through to each other just now.
/// The fault is the most telling one of both.
pub fn witnesses(
    asked: &[Asked; 2],
    heard: &[Heard<wire::Round>; 2],
    now: Timestamp,
    own: Option<Ipv4Addr>,
) -> Result<[Witness; 2], Fault> {
    let mut faults = Vec::new();
    let mut answers = Vec::new();
    for (n, letter) in LETTERS.into_iter().enumerate() {
        match one(letter, &asked[n], &heard[n], now, own) {
            Ok(answer) => answers.push(answer),
            Err(fault) => faults.push(fault),
        }
    }
    if let [a, b] = answers[..] {
        faults.extend(together(a, b));
    }
    for (n, round) in answers.iter().enumerate() {
        faults.extend(blocked(round, if answers.len() == 2 { LETTERS[n] } else { &round.witness }));
    }
    if let Some(fault) = telling(faults) {
        return Err(fault);
    }
    match answers[..] {
        [a, b] => {
            Ok([a, b].map(|round| Witness { address: round.own, link_local: round.link_local, instance: round.instance.clone() }))
        }
        _ => Err(Fault::new(reason::WITNESS_MISSING, "a witness did not answer")),
    }
}

/// One answer against its question.
fn one<'a>(
    letter: &str,
    asked: &Asked,
    heard: &'a Heard<wire::Round>,
    now: Timestamp,
    own: Option<Ipv4Addr>,
) -> Result<&'a wire::Round, Fault> {
    let round = answer(&format!("witness {letter}"), heard, reason::WITNESS_MISSING)?;
    if round.nonce != asked.round || round.v != wire::VERSION {
        return Err(forged(format!("witness {letter} answered another question than the one it was asked")));
    }
    if round.witness != letter {
        return Err(forged(format!(
            "where witness {letter} should be, {:?} answered; the two witness addresses may be swapped",
            short(&round.witness)
        )));
    }
    in_time(&format!("witness {letter}"), round.at, now)?;
    let foreign = !round.own.is_loopback()
        && !round.own.is_unspecified()
        && !round.own.is_multicast()
        && !round.own.is_broadcast()
        && !round.own.is_link_local()
        && Some(round.own) != own;
    if !foreign || round.canary_port != WITNESS_CANARY_PORT || round.link_local.is_some_and(|a| !a.is_unicast_link_local()) {
        return Err(forged(format!(
            "witness {letter} names {}:{} as its canary; a pod's own address and port {WITNESS_CANARY_PORT} are allowed",
            round.own, round.canary_port
        )));
    }
    Ok(round)
}

/// Whether the two speak of each other. What one could not find out (`None`) is not a contradiction.
fn together(a: &wire::Round, b: &wire::Round) -> Option<Fault> {
    if a.own == b.own || a.instance == b.instance {
        return Some(forged(format!("witness a and witness b both say they are {}; two pods are needed", a.own)));
    }
    for (from, to) in [(a, b), (b, a)] {
        if from.sibling.is_some_and(|sibling| sibling != to.own) {
            return Some(forged(format!(
                "witness {} looked at {} while witness {} says it is {}; one of them is being replaced or is not ours",
                from.witness,
                from.sibling.map(|s| s.to_string()).unwrap_or_default(),
                to.witness,
                to.own
            )));
        }
        if from.sibling_witness.as_ref().is_some_and(|letter| *letter != to.witness) {
            return Some(forged(format!(
                "the canary of witness {} answered witness {} as {:?}",
                to.witness,
                from.witness,
                short(from.sibling_witness.as_deref().unwrap_or_default())
            )));
        }
    }
    None
}

/// Whether this witness got through to its sibling and to itself.
fn blocked(round: &wire::Round, letter: &str) -> Option<Fault> {
    let through = round.sibling.is_some()
        && round.sibling_witness.is_some()
        && round.tcp == Outcome::Through
        && round.udp == Outcome::Through;
    if !through {
        return Some(Fault::new(
            reason::WITNESS_BLOCKED,
            format!(
                "witness {letter} does not reach its sibling ({}); look for a NetworkPolicy that selects the witness pods, or a witness pod that is ending",
                round.sibling_error.as_deref().map(short).unwrap_or_else(|| format!("TCP {:?}, UDP {:?}", round.tcp, round.udp))
            ),
        ));
    }
    // "None here" must be said in both fields; an address that could not be read is not the absence of one.
    let expected = if round.link_local.is_some() { Outcome::Through } else { Outcome::NotTried };
    (round.link_local_own != expected).then(|| {
        Fault::new(
            reason::WITNESS_BLOCKED,
            format!("witness {letter} does not reach its own canary at its IPv6 link-local address ({:?})", round.link_local_own),
        )
    })
}

/// The canary nonces of this round that a witness saw, or why its answer proves nothing.
pub fn seen<'a>(
    letter: &str,
    asked: &Asked,
    witness: &Witness,
    heard: &'a Heard<wire::Seen>,
    now: Timestamp,
) -> Result<&'a [String], Fault> {
    let who = format!("witness {letter}, asked what it saw,");
    let seen = answer(&who, heard, reason::WITNESS_MISSING)?;
    if seen.nonce != asked.seen || seen.v != wire::VERSION || seen.witness != letter {
        return Err(forged(format!("{who} answered another question")));
    }
    if seen.seen.iter().any(|nonce| !asked.probes().contains(&nonce.as_str())) {
        return Err(forged(format!("{who} names a nonce it was not asked about")));
    }
    in_time(&who, seen.at, now)?;
    if seen.instance != witness.instance {
        return Err(forged(format!("{who} is another process than the one that answered before; it may have just restarted")));
    }
    if !seen.complete {
        return Err(Fault::new(
            reason::PROBE_IMPOSSIBLE,
            format!(
                "{who} had to forget some of it: something floods its canary; look for a pod that sends to port {WITNESS_CANARY_PORT}"
            ),
        ));
    }
    Ok(&seen.seen)
}

/// The egress pod's answer, if it fits, is ready and reached its own resolver. An outside control that did not get through
/// is no fault: the probe is then listed as not proven.
pub fn egress<'a>(nonce: &str, heard: &'a Heard<wire::Controls>, now: Timestamp) -> Result<&'a wire::Controls, Fault> {
    let controls = answer("the egress pod's control", heard, reason::EGRESS_MISSING)?;
    if controls.nonce != nonce || controls.v != wire::VERSION {
        return Err(forged("the egress pod's control answered another question than the one it was asked".into()));
    }
    in_time("the egress pod", controls.at, now)?;
    if !controls.ready {
        return Err(Fault::new(
            reason::EGRESS_MISSING,
            "the egress pod answers, but its Squid does not listen on every planned port yet",
        ));
    }
    if controls.dns.tcp != Outcome::Through || controls.dns.udp != Outcome::Through {
        return Err(Fault::new(
            reason::EGRESS_MISSING,
            format!(
                "the egress pod gets no answer from its resolver {} (TCP {:?}, UDP {:?}), so a refusal there proves nothing; look at the cluster's DNS",
                controls.dns.address, controls.dns.tcp, controls.dns.udp
            ),
        ));
    }
    Ok(controls)
}

fn answer<'a, T>(who: &str, heard: &'a Heard<T>, missing: &'static str) -> Result<&'a T, Fault> {
    match heard {
        Heard::Answer(answer) => Ok(answer),
        Heard::Silent(why) => Err(Fault::new(missing, format!("{who} does not answer: {}", short(why)))),
        Heard::Declined(why) => Err(Fault::new(missing, format!("{who} declined to answer: {}", short(why)))),
        Heard::NotAsked => Err(Fault::new(missing, format!("{who} was not asked: its address is not known"))),
        Heard::Garbled(what) => Err(forged(format!("{who} answered with something else than the protocol: {}", short(what)))),
        Heard::Impossible(why) => {
            Err(Fault::new(reason::PROBE_IMPOSSIBLE, format!("{who} could not be asked from this pod: {}", short(why))))
        }
    }
}

fn in_time(who: &str, at: Timestamp, now: Timestamp) -> Result<(), Fault> {
    let apart = now.duration_since(at);
    if apart.abs() <= jiff::SignedDuration::from_secs(CLOCK_SECONDS) {
        return Ok(());
    }
    let (seconds, side) = (apart.abs().as_secs(), if apart.is_negative() { "ahead of" } else { "behind" });
    Err(Fault::new(
        reason::CLOCK_WRONG,
        format!(
            "the clock of {who} is {seconds} s {side} this pod's; at most {CLOCK_SECONDS} s are allowed: set the node's clock"
        ),
    ))
}

fn forged(message: String) -> Fault {
    Fault::new(reason::ANSWER_FORGED, message)
}

/// Foreign text, cut to what fits a sentence, without control characters.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// The fault that says most about the cause: what explains others comes first.
pub fn telling(faults: Vec<Fault>) -> Option<Fault> {
    const ORDER: [&str; 7] = [
        reason::PROBE_IMPOSSIBLE,
        reason::CLOCK_WRONG,
        reason::ANSWER_FORGED,
        reason::WITNESS_MISSING,
        reason::WITNESS_BLOCKED,
        reason::EGRESS_MISSING,
        reason::LANE_BROKEN,
    ];
    let rank = |fault: &Fault| ORDER.iter().position(|reason| *reason == fault.reason).unwrap_or(ORDER.len());
    let best = faults.iter().map(rank).min()?;
    let mut same: Vec<Fault> = faults.into_iter().filter(|fault| rank(fault) == best).collect();
    let mut first = same.remove(0);
    for other in same {
        // Both witnesses missing is another story than one: say both.
        if other.message != first.message {
            first.message = format!("{}; {}", first.message, other.message);
        }
    }
    Some(first)
}
