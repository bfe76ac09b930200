//! `guard gate`: the first init container of every pod. Ends with 0 only when everything that must be closed has been shown
//! to be closed, beside controls that show it was alive. The logic is `assistant_proof::rounds`; here are its edges.
//!
//! [`settings`] reads the environment, [`round`] makes the probes of one round, [`report`] writes what came of it.

mod icmp;
mod lane;
mod link_local;
mod report;
mod round;
mod settings;

use crate::{UNUSABLE, clock::Clock, net};
use assistant_proof::{
    Evidence, Verdict, reason,
    rounds::{Judged, Run},
};
use round::Prober;
use settings::Gate;
use std::{
    io,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::MissedTickBehavior,
};

/// Rounds in flight at most: what waits for a silent control must not use up this pod's sockets or a witness's patience.
const IN_FLIGHT: usize = 8;

/// Runs the gate to its verdict.
pub fn run(clock: Clock) -> ExitCode {
    let evidence = match settings::read() {
        Err(message) => unusable(message, clock),
        Ok(gate) => match report::Marker::open() {
            Err(message) => unusable(message, clock),
            Ok(marker) => match marker.earlier() {
                Some(earlier) => report::earlier_breach(&earlier, clock.now()),
                None => prove(gate, clock, &marker),
            },
        },
    };
    let code = match evidence.verdict {
        Verdict::Closed => 0,
        Verdict::Breach => 1,
        Verdict::Inconclusive if evidence.reason == reason::SETTINGS_UNUSABLE => UNUSABLE,
        Verdict::Inconclusive => 2,
    };
    match report::write(&evidence) {
        Ok(()) => ExitCode::from(code),
        // A proof that nobody can read is none.
        Err(message) => {
            eprintln!("guard gate: {message}");
            ExitCode::from(if code == 0 { 2 } else { code })
        }
    }
}

fn prove(gate: Gate, clock: Clock, marker: &report::Marker) -> Evidence {
    let proven = net::runtime().and_then(|runtime| runtime.block_on(rounds(gate, clock)));
    let evidence = proven.unwrap_or_else(|error| {
        let message = format!("the gate could not start: {error}");
        report::inconclusive(reason::PROBE_IMPOSSIBLE, message, clock.now())
    });
    if evidence.replace_pod {
        return marker.leave(evidence);
    }
    evidence
}

/// Starts a round every interval, weighs them as they end, and stops at a verdict, the deadline or SIGTERM.
async fn rounds(gate: Gate, clock: Clock) -> io::Result<Evidence> {
    let began = Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let run = Arc::new(Mutex::new(Run::new(gate.rules.clone())));
    let end = tokio::time::sleep(Duration::from_secs(gate.rules.deadline_seconds.into()));
    let mut ticks = tokio::time::interval(gate.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let prober = Arc::new(Prober { gate, clock, run: run.clone() });
    let mut in_flight: JoinSet<(u32, Duration, Judged)> = JoinSet::new();
    let mut number = 0;
    let held = || run.lock().expect("no code panics while it holds the run");
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => return Ok(held().interrupted(clock.now())),
            () = &mut end => return Ok(held().give_up(clock.now())),
            Some(done) = in_flight.join_next() => {
                let (number, at, judged) = done.map_err(|error| io::Error::other(format!("a round ended early: {error}")))?;
                if let Some(evidence) = held().take(number, at, judged, clock.now()) {
                    return Ok(evidence);
                }
            }
            _ = ticks.tick(), if in_flight.len() < IN_FLIGHT => {
                let (prober, at) = (prober.clone(), began.elapsed());
                in_flight.spawn(async move { (number, at, prober.round().await) });
                number += 1;
            }
        }
    }
}

fn unusable(message: String, clock: Clock) -> Evidence {
    report::inconclusive(reason::SETTINGS_UNUSABLE, message, clock.now())
}
