//! One look at the sibling and at oneself: are the canaries alive and open to an unfenced pod now? Dials.

use super::Witness;
use crate::net::{ask, canary, canary::Answer, dial, dns, fresh_nonce};
use assistant_proof::{
    Outcome, WITNESS_CANARY_PORT, WITNESS_CONTROL_PORT,
    rounds::Heard,
    wire::{self, Request},
};
use std::{
    error::Error as _,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    path::Path,
    time::{Duration, Instant},
};

/// Time for each of the steps hello, dial, confirm: together, with a name to resolve, they stay below the asker's 2 s.
const STEP: Duration = Duration::from_millis(400);
/// Time for one name server.
const RESOLVE: Duration = Duration::from_millis(200);
/// How long the sibling's Service address is believed without asking again. Whoever answers there has to prove itself anyway.
const RESOLVED: Duration = Duration::from_secs(10);

/// What one look showed.
#[derive(Clone, Debug)]
pub struct Look {
    /// The sibling's pod address; `None`: its control did not answer.
    pub sibling: Option<Ipv4Addr>,
    /// The letter its canary answered with.
    pub sibling_witness: Option<String>,
    /// Its canary by TCP, confirmed by its control.
    pub tcp: Outcome,
    /// Its canary by UDP, confirmed by its control.
    pub udp: Outcome,
    /// Why it was not reached.
    pub error: Option<String>,
    /// One's own link-local address.
    pub link_local: Option<Ipv6Addr>,
    /// One's own canary there.
    pub link_local_own: Outcome,
}

impl Witness {
    pub(super) async fn look(self: &std::sync::Arc<Self>) -> Look {
        let (mut look, (link_local, link_local_own)) = tokio::join!(self.sibling(), self.own_link_local());
        (look.link_local, look.link_local_own) = (link_local, link_local_own);
        look
    }

    async fn sibling(&self) -> Look {
        let mut look = Look {
            sibling: None,
            sibling_witness: None,
            tcp: Outcome::NotTried,
            udp: Outcome::NotTried,
            error: None,
            link_local: None,
            link_local_own: Outcome::NotTried,
        };
        if let Err(error) = self.reach(&mut look).await {
            look.error = Some(error);
        }
        look
    }

    /// Fills in `look` as far as it gets; the error says in a few words where it ended.
    async fn reach(&self, look: &mut Look) -> Result<(), String> {
        let service = SocketAddrV4::new(self.service().await?, WITNESS_CONTROL_PORT);
        let nonce = fresh_nonce();
        let request = Request::Hello { v: wire::VERSION, nonce: nonce.clone() };
        let hello: wire::Hello = heard("its control", ask::ask(service, &request, STEP).await)?;
        if hello.nonce != nonce || hello.witness == self.letter {
            return Err(format!("{service} answered as witness {:?}, which is not the sibling", hello.witness));
        }
        look.sibling = Some(hello.own);

        let canary = SocketAddr::from((hello.own, WITNESS_CANARY_PORT));
        let (by_tcp, by_udp) = (fresh_nonce(), fresh_nonce());
        let (tcp, udp) = tokio::join!(canary::tcp(canary, &by_tcp, STEP, STEP), canary::udp(canary, &by_udp, STEP));
        let (mut errors, mut letters) = (Vec::new(), Vec::new());
        look.tcp = weigh("TCP", &canary, tcp, &mut letters, &mut errors);
        look.udp = weigh("UDP", &canary, udp, &mut letters, &mut errors);
        look.sibling_witness = letters.iter().find(|l| **l != hello.witness).or(letters.first()).cloned();
        if !errors.is_empty() {
            return Err(errors.join("; "));
        }

        let nonce = fresh_nonce();
        let nonces = vec![by_tcp, by_udp];
        let request = Request::Seen { v: wire::VERSION, nonce: nonce.clone(), nonces: nonces.clone() };
        let control = SocketAddrV4::new(hello.own, WITNESS_CONTROL_PORT);
        let seen: wire::Seen = heard("its control, asked what it saw,", ask::ask(control, &request, STEP).await)?;
        let same = seen.nonce == nonce && seen.instance == hello.instance && seen.witness == hello.witness;
        if !same || nonces.iter().any(|nonce| !seen.seen.contains(nonce)) {
            (look.tcp, look.udp) = (Outcome::Inconclusive, Outcome::Inconclusive);
            return Err(format!("{control} does not confirm what its canary answered"));
        }
        Ok(())
    }

    /// Address of the sibling's Service.
    async fn service(&self) -> Result<Ipv4Addr, String> {
        if let Ok(address) = self.sibling.parse() {
            return Ok(address);
        }
        let known = *self.resolved.lock().expect("no code panics while it holds the address");
        if let Some((at, address)) = known
            && at.elapsed() < RESOLVED
        {
            return Ok(address);
        }
        let began = Instant::now();
        let address = match (dns::resolve(&self.sibling, Path::new(dns::RESOLV_CONF), RESOLVE).await, known) {
            (Ok(addresses), _) => addresses[0],
            // A slow name server must not cost a proof: a Service keeps its address for its life.
            (Err(_), Some((_, address))) => return Ok(address),
            (Err(error), None) => {
                let cause = error.source().map(|c| format!(": {c}")).unwrap_or_default();
                return Err(format!("{error}{cause}"));
            }
        };
        *self.resolved.lock().expect("no code panics while it holds the address") = Some((began, address));
        Ok(address)
    }

    /// One's own link-local address and whether one's own canary answers there.
    async fn own_link_local(self: &std::sync::Arc<Self>) -> (Option<Ipv6Addr>, Outcome) {
        let link = match self.listen_link_local().await {
            Ok(None) => return (None, Outcome::NotTried),
            Ok(Some(link)) => link,
            Err((link, _)) => return (link.map(|l| l.address), Outcome::Inconclusive),
        };
        let canary = SocketAddr::V6(SocketAddrV6::new(link.address, WITNESS_CANARY_PORT, 0, link.scope));
        let (by_tcp, by_udp) = (fresh_nonce(), fresh_nonce());
        let (tcp, udp) = tokio::join!(canary::tcp(canary, &by_tcp, STEP, STEP), canary::udp(canary, &by_udp, STEP));
        let own = Answer::Proper(self.letter.clone());
        let through = matches!(&tcp, Ok(answer) if *answer == own) && matches!(&udp, Ok(answer) if *answer == own);
        (Some(link.address), if through { Outcome::Through } else { Outcome::Closed })
    }
}

fn heard<T>(who: &str, heard: Heard<T>) -> Result<T, String> {
    match heard {
        Heard::Answer(answer) => Ok(answer),
        Heard::Silent(why) | Heard::Declined(why) | Heard::Garbled(why) | Heard::Impossible(why) => {
            Err(format!("{who} does not answer: {why}"))
        }
        Heard::NotAsked => Err(format!("{who} was not asked")),
    }
}

fn weigh(
    how: &str,
    canary: &SocketAddr,
    result: io::Result<Answer>,
    letters: &mut Vec<String>,
    errors: &mut Vec<String>,
) -> Outcome {
    match result {
        Ok(Answer::Proper(letter)) => {
            letters.push(letter);
            Outcome::Through
        }
        Ok(Answer::Other(what)) => {
            errors.push(format!("its canary {canary} by {how} {what}"));
            Outcome::Inconclusive
        }
        Err(error) => {
            errors.push(format!("its canary {canary} by {how}: {error}"));
            dial::outcome(&error, canary)
        }
    }
}
