//! The control port, for gates: what this pod, which may, reached within the last second. It listens only while Squid listens on every
//! port of a plan, so that a TCP connection to it is also the kubelet's readiness. Listens.

use super::{probe::Probe, state::State};
use crate::{
    clock::Clock,
    net::{ask, caps::Limits, dns, serve},
};
use assistant_proof::{
    CONTROL_PORT, nonce,
    wire::{self, Controls, Request},
};
use serde::Serialize;
use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

/// A gate asks four times a second and waits for each answer; several tiers may start at once.
const LIMITS: Limits = Limits { open: 512, open_per_source: 16, per_second: 32, burst: 64, sources: 1024 };
/// Before another try to open the port.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves whenever Squid is ready, until dropped.
pub async fn serve(state: Arc<State>, clock: Clock) {
    let probe = Arc::new(Probe::new(Path::new(dns::RESOLV_CONF)));
    let mut ready = state.ready();
    // The sender lives in `state`, so these waits end only with readiness.
    while ready.wait_for(|ready| *ready).await.is_ok() {
        match TcpListener::bind((Ipv4Addr::UNSPECIFIED, CONTROL_PORT)).await {
            Ok(listener) => {
                tokio::select! {
                    () = serve::connections(listener, LIMITS, |stream, _| one(stream, state.clone(), probe.clone(), clock)) => {}
                    _ = ready.wait_for(|ready| !*ready) => {}
                }
            }
            Err(error) => {
                eprintln!("guard egress: control port: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn one(mut stream: TcpStream, state: Arc<State>, probe: Arc<Probe>, clock: Clock) {
    // Who connects and says nothing is the kubelet.
    let Ok(line) = ask::read_line(&mut stream, wire::REQUEST_BYTES).await else { return };
    let mut reply = match read(&line) {
        Ok((nonce, lane)) => match controls(nonce, lane, &state, &probe, clock).await {
            Ok(controls) => json(&controls),
            Err(error) => failure(&error),
        },
        Err(error) => failure(&error),
    };
    reply.push(b'\n');
    // An asker that has gone needs no answer.
    let _ = stream.write_all(&reply).await;
    let _ = stream.shutdown().await;
}

/// Nonce and lane of a request this port answers, or the sentence that says why not.
fn read(line: &[u8]) -> Result<(String, Option<u16>), String> {
    let request: Request = serde_json::from_slice(line).map_err(|e| format!("not a request of this protocol: {e}"))?;
    let v = request.version();
    // One version back as well: gates of an older operator ask here during a rollout.
    if v != wire::VERSION && v + 1 != wire::VERSION {
        return Err(format!("version {v} is not spoken here; {} and the one before are", wire::VERSION));
    }
    let Request::Controls { nonce: asked, lane, .. } = request else {
        return Err("an egress pod answers only the op \"controls\"".into());
    };
    if nonce::number(asked.as_bytes()).is_none() {
        return Err("nonce is not 32 lower-case hex digits".into());
    }
    Ok((asked, lane))
}

async fn controls(nonce: String, lane: Option<u16>, state: &State, probe: &Probe, clock: Clock) -> Result<Controls, String> {
    let running = state.view().running.ok_or("there is no plan yet")?;
    let reached = probe.reached(&running).await;
    Ok(Controls {
        v: wire::VERSION,
        at: clock.now(),
        nonce,
        dns: reached.dns.ok_or("/etc/resolv.conf names no name server with an IPv4 address")?,
        outside: reached.outside,
        plan_digest: running.digest.clone(),
        ready: *state.ready().borrow(),
        lane_host: lane.and_then(|port| running.reach.sample_host(port)).map(|host| host.to_string()),
    })
}

fn failure(error: &str) -> Vec<u8> {
    json(&wire::Failure { error: error.chars().take(300).collect() })
}

fn json(reply: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(reply).expect("strings, numbers and lists serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_controls_in_a_version_that_is_spoken_with_a_nonce() {
        let nonce = "0123456789abcdef0123456789abcdef";
        let with =
            |op: &str, v: u32, nonce: &str| read(format!(r#"{{"v":{v},"op":"{op}","nonce":"{nonce}","lane":3200}}"#).as_bytes());
        assert_eq!(with("controls", wire::VERSION, nonce), Ok((nonce.to_owned(), Some(3200))));
        assert!(with("controls", wire::VERSION + 1, nonce).is_err());
        assert!(with("round", wire::VERSION, nonce).unwrap_err().contains("controls"));
        assert!(with("controls", wire::VERSION, "x").unwrap_err().contains("32"));
        assert!(read(b"GET / HTTP/1.1").is_err());
    }
}
