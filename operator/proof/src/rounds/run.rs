//! Puts rounds together: how long everything has been closed, when UDP may be tried, and what to say at the end. Pure;
//! times are durations since the gate's start.

use super::{Fault, Finding, Judged, Path, Rules, TCP_BEFORE_UDP};
use crate::{Evidence, Probe, Verdict, reason};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// The rounds of one gate. Rounds may overlap and end in any order; they are weighed in the order in which they began.
#[derive(Debug)]
pub struct Run {
    rules: Rules,
    next: u32,
    ahead: BTreeMap<u32, (Duration, Judged)>,
    clean: u32,
    first_clean: Duration,
    last_clean: Duration,
    closed_tcp: [u32; 2],
    answered: Option<Fault>,
    trouble: Option<Trouble>,
    last: Option<Judged>,
}

/// The last thing that was not as it should be.
#[derive(Debug)]
struct Trouble {
    fault: Fault,
    reached: bool,
    /// It was in the round weighed last.
    now: bool,
}

impl Run {
    /// Nothing seen yet. The first round has number 0.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            next: 0,
            ahead: BTreeMap::new(),
            clean: 0,
            first_clean: Duration::ZERO,
            last_clean: Duration::ZERO,
            closed_tcp: [0; 2],
            answered: None,
            trouble: None,
            last: None,
        }
    }

    /// Takes what came of a round's TCP probes on a path (`closed`: every one was made and refused) and says whether that
    /// round may go on to UDP: an answered UDP probe costs the pod, so TCP must have been closed twice in a row.
    pub fn may_try_udp(&mut self, path: Path, closed: bool) -> bool {
        let count = &mut self.closed_tcp[usize::from(path == Path::LinkLocal)];
        *count = if closed { *count + 1 } else { 0 };
        *count >= TCP_BEFORE_UDP
    }

    /// Something answered by UDP just now. From here on every end is a breach, also one that comes before that round's own.
    pub fn answered_by_udp(&mut self, fault: Fault) {
        self.answered.get_or_insert(fault);
    }

    /// The end once something has answered by UDP.
    fn ended_by_udp(&self, at: Timestamp) -> Option<Evidence> {
        let fault = self.answered.as_ref()?;
        Some(Evidence { replace_pod: true, ..self.evidence(Verdict::Breach, fault.reason, fault.message.clone(), at) })
    }

    /// Takes a weighed round that began `began` after the gate's start, and ends the gate when that decides it.
    pub fn take(&mut self, number: u32, began: Duration, judged: Judged, at: Timestamp) -> Option<Evidence> {
        if let Finding::Final { fault, replace_pod } = &judged.finding {
            let (fault, replace_pod) = (fault.clone(), *replace_pod);
            self.clean = 0;
            self.last = Some(judged);
            return Some(Evidence { replace_pod, ..self.evidence(Verdict::Breach, fault.reason, fault.message, at) });
        }
        if let Some(breach) = self.ended_by_udp(at) {
            return Some(breach);
        }
        self.ahead.insert(number, (began, judged));
        while let Some((began, judged)) = self.ahead.remove(&self.next) {
            self.next += 1;
            self.weigh(began, judged);
            if self.proven() {
                let span = self.last_clean - self.first_clean;
                let message = format!(
                    "closed: {} rounds in a row over {} ms, from {} ms after the start on",
                    self.clean,
                    span.as_millis(),
                    self.first_clean.as_millis()
                );
                let mut evidence = self.evidence(Verdict::Closed, reason::CLOSED, message, at);
                evidence.closed_after_milliseconds = millis(self.first_clean);
                return Some(evidence);
            }
        }
        None
    }

    fn weigh(&mut self, began: Duration, judged: Judged) {
        let mut trouble = |fault: &Fault, reached| self.trouble = Some(Trouble { fault: fault.clone(), reached, now: true });
        match &judged.finding {
            Finding::Clean => {
                self.clean += 1;
                self.last_clean = began;
                if self.clean == 1 {
                    self.first_clean = began;
                }
            }
            Finding::Open(fault) | Finding::Final { fault, .. } => trouble(fault, true),
            Finding::Unknown(fault) => trouble(fault, false),
            Finding::Early => {}
        }
        if matches!(judged.finding, Finding::Clean | Finding::Early)
            && let Some(trouble) = &mut self.trouble
        {
            trouble.now = false;
        }
        if judged.finding != Finding::Clean {
            self.clean = 0;
        }
        self.last = Some(judged);
    }

    fn proven(&self) -> bool {
        self.clean >= self.rules.rounds && millis(self.last_clean - self.first_clean) >= self.rules.span_milliseconds
    }

    /// What to say when the deadline ends: breach if the last weighed round still reached something, else inconclusive.
    pub fn give_up(&self, at: Timestamp) -> Evidence {
        if let Some(breach) = self.ended_by_udp(at) {
            return breach;
        }
        let seconds = self.rules.deadline_seconds;
        match &self.trouble {
            Some(Trouble { fault, reached: true, now: true }) => {
                let message = format!("still open after {seconds} s: {}", fault.message);
                self.evidence(Verdict::Breach, fault.reason, message, at)
            }
            Some(Trouble { fault, now: true, .. }) => {
                let message = format!("nothing is known after {seconds} s: {}", fault.message);
                self.evidence(Verdict::Inconclusive, fault.reason, message, at)
            }
            Some(Trouble { fault, .. }) => {
                let message = format!(
                    "only {} of {} clean rounds in a row when {seconds} s were over; the last round that was not clean: {}",
                    self.clean, self.rules.rounds, fault.message
                );
                self.evidence(Verdict::Inconclusive, fault.reason, message, at)
            }
            None => {
                let message = format!(
                    "only {} of {} clean rounds came together in {seconds} s; the node may be too busy for a round in time",
                    self.clean, self.rules.rounds
                );
                self.evidence(Verdict::Inconclusive, reason::PROBE_IMPOSSIBLE, message, at)
            }
        }
    }

    /// What to say when somebody ends the gate before it knows.
    pub fn interrupted(&self, at: Timestamp) -> Evidence {
        if let Some(breach) = self.ended_by_udp(at) {
            return breach;
        }
        let message = format!("told to stop after {} of {} clean rounds", self.clean, self.rules.rounds);
        self.evidence(Verdict::Inconclusive, reason::INTERRUPTED, message, at)
    }

    fn evidence(&self, verdict: Verdict, reason: &str, message: String, at: Timestamp) -> Evidence {
        let (probes, not_proven): (Vec<Probe>, Vec<String>) =
            self.last.as_ref().map(|last| (last.probes.clone(), last.not_proven.clone())).unwrap_or_default();
        Evidence {
            v: 1,
            verdict,
            reason: reason.into(),
            message,
            at,
            closed_after_milliseconds: 0,
            rounds: self.clean,
            probes,
            not_proven,
            replace_pod: false,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
