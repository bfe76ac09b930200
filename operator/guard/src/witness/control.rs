//! The control port of a witness: one JSON line each way. Listens; dials the sibling, itself, or the asker's lane ports.

use super::{Witness, canary, limits, look::Look};
use crate::net::{ask, dial, serve};
use assistant_proof::{
    LANE_PORTS, WITNESS_CANARY_PORT, nonce,
    wire::{self, Request},
};
use serde::Serialize;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::OnceCell,
};

/// A look that began at most this long before a request arrived may serve it: "now" to a gate that asks every 250 ms, while
/// many gates at once cost one look.
const SHARED: Duration = Duration::from_millis(100);
/// Time for dialling an asker's lane port.
const LANE: Duration = Duration::from_millis(500);

/// A look in progress or done.
pub struct SharedLook {
    began: Instant,
    cell: OnceCell<Look>,
}

/// Serves the control port until dropped.
pub async fn serve(witness: Arc<Witness>, listener: TcpListener) {
    serve::connections(listener, limits::CONTROL, |stream, source| one(witness.clone(), stream, source)).await;
}

async fn one(witness: Arc<Witness>, mut stream: TcpStream, source: SocketAddr) {
    let arrived = Instant::now();
    let Ok(line) = ask::read_line(&mut stream, wire::REQUEST_BYTES).await else { return };
    let mut reply = match read(&line) {
        Ok(request) => witness.answer(request, source.ip(), arrived).await,
        Err(error) => failure(error),
    };
    reply.push(b'\n');
    // An asker that has gone needs no answer.
    let _ = stream.write_all(&reply).await;
    let _ = stream.shutdown().await;
}

/// A request this witness answers, or the sentence that says why not.
fn read(line: &[u8]) -> Result<Request, String> {
    let request: Request = serde_json::from_slice(line).map_err(|e| format!("not a request of this protocol: {e}"))?;
    let v = request.version();
    // One version back as well: gates of an older operator are asked by its pods during a rollout.
    if v != wire::VERSION && v + 1 != wire::VERSION {
        return Err(format!("version {v} is not spoken here; {} and the one before are", wire::VERSION));
    }
    if nonce::number(request.nonce().as_bytes()).is_none() {
        return Err("nonce is not 32 lower-case hex digits".into());
    }
    match &request {
        Request::Seen { nonces, .. } if nonces.len() > wire::SEEN_NONCES => {
            Err(format!("{} nonces; at most {} are allowed", nonces.len(), wire::SEEN_NONCES))
        }
        Request::Lane { port, .. } if !LANE_PORTS.contains(port) => {
            Err(format!("port {port} is no lane; {} to {} are", LANE_PORTS.start(), LANE_PORTS.end()))
        }
        Request::Controls { .. } => Err("controls is asked of an egress pod, not of a witness".into()),
        _ => Ok(request),
    }
}

impl Witness {
    async fn answer(self: &Arc<Self>, request: Request, source: IpAddr, arrived: Instant) -> Vec<u8> {
        let witness = self.letter.clone();
        match request {
            Request::Hello { v, nonce } => {
                let instance = self.instance.clone();
                json(&wire::Hello { v, witness, at: self.clock.now(), nonce, own: self.own, instance })
            }
            Request::Round { v, nonce } => {
                let look = self.shared_look(arrived).await;
                json(&wire::Round {
                    v,
                    witness,
                    at: self.clock.now(),
                    nonce,
                    own: self.own,
                    instance: self.instance.clone(),
                    sibling: look.sibling,
                    sibling_witness: look.sibling_witness,
                    canary_port: WITNESS_CANARY_PORT,
                    tcp: look.tcp,
                    udp: look.udp,
                    sibling_error: look.error,
                    link_local: look.link_local,
                    link_local_own: look.link_local_own,
                })
            }
            Request::Seen { v, nonce, nonces } => {
                // A datagram that arrived before this question must be in the answer, read already or not.
                self.drain();
                let memory = self.memory.lock().expect("no code panics while it holds the memory");
                let saw = |text: &String| nonce::number(text.as_bytes()).is_some_and(|n| memory.saw(n));
                let seen = nonces.into_iter().filter(saw).collect();
                let complete = memory.complete(self.began.elapsed());
                let instance = self.instance.clone();
                json(&wire::Seen { v, witness, at: self.clock.now(), nonce, instance, seen, complete })
            }
            Request::Lane { v, nonce, port } => {
                let outcome = dial::knock(SocketAddr::new(source, port), LANE).await.outcome;
                json(&wire::Lane { v, witness, nonce, outcome })
            }
            Request::Controls { .. } => failure("controls is asked of an egress pod, not of a witness".into()),
        }
    }

    /// The latest look if it is fresh enough for a request that arrived then, else a new one.
    async fn shared_look(self: &Arc<Self>, arrived: Instant) -> Look {
        let shared = {
            let mut latest = self.latest.lock().expect("no code panics while it holds the latest look");
            match &*latest {
                Some(look) if look.began + SHARED >= arrived => look.clone(),
                _ => {
                    let fresh = Arc::new(SharedLook { began: Instant::now(), cell: OnceCell::new() });
                    *latest = Some(fresh.clone());
                    fresh
                }
            }
        };
        // Whoever waits goes on with the look if the one who began it is cut off.
        shared.cell.get_or_init(|| self.look()).await.clone()
    }

    fn drain(&self) {
        canary::drain(self, &self.udp);
        let link_local = self.link_local.lock().expect("no code panics while it holds the link");
        if let Some(bound) = &*link_local {
            canary::drain(self, bound.socket());
        }
    }
}

fn json<T: Serialize>(reply: &T) -> Vec<u8> {
    serde_json::to_vec(reply).expect("a reply is strings, numbers and lists: always JSON")
}

fn failure(error: String) -> Vec<u8> {
    json(&wire::Failure { error })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn this_version_and_the_one_before_are_answered() {
        for (v, answered) in [(wire::VERSION, true), (wire::VERSION - 1, true), (wire::VERSION + 1, false), (u32::MAX - 1, false)]
        {
            assert_eq!(read(format!(r#"{{"v":{v},"op":"round","nonce":"{NONCE}"}}"#).as_bytes()).is_ok(), answered, "{v}");
        }
    }

    #[test]
    fn what_is_not_a_question_for_a_witness_is_refused_with_a_sentence() {
        let many = vec![format!("{NONCE:?}"); 17].join(",");
        for (line, named) in [
            ("hello".to_owned(), "protocol"),
            (format!(r#"{{"v":1,"op":"dial","nonce":"{NONCE}"}}"#), "dial"),
            (r#"{"v":1,"op":"round","nonce":"x"}"#.into(), "nonce"),
            (format!(r#"{{"v":1,"op":"lane","nonce":"{NONCE}","port":22}}"#), "22"),
            (format!(r#"{{"v":1,"op":"lane","nonce":"{NONCE}","port":4000}}"#), "4000"),
            (format!(r#"{{"v":1,"op":"seen","nonce":"{NONCE}","nonces":[{many}]}}"#), "17"),
            (format!(r#"{{"v":1,"op":"controls","nonce":"{NONCE}"}}"#), "egress"),
        ] {
            let error = read(line.as_bytes()).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
