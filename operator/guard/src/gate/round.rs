//! One round: asks the controls, makes the probes, asks the witnesses what they saw. Dials.

use super::{icmp, lane, link_local, settings::Gate};
use crate::{
    clock::Clock,
    net::{ask, canary, canary::Answer, dial, dns, fresh_nonce},
};
use assistant_proof::{
    Outcome, PodKind, WITNESS_CONTROL_PORT, reason,
    rounds::{
        Asked, Attempt, CanaryAttempts, Fault, Heard, Judged, LaneSeen, Observed, Path, Run, Witness, egress, judge, witnesses,
    },
    wire::{self, Request},
};
use std::{
    net::{SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// Within this a whole round ends: both questions to the witnesses and all probes between them.
const ROUND: Duration = Duration::from_secs(3);
/// Time for one question of the line protocol.
const QUESTION: Duration = Duration::from_secs(2);
/// Time for a connection within the node: the kernel of the other side accepts it, no process has to run.
const NEAR_TCP: Duration = Duration::from_millis(300);
/// Time for an answer by UDP. One that comes later is found by asking the witness what it saw.
const NEAR_UDP: Duration = Duration::from_millis(200);
/// Time for a connection that may go far.
const FAR: Duration = Duration::from_millis(600);
/// Asked of the cluster's DNS: a name that exists nowhere (RFC 6761).
const DNS_NAME: &str = "gate.invalid";

/// Makes rounds.
pub struct Prober {
    /// What to probe.
    pub gate: Gate,
    /// For weighing the controls' times.
    pub clock: Clock,
    /// Says whether UDP may be tried.
    pub run: Arc<Mutex<Run>>,
}

impl Prober {
    /// One round, weighed.
    pub async fn round(&self) -> Judged {
        let end = Instant::now() + ROUND;
        let asked = [Asked::draw(fresh_nonce), Asked::draw(fresh_nonce)];
        let controls_nonce = fresh_nonce();
        let settings = &self.gate.settings;
        let [a, b] = settings.witnesses;
        let (round_a, round_b, controls) =
            tokio::join!(witness_round(a, &asked[0]), witness_round(b, &asked[1]), self.controls(&controls_nonce),);
        let now = self.clock.now();
        let rounds = [round_a, round_b];
        let pair = witnesses(&asked, &rounds, now, self.gate.own).ok();
        let allowed = egress(&controls_nonce, &controls, now).ok();
        let dns = allowed.map(|c| c.dns.address);

        let (((a, b), (dns_tcp, dns_udp)), (link_a, link_b), lane) = tokio::join!(
            self.pod_path(pair.as_ref(), &asked, dns),
            self.link_local_path(pair.as_ref(), &asked),
            self.lane(allowed),
        );
        // What lies beyond the node is dialled only once the canaries are closed: in the pod's first, open moments not even the
        // gate's own packets shall leave. UDP was tried exactly if that is so.
        let (outside, closed) = if [&a.1, &b.1].iter().all(|udp| udp.outcome != Outcome::NotTried) {
            tokio::join!(
                optional(allowed.and_then(|c| c.outside.as_ref()).map(|o| dial::knock(o.address.into(), FAR))),
                self.closed(),
            )
        } else {
            (Attempt::not_tried(), Vec::new())
        };
        let canaries = [(a, link_a), (b, link_b)].map(|((tcp, udp), (link_local_tcp, link_local_udp))| CanaryAttempts {
            tcp,
            udp,
            link_local_tcp,
            link_local_udp,
        });
        let seen = match &pair {
            Some([a, b]) => {
                let (a, b) = tokio::join!(seen(a, &asked[0], end), seen(b, &asked[1], end));
                [a, b]
            }
            None => [Heard::NotAsked, Heard::NotAsked],
        };
        let observed = Observed {
            now,
            seen_now: self.clock.now(),
            own: self.gate.own,
            asked,
            rounds,
            canaries,
            seen,
            controls_nonce,
            controls,
            dns_tcp,
            dns_udp,
            outside,
            icmp: icmp::attempt(),
            lane,
            closed,
        };
        judge(&self.gate.rules, &observed)
    }

    async fn controls(&self, nonce: &str) -> Heard<wire::Controls> {
        let settings = &self.gate.settings;
        let Some(control) = settings.egress_control else { return Heard::NotAsked };
        let lane = settings.lane.as_ref().map(|lane| lane.address.port());
        ask::ask(control, &Request::Controls { v: wire::VERSION, nonce: nonce.to_owned(), lane }, QUESTION).await
    }

    /// TCP at both canaries and the cluster's DNS; UDP there only once TCP is closed.
    async fn pod_path(&self, pair: Option<&[Witness; 2]>, asked: &[Asked; 2], dns: Option<SocketAddrV4>) -> PodPath {
        let none = Attempt::not_tried;
        let targets = pair.map(|p| [0, 1].map(|n| SocketAddr::from((p[n].address, assistant_proof::WITNESS_CANARY_PORT))));
        let at = |n: usize| targets.map(|t| t[n]);
        let (a, b, resolver) = tokio::join!(
            optional(at(0).map(|t| canary_tcp(t, &asked[0].tcp))),
            optional(at(1).map(|t| canary_tcp(t, &asked[1].tcp))),
            optional(dns.map(|d| dial::knock(d.into(), NEAR_TCP))),
        );
        let dns_wanted = self.gate.rules.kind == PodKind::Tier;
        let closed =
            [&a, &b].iter().all(|x| x.outcome == Outcome::Closed) && (!dns_wanted || resolver.outcome == Outcome::Closed);
        if !self.may_try_udp(Path::Pod, closed) {
            return (((a, none()), (b, none())), (resolver, none()));
        }
        let (a_udp, b_udp, dns_udp) = tokio::join!(
            optional(at(0).map(|t| self.udp(reason::CANARY_REACHED_UDP, t, canary_udp(t, &asked[0].udp)))),
            optional(at(1).map(|t| self.udp(reason::CANARY_REACHED_UDP, t, canary_udp(t, &asked[1].udp)))),
            optional(dns.map(|d| self.udp(reason::DNS_REACHED, d.into(), dns_udp(d.into())))),
        );
        (((a, a_udp), (b, b_udp)), (resolver, dns_udp))
    }

    /// The same at the canaries' link-local addresses, where there are any.
    async fn link_local_path(&self, pair: Option<&[Witness; 2]>, asked: &[Asked; 2]) -> (TcpUdp, TcpUdp) {
        let none = Attempt::not_tried;
        let target = |n: usize| pair.and_then(|p| p[n].link_local).map(link_local::target);
        let [at_a, at_b] = [target(0), target(1)];
        let (a, b) = tokio::join!(
            optional(at_a.clone().map(|at| reach(at, |t| canary_tcp(t, &asked[0].link_local_tcp)))),
            optional(at_b.clone().map(|at| reach(at, |t| canary_tcp(t, &asked[1].link_local_tcp)))),
        );
        let tried: Vec<Outcome> =
            [(&at_a, &a), (&at_b, &b)].iter().filter(|(at, _)| at.is_some()).map(|(_, x)| x.outcome).collect();
        let closed = !tried.is_empty() && tried.iter().all(|outcome| *outcome == Outcome::Closed);
        if !self.may_try_udp(Path::LinkLocal, closed) {
            return ((a, none()), (b, none()));
        }
        let (a_udp, b_udp) = tokio::join!(
            optional(at_a.map(|at| reach(at, |t| self.udp(reason::LINK_LOCAL_OPEN, t, canary_udp(t, &asked[0].link_local_udp))))),
            optional(at_b.map(|at| reach(at, |t| self.udp(reason::LINK_LOCAL_OPEN, t, canary_udp(t, &asked[1].link_local_udp))))),
        );
        ((a, a_udp), (b, b_udp))
    }

    /// An answer is told at once: the gate may end before this round does, and must not forget it.
    async fn udp(&self, reason: &'static str, target: SocketAddr, attempt: impl Future<Output = Attempt>) -> Attempt {
        let attempt = attempt.await;
        if attempt.outcome == Outcome::Through {
            let message =
                format!("{target} answered by UDP ({}); the flow may live on, so this pod must be replaced", attempt.detail);
            self.run.lock().expect("no code panics while it holds the run").answered_by_udp(Fault::new(reason, message));
        }
        attempt
    }

    fn may_try_udp(&self, path: Path, closed: bool) -> bool {
        self.run.lock().expect("no code panics while it holds the run").may_try_udp(path, closed)
    }

    async fn lane(&self, controls: Option<&wire::Controls>) -> LaneSeen {
        match (&self.gate.settings.lane, controls) {
            (Some(target), Some(controls)) => lane::attempt(target, controls.lane_host.as_deref()).await,
            _ => LaneSeen::NotTried,
        }
    }

    async fn closed(&self) -> Vec<(String, Attempt)> {
        let mut tasks = tokio::task::JoinSet::new();
        for (name, address) in self.gate.closed.clone() {
            tasks.spawn(async move { (name, dial::knock(address, FAR).await) });
        }
        let mut attempts = tasks.join_all().await;
        attempts.sort_by(|(one, _), (other, _)| one.cmp(other));
        attempts
    }
}

type TcpUdp = (Attempt, Attempt);
/// Both canaries, then the cluster's DNS.
type PodPath = ((TcpUdp, TcpUdp), TcpUdp);

async fn optional(attempt: Option<impl Future<Output = Attempt>>) -> Attempt {
    match attempt {
        Some(attempt) => attempt.await,
        None => Attempt::not_tried(),
    }
}

/// Dials, unless it is known beforehand what would come of it.
async fn reach<F: Future<Output = Attempt>>(at: Result<SocketAddr, Attempt>, dial: impl FnOnce(SocketAddr) -> F) -> Attempt {
    match at {
        Ok(target) => dial(target).await,
        Err(known) => known,
    }
}

async fn canary_tcp(target: SocketAddr, nonce: &str) -> Attempt {
    met(target, canary::tcp(target, nonce, NEAR_TCP, NEAR_UDP).await)
}

async fn canary_udp(target: SocketAddr, nonce: &str) -> Attempt {
    met(target, canary::udp(target, nonce, NEAR_UDP).await)
}

/// Whatever answered, it was reached.
fn met(target: SocketAddr, result: std::io::Result<Answer>) -> Attempt {
    match result {
        Ok(Answer::Proper(letter)) => Attempt { outcome: Outcome::Through, detail: format!("as witness {letter}") },
        Ok(Answer::Other(what)) => {
            Attempt { outcome: Outcome::Through, detail: format!("something other than the canary: {what}") }
        }
        Err(error) => dial::attempt(&error, &target),
    }
}

/// Any datagram back is an answer.
async fn dns_udp(target: SocketAddr) -> Attempt {
    let [high, low, ..] = crate::net::random();
    let question = dns::question(u16::from_be_bytes([high, low]), DNS_NAME).expect("a constant and well-formed name");
    match dial::datagram(target, &question, NEAR_UDP).await {
        Ok(_) => Attempt { outcome: Outcome::Through, detail: format!("{target} answered") },
        Err(error) => dial::attempt(&error, &target),
    }
}

async fn witness_round(control: SocketAddrV4, asked: &Asked) -> Heard<wire::Round> {
    ask::ask(control, &Request::Round { v: wire::VERSION, nonce: asked.round.clone() }, QUESTION).await
}

/// Asks the very pod whose canary was probed, not its Service, which may lead to another during a rollout.
async fn seen(witness: &Witness, asked: &Asked, end: Instant) -> Heard<wire::Seen> {
    let left = end.saturating_duration_since(Instant::now()).min(QUESTION);
    let nonces = asked.probes().map(str::to_owned).to_vec();
    let request = Request::Seen { v: wire::VERSION, nonce: asked.seen.clone(), nonces };
    ask::ask(SocketAddrV4::new(witness.address, WITNESS_CONTROL_PORT), &request, left).await
}
