//! Squid as a process: checking a configuration, starting, and whether its ports listen. Starts processes, dials loopback.

use super::{
    children::{Children, Ended, Process},
    pipes,
    state::State,
};
use rustix::process::Signal;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpStream, sync::watch, time::Instant};

/// The proxy.
const SQUID: &str = "/usr/sbin/squid";
/// What checks passwords.
pub const AUTH_HELPER: &str = "/usr/lib/squid/basic_ncsa_auth";
/// How long a check may take. Squid needs a time that grows with the square of the hosts: 4,096 of them take many seconds.
const CHECK: Duration = Duration::from_secs(120);
/// Distance between two looks at a port that does not listen yet.
const KNOCK: Duration = Duration::from_millis(20);
/// How long Squid's word is waited for after a reload.
const RELOAD: Duration = Duration::from_secs(10);
/// Most complaints of a check that are repeated.
const COMPLAINTS: usize = 3;

/// Lets Squid read a configuration without running it. `Err` holds its complaint.
pub async fn check(children: &Children, file: &Path) -> Result<(), String> {
    let mut command = Command::new(SQUID);
    command.args(["-k", "parse", "-f"]).arg(file).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut process, mut child) = children.spawn(&mut command).map_err(|error| format!("{SQUID} cannot be started: {error}"))?;
    let complaints = Mutex::new(Vec::new());
    let read = async {
        if let Some(pipe) = child.stderr.take() {
            let keep = |line: &[u8]| {
                let line = String::from_utf8_lossy(line);
                let mut kept = complaints.lock().expect("no code panics while it holds the list");
                if kept.len() < COMPLAINTS && ["FATAL", "ERROR", "Bungled"].iter().any(|word| line.contains(word)) {
                    kept.push(shown(&line));
                }
            };
            // A pipe that breaks leaves the status, which decides.
            let _ = pipes::lines(pipe.into(), keep).await;
        }
        process.ended().await
    };
    let ended = tokio::time::timeout(CHECK, read).await;
    let complaints = complaints.into_inner().expect("no code panics while it holds the list").join("; ");
    match ended {
        Ok(Ended::Exit(0)) if complaints.is_empty() => Ok(()),
        Ok(ended) if complaints.is_empty() => Err(format!("squid -k parse {ended}")),
        Ok(_) => Err(format!("squid refuses the configuration: {complaints}")),
        Err(_) => {
            process.signal(Signal::KILL);
            Err(format!("squid -k parse took more than {} s", CHECK.as_secs()))
        }
    }
}

/// A running Squid.
pub struct Squid {
    /// The process.
    pub process: Process,
    /// How many ports it has said to have opened, all its readings of the configuration together.
    opened: watch::Receiver<u64>,
}

/// Starts Squid. Its log goes to `state`, its complaints to stderr.
pub fn start(children: &Children, file: &Path, state: &Arc<State>) -> io::Result<Squid> {
    let mut command = Command::new(SQUID);
    // In the foreground and without workers: one process, ours to end.
    command.args(["-N", "-f"]).arg(file).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (process, mut child) = children.spawn(&mut command)?;
    if let Some(log) = child.stdout.take() {
        let state = state.clone();
        tokio::spawn(async move {
            if let Err(error) = pipes::lines(log.into(), |line| state.log(line)).await {
                eprintln!("guard egress: Squid's log: {error}");
            }
        });
    }
    let (count, opened) = watch::channel(0);
    if let Some(said) = child.stderr.take() {
        tokio::spawn(pipes::lines(said.into(), move |line| {
            let line = String::from_utf8_lossy(line);
            if line.contains("| Accepting ") {
                count.send_modify(|count| *count += 1);
            } else if ["WARNING", "ERROR", "FATAL", "ALERT"].iter().any(|word| line.contains(word)) {
                eprintln!("squid: {}", shown(&line));
            }
        }));
    }
    Ok(Squid { process, opened })
}

impl Squid {
    /// Tells Squid to read its configuration again and waits until it has opened `ports` ports anew. Live tunnels stay. Where Squid's
    /// words are not understood, the wait ends after a while all the same; the ports are looked at afterwards.
    pub async fn reload(&mut self, ports: usize) {
        let before = *self.opened.borrow();
        self.process.signal(Signal::HUP);
        let wanted = before + u64::try_from(ports).unwrap_or(u64::MAX);
        // The sender ends with the process, whose end is noticed elsewhere.
        let _ = tokio::time::timeout(RELOAD, self.opened.wait_for(|opened| *opened >= wanted)).await;
    }
}

/// Waits until every port listens. `Err` holds those that do not.
pub async fn listening(ports: &[u16], wait: Duration) -> Result<(), String> {
    let until = Instant::now() + wait;
    let mut missing = ports.to_vec();
    loop {
        let mut still = Vec::new();
        for port in missing {
            // Nothing is sent; Squid does not log a connection without a request.
            if TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.is_err() {
                still.push(port);
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let ports = still.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            return Err(format!("Squid does not listen on {ports}"));
        }
        missing = still;
        tokio::time::sleep(KNOCK).await;
    }
}

/// A line of Squid for a person: bounded, and with no URL in it, whose path could hold a secret.
fn shown(line: &str) -> String {
    let words = line.split_whitespace().map(|word| if word.contains("://") || word.contains('?') { "<url>" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_squid_says_is_shown_without_urls_and_cut() {
        assert_eq!(
            shown("2026/11/22 FATAL: on URL: http://a.example/bot123:secret/x  end"),
            "2026/11/22 FATAL: on URL: <url> end"
        );
        assert_eq!(shown(&"x".repeat(1000)).len(), 300);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn ports_that_do_not_listen_are_named() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let open = listener.local_addr().unwrap().port();
        assert_eq!(listening(&[open], Duration::ZERO).await, Ok(()));
        drop(listener);
        let error = listening(&[open], Duration::from_millis(30)).await.unwrap_err();
        assert!(error.contains(&open.to_string()), "{error}");
    }
}
