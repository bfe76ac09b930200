//! `guard witness`: one of the two unfenced pods on a node that keep every proof honest. Listens on the control port and on
//! the canary port, and dials its sibling when it is asked.
//!
//! [`control`] answers questions, [`canary`] takes nonces, [`memory`] keeps them, [`look`] looks at the sibling.

mod canary;
mod control;
mod limits;
mod link_local;
mod look;
mod memory;

use crate::{UNUSABLE, clock::Clock, net};
use assistant_proof::{WITNESS_CANARY_PORT, WITNESS_CONTROL_PORT, WitnessSettings, nonce, rounds::LETTERS};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Instant,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    signal::unix::{SignalKind, signal},
};

/// Everything one witness knows.
pub struct Witness {
    letter: String,
    own: Ipv4Addr,
    sibling: String,
    /// Random word of this process.
    instance: String,
    clock: Clock,
    began: Instant,
    memory: Mutex<memory::Memory>,
    udp: Arc<UdpSocket>,
    link_local: Mutex<Option<link_local::Bound>>,
    binding: tokio::sync::Mutex<()>,
    latest: Mutex<Option<Arc<control::SharedLook>>>,
    resolved: Mutex<Option<(Instant, Ipv4Addr)>>,
}

/// Runs the witness until SIGTERM.
pub fn run(clock: Clock) -> ExitCode {
    let (settings, own) = match settings() {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("guard witness: {message}");
            return ExitCode::from(UNUSABLE);
        }
    };
    let served = net::runtime().and_then(|runtime| runtime.block_on(serve(settings, own, clock)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guard witness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings() -> Result<(WitnessSettings, Ipv4Addr), String> {
    let text = std::env::var("GUARD_WITNESS").map_err(|_| "GUARD_WITNESS is not set; it holds the settings as JSON")?;
    let settings: WitnessSettings = serde_json::from_str(&text).map_err(|e| format!("GUARD_WITNESS: {e}"))?;
    if !LETTERS.contains(&settings.name.as_str()) {
        return Err(format!("GUARD_WITNESS: name is {:?}; a or b is allowed", settings.name));
    }
    if settings.sibling.is_empty() {
        return Err("GUARD_WITNESS: sibling is empty; a DNS name or an IPv4 address is allowed".into());
    }
    let own = std::env::var("POD_IP").map_err(|_| "POD_IP is not set; it is the pod's own IPv4 address")?;
    let own = own.parse().map_err(|_| format!("POD_IP is {own:?}; an IPv4 address is allowed"))?;
    Ok((settings, own))
}

async fn serve(settings: WitnessSettings, own: Ipv4Addr, clock: Clock) -> io::Result<()> {
    // As PID 1 nothing ends this process but a signal it handles.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Bound to IPv4 on purpose: on IPv6 only the link-local canary listens.
    let control = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, WITNESS_CONTROL_PORT))).await?;
    let (listener, udp) = canary::bind((Ipv4Addr::UNSPECIFIED, WITNESS_CANARY_PORT).into()).await?;
    let witness = Arc::new(Witness {
        letter: settings.name,
        own,
        sibling: settings.sibling,
        instance: nonce::text(net::random()),
        clock,
        began: Instant::now(),
        memory: Mutex::default(),
        udp: udp.clone(),
        link_local: Mutex::default(),
        binding: tokio::sync::Mutex::default(),
        latest: Mutex::default(),
        resolved: Mutex::default(),
    });
    println!("witness {} at {own}: control {WITNESS_CONTROL_PORT}, canary {WITNESS_CANARY_PORT}", witness.letter);
    tokio::select! {
        () = control::serve(witness.clone(), control) => {}
        () = canary::tcp(witness.clone(), listener) => {}
        () = canary::udp(witness.clone(), udp) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
