//! Weighs one round: what was reached, what was closed, and whether the controls allow to say so. Pure.

use super::{Attempt, CanaryAttempts, Fault, Finding, Judged, LETTERS, LaneSeen, Observed, Rules, Witness, controls};
use crate::{Outcome, PodKind, Probe, WITNESS_CANARY_PORT, reason, wire};

/// What one round shows. Reached beats unknown beats early beats clean.
pub fn judge(rules: &Rules, observed: &Observed) -> Judged {
    let witnesses = controls::witnesses(&observed.asked, &observed.rounds, observed.now, observed.own);
    let egress = match rules.kind {
        PodKind::Tier => Some(controls::egress(&observed.controls_nonce, &observed.controls, observed.now)),
        PodKind::Egress => None,
    };
    let mut weighing = Weighing::default();
    weighing.canaries(observed, &witnesses);
    if let Some(egress) = &egress {
        weighing.resolver(observed, egress);
        weighing.outside(observed, egress);
    }
    weighing.icmp(&observed.icmp);
    if let Some(password) = rules.lane_password {
        let host = egress.as_ref().and_then(|e| e.as_ref().ok()).and_then(|c| c.lane_host.as_deref());
        weighing.lane(&observed.lane, password, host);
    }
    for (name, attempt) in &observed.closed {
        weighing.target(name, attempt);
    }
    weighing.faults.extend(witnesses.err());
    weighing.faults.extend(egress.and_then(Result::err));
    weighing.judged()
}

/// Findings as they come together.
#[derive(Default)]
struct Weighing {
    finals: Vec<(Fault, bool)>,
    open: Vec<Fault>,
    faults: Vec<Fault>,
    early: bool,
    probes: Vec<Probe>,
    not_proven: Vec<String>,
}

impl Weighing {
    fn judged(self) -> Judged {
        let finding = if let Some((fault, replace_pod)) = self.finals.into_iter().next() {
            Finding::Final { fault, replace_pod }
        } else if let Some(fault) = self.open.into_iter().next() {
            Finding::Open(fault)
        } else if let Some(fault) = controls::telling(self.faults) {
            Finding::Unknown(fault)
        } else if self.early {
            Finding::Early
        } else {
            Finding::Clean
        };
        Judged { finding, probes: self.probes, not_proven: self.not_proven }
    }

    fn probe(&mut self, name: &str, outcome: Outcome, control: Option<Outcome>) {
        self.probes.push(Probe { name: name.into(), outcome, control });
    }

    /// A probe that could not be made proves nothing.
    fn impossible(&mut self, what: &str, attempt: &Attempt) {
        if attempt.outcome == Outcome::Inconclusive {
            self.faults.push(Fault::new(
                reason::PROBE_IMPOSSIBLE,
                format!(
                    "{what} could not be probed: {}; look at what uses up this pod's ports, sockets or memory",
                    attempt.detail
                ),
            ));
        }
    }

    /// Required, but not made.
    fn missing(&mut self, what: &str) {
        self.faults.push(Fault::new(reason::PROBE_IMPOSSIBLE, format!("{what} was not probed in this round")));
    }

    fn canaries(&mut self, observed: &Observed, witnesses: &Result<[Witness; 2], Fault>) {
        // What was reached counts even when a control failed: the attempts speak for themselves.
        for (n, letter) in LETTERS.into_iter().enumerate() {
            self.canary(letter, observed, n, witnesses.as_ref().ok().map(|w| &w[n]));
        }
        let of = |pick: fn(&CanaryAttempts) -> &Attempt| worst(observed.canaries.iter().map(|c| pick(c).outcome));
        let control = |pick: fn(&wire::Round) -> Outcome| {
            worst_control(observed.rounds.iter().map(|heard| match heard {
                super::Heard::Answer(round) => pick(round),
                _ => Outcome::NotTried,
            }))
        };
        self.probe("canary-tcp", of(|c| &c.tcp), Some(control(|r| r.tcp)));
        self.probe("canary-udp", of(|c| &c.udp), Some(control(|r| r.udp)));
        let tried = [of(|c| &c.link_local_tcp), of(|c| &c.link_local_udp)];
        let (outcome, own) = match witnesses {
            // No witness has an address there: nothing of the pod network speaks link-local.
            Ok([a, b]) if a.link_local.is_none() && b.link_local.is_none() => (Outcome::Closed, None),
            Ok(_) => (worst(tried.into_iter().filter(|o| *o != Outcome::NotTried)), Some(Outcome::Through)),
            Err(_) => (worst(tried.into_iter()), None),
        };
        self.probe("link-local", outcome, own);
    }

    /// One witness's canary, by the pod's own attempts and by what the canary says it saw.
    fn canary(&mut self, letter: &str, observed: &Observed, n: usize, witness: Option<&Witness>) {
        let (attempts, asked) = (&observed.canaries[n], &observed.asked[n]);
        let seen = match witness {
            Some(witness) => controls::seen(letter, asked, witness, &observed.seen[n], observed.seen_now),
            None => Ok(&[][..]),
        };
        let saw = |nonce: &String| matches!(&seen, Ok(list) if list.contains(nonce));
        let fate = |attempt: &Attempt, nonce: &String| match (attempt.outcome, saw(nonce)) {
            (Outcome::Through, _) => Some(format!("answered ({})", attempt.detail)),
            (_, true) => Some("was reached one way: nothing came back, but it saw this pod's nonce".to_owned()),
            _ => None,
        };
        let port = WITNESS_CANARY_PORT;
        if let Some(how) = fate(&attempts.udp, &asked.udp) {
            let message =
                format!("the canary of witness {letter} (UDP {port}) {how}; the flow may live on, so this pod must be replaced");
            self.finals.push((Fault::new(reason::CANARY_REACHED_UDP, message), true));
        }
        if let Some(how) = fate(&attempts.link_local_udp, &asked.link_local_udp) {
            let message =
                format!("the canary of witness {letter} (UDP {port} at its IPv6 link-local address) {how}; {NODE_RULE}");
            self.finals.push((Fault::new(reason::LINK_LOCAL_OPEN, message), true));
        }
        if let Some(how) = fate(&attempts.tcp, &asked.tcp) {
            let message = format!(
                "the canary of witness {letter} (TCP {port}) {how}; no NetworkPolicy holds this pod: look at the policy controller and at policies that select it"
            );
            self.open.push(Fault::new(reason::CANARY_REACHED, message));
        }
        if let Some(how) = fate(&attempts.link_local_tcp, &asked.link_local_tcp) {
            let message =
                format!("the canary of witness {letter} (TCP {port} at its IPv6 link-local address) {how}; {NODE_RULE}");
            self.open.push(Fault::new(reason::LINK_LOCAL_OPEN, message));
        }
        let Some(witness) = witness else { return };
        self.faults.extend(seen.err());
        let mut required = vec![("TCP", &attempts.tcp), ("UDP", &attempts.udp)];
        if witness.link_local.is_some() {
            required.extend([("link-local TCP", &attempts.link_local_tcp), ("link-local UDP", &attempts.link_local_udp)]);
        }
        for (how, attempt) in required {
            let what = format!("the canary of witness {letter} ({how})");
            self.impossible(&what, attempt);
            match (attempt.outcome, how.ends_with("UDP")) {
                (Outcome::NotTried, true) => self.early = true,
                (Outcome::NotTried, false) => self.missing(&what),
                _ => {}
            }
        }
    }

    fn resolver(&mut self, observed: &Observed, egress: &Result<&wire::Controls, Fault>) {
        let (tcp, udp) = (&observed.dns_tcp, &observed.dns_udp);
        let address =
            egress.as_ref().map_or_else(|_| "the cluster's DNS".into(), |c| format!("the cluster's DNS ({})", c.dns.address));
        if udp.outcome == Outcome::Through {
            let message = format!("{address} answered by UDP; the flow may live on, so this pod must be replaced");
            self.finals.push((Fault::new(reason::DNS_REACHED, message), true));
        }
        if tcp.outcome == Outcome::Through {
            let message =
                format!("{address} answered by TCP; look for a NetworkPolicy that allows DNS to every pod of the namespace");
            self.open.push(Fault::new(reason::DNS_REACHED, message));
        }
        if egress.is_ok() {
            self.impossible(&format!("{address} (TCP)"), tcp);
            self.impossible(&format!("{address} (UDP)"), udp);
            if tcp.outcome == Outcome::NotTried {
                self.missing(&format!("{address} (TCP)"));
            }
            self.early |= udp.outcome == Outcome::NotTried;
        }
        let controls = egress.as_ref().ok();
        self.probe("dns-tcp", tcp.outcome, controls.map(|c| c.dns.tcp));
        self.probe("dns-udp", udp.outcome, controls.map(|c| c.dns.udp));
    }

    fn outside(&mut self, observed: &Observed, egress: &Result<&wire::Controls, Fault>) {
        let control = egress.as_ref().ok().and_then(|c| c.outside.as_ref());
        if observed.outside.outcome == Outcome::Through {
            let address = control.map(|o| o.address.to_string()).unwrap_or_default();
            let message = format!(
                "the outside address {address} answered this pod directly, past its lane; look for a NetworkPolicy that allows it"
            );
            self.open.push(Fault::new(reason::OUTSIDE_REACHED, message));
        }
        self.impossible("the outside address", &observed.outside);
        match control {
            Some(outside) if outside.outcome == Outcome::Through => {
                // Nothing beyond the node is dialled before the canaries are closed.
                self.early |= observed.outside.outcome == Outcome::NotTried;
            }
            _ => self.not_proven.push("outside".into()),
        }
        self.probe("outside", observed.outside.outcome, control.map(|o| o.outcome));
    }

    fn icmp(&mut self, attempt: &Attempt) {
        match attempt.outcome {
            Outcome::Through => {
                let message = format!(
                    "{} in this pod, so data can leave in echo requests, which no NetworkPolicy filters; the pod needs the sysctl net.ipv4.ping_group_range \"1 0\" and no NET_RAW",
                    attempt.detail
                );
                // A new pod would be the same: what drops the sysctl must go first.
                self.finals.push((Fault::new(reason::ICMP_OPEN, message), false));
            }
            Outcome::NotTried => self.missing("ICMP"),
            _ => self.impossible("ICMP", attempt),
        }
        self.probe("icmp", attempt.outcome, None);
    }

    /// `host`: what the lane allows, as the egress pod says. Squid resets what it does not list before it asks for a password.
    fn lane(&mut self, seen: &LaneSeen, password: bool, host: Option<&str>) {
        let broken = match (seen, password, host) {
            (LaneSeen::Status(407), true, _) | (LaneSeen::Accepted, false, _) | (LaneSeen::Closed, true, None) => None,
            (LaneSeen::Impossible(why), _, _) => {
                let attempt = Attempt { outcome: Outcome::Inconclusive, detail: why.clone() };
                self.impossible("the pod's own lane", &attempt);
                return self.probe("lane", Outcome::Inconclusive, None);
            }
            (LaneSeen::Refused(why), _, _) => Some(format!("does not accept connections ({why})")),
            (LaneSeen::Status(status), _, _) => Some(format!("answered {status} to a CONNECT without a password instead of 407")),
            (LaneSeen::Closed, _, _) => Some("accepted and then closed without asking for its password".into()),
            (LaneSeen::Odd(what), _, _) => Some(format!("accepted and then did not answer as a lane does ({what})")),
            (LaneSeen::Accepted, true, _) => Some("accepted, but was not asked for its password".into()),
            (LaneSeen::NotTried, _, _) => Some("was not tried: the egress pod is not known yet".into()),
        };
        let outcome = match (&broken, seen) {
            (None, _) => Outcome::Through,
            (_, LaneSeen::Refused(_)) => Outcome::Closed,
            (_, LaneSeen::NotTried) => Outcome::NotTried,
            _ => Outcome::Inconclusive,
        };
        self.faults.extend(broken.map(|what| {
            Fault::new(reason::LANE_BROKEN, format!("the pod's own lane {what}; look at the egress pod and its plan"))
        }));
        self.probe("lane", outcome, None);
    }

    fn target(&mut self, name: &str, attempt: &Attempt) {
        match attempt.outcome {
            Outcome::Through => self.open.push(Fault::new(
                reason::CLOSED_TARGET_REACHED,
                format!("{name} accepted a connection from this pod; look for a NetworkPolicy that allows it"),
            )),
            Outcome::NotTried => self.missing(name),
            Outcome::Inconclusive => self.impossible(name, attempt),
            Outcome::Closed => self.not_proven.push(name.into()),
        }
        self.probe(name, attempt.outcome, None);
    }
}

const NODE_RULE: &str = "no NetworkPolicy filters IPv6 link-local: install the node rule (helm value nodePrep.enabled=true)";

/// The outcome of several attempts at things that must be closed: reached beats unknown beats not tried beats closed.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let rank = |o: &Outcome| match o {
        Outcome::Through => 3,
        Outcome::Inconclusive => 2,
        Outcome::NotTried => 1,
        Outcome::Closed => 0,
    };
    outcomes.max_by_key(rank).unwrap_or(Outcome::NotTried)
}

/// The outcome of several controls, which all must get through.
fn worst_control(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let rank = |o: &Outcome| match o {
        Outcome::NotTried => 3,
        Outcome::Inconclusive => 2,
        Outcome::Closed => 1,
        Outcome::Through => 0,
    };
    outcomes.max_by_key(rank).unwrap_or(Outcome::NotTried)
}
