//! Double of witness b that can lie: speaks the whole protocol towards the real witness a and the gate. Listens and dials in
//! the lab's `wb` namespace.

use crate::{
    lab::{Lab, WITNESS_A, WITNESS_B},
    world::{datagrams, line, listen},
};
use assistant_proof::{
    Outcome,
    wire::{Hello, Request, Round, Seen},
};
use jiff::Timestamp;
use std::{
    collections::HashSet,
    io::Write,
    net::{IpAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// What the double does otherwise than a witness. Each changes a sound answer before it is sent.
#[derive(Clone, Copy)]
pub struct Lies {
    pub round: fn(&mut Round),
    pub seen: fn(&mut Seen),
    /// The canary's answer to this nonce from this source.
    pub canary: fn(&str, IpAddr) -> String,
    /// Instead of any answer to `round`.
    pub noise: Option<&'static str>,
}

impl Default for Lies {
    fn default() -> Self {
        Self { round: |_| {}, seen: |_| {}, canary: |nonce, _| format!("b {nonce}\n"), noise: None }
    }
}

/// A running double.
pub struct Double {
    stop: Arc<AtomicBool>,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Lab {
    pub fn lying_witness(&self, lies: Lies) -> Double {
        let stop: Arc<AtomicBool> = Arc::default();
        let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
        let memory = seen.clone();
        listen(self, "wb", format!("{WITNESS_B}:7070"), &stop, move |stream| control(stream, lies, &memory));
        let memory = seen.clone();
        listen(self, "wb", format!("{WITNESS_B}:7071"), &stop, move |mut stream| {
            let Some(nonce) = line(&stream) else { return };
            memory.lock().unwrap().insert(nonce.trim_end().to_owned());
            let Ok(peer) = stream.peer_addr() else { return };
            let _ = stream.write_all((lies.canary)(nonce.trim_end(), peer.ip()).as_bytes());
        });
        let (socket, end) = (self.udp("wb", format!("{WITNESS_B}:7071")), stop.clone());
        std::thread::spawn(move || {
            datagrams(&socket, &end, |bytes, source| {
                let nonce = String::from_utf8_lossy(bytes).trim_end().to_owned();
                let answer = (lies.canary)(&nonce, source.ip()).into_bytes();
                seen.lock().unwrap().insert(nonce);
                Some(answer)
            });
        });
        Double { stop }
    }
}

fn control(mut stream: TcpStream, lies: Lies, memory: &Mutex<HashSet<String>>) {
    let Some(Ok(request)) = line(&stream).map(|l| serde_json::from_str::<Request>(&l)) else { return };
    let (witness, at, instance, own) = ("b".to_owned(), Timestamp::now(), "double".to_owned(), WITNESS_B.parse().unwrap());
    let reply = match request {
        Request::Hello { v, nonce } => serde_json::to_string(&Hello { v, witness, at, nonce, own, instance }),
        Request::Seen { v, nonce, nonces } => {
            let held = memory.lock().unwrap();
            let seen = nonces.into_iter().filter(|n| held.contains(n)).collect();
            let mut reply = Seen { v, witness, at, nonce, instance, seen, complete: true };
            (lies.seen)(&mut reply);
            serde_json::to_string(&reply)
        }
        Request::Round { v, nonce } => {
            let mut reply = Round {
                v,
                witness,
                at,
                nonce,
                own,
                instance,
                sibling: Some(WITNESS_A.parse().unwrap()),
                sibling_witness: Some("a".into()),
                canary_port: 7071,
                tcp: Outcome::Through,
                udp: Outcome::Through,
                sibling_error: None,
                link_local: None,
                link_local_own: Outcome::NotTried,
            };
            (lies.round)(&mut reply);
            match lies.noise {
                Some(noise) => Ok(noise.to_owned()),
                None => serde_json::to_string(&reply),
            }
        }
        Request::Lane { .. } | Request::Controls { .. } => return,
    };
    let _ = writeln!(stream, "{}", reply.unwrap());
}
