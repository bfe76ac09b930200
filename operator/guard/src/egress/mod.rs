//! `guard egress`: the first process of an egress pod. It turns the plan into a configuration, runs Squid on it, and says what Squid
//! does: to gates on the control port, to the operator on the admin port, one line a decision on stdout.
//!
//! [`supervisor`] decides when Squid is started, told to read again, or ended; [`process`] and [`children`] do it; [`files`] reads and
//! watches; [`state`] is what the two listeners [`control`] and [`admin`] show; [`decisions`] keeps what the log said.

mod admin;
mod certificate;
mod children;
mod control;
mod decisions;
mod files;
mod metrics;
mod pipes;
mod probe;
mod process;
mod secret;
mod state;
mod supervisor;

use crate::{UNUSABLE, clock::Clock, net};
use assistant_proof::EgressSettings;
use std::{io, path::Path, process::ExitCode, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the egress pod's first process until SIGTERM.
pub fn run(clock: Clock) -> ExitCode {
    let settings = match settings() {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("guard egress: {message}");
            return ExitCode::from(UNUSABLE);
        }
    };
    match net::runtime().and_then(|runtime| runtime.block_on(serve(settings, clock))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guard egress: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings() -> Result<EgressSettings, String> {
    let text = std::env::var("GUARD_EGRESS").map_err(|_| "GUARD_EGRESS is not set; it holds the settings as JSON")?;
    let settings: EgressSettings = serde_json::from_str(&text).map_err(|e| format!("GUARD_EGRESS: {e}"))?;
    let paths = [
        ("planDir", &settings.plan_dir),
        ("authDir", &settings.auth_dir),
        ("adminTokenFile", &settings.admin_token_file),
        ("runDir", &settings.run_dir),
    ];
    for (field, path) in paths {
        // They are written into squid.conf, where a space ends a word.
        let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        if !Path::new(path).is_absolute() || !plain {
            return Err(format!("GUARD_EGRESS: {field} is {path:?}; an absolute path of letters, digits and / . _ - is allowed"));
        }
    }
    Ok(settings)
}

async fn serve(settings: EgressSettings, clock: Clock) -> io::Result<()> {
    // As PID 1 nothing ends this process but a signal it handles.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let children = children::Children::start()?;
    certificate::write(Path::new(&settings.run_dir))?;
    let state = Arc::new(state::State::default());
    let changes = files::watch(&[&settings.plan_dir, &settings.auth_dir]);

    let admin = admin::bind().await?;
    let mut supervisor = supervisor::Supervisor::new(&settings, clock, state.clone(), children);
    tokio::select! {
        () = supervisor.run(changes) => {}
        () = admin::serve(admin, state.clone(), settings.admin_token_file.clone().into()) => {}
        () = control::serve(state, clock) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    supervisor.end().await;
    Ok(())
}
