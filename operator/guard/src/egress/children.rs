//! Every child of this process and every orphan that ends up with it: as PID 1 it must wait for all, so one place waits for any.
//! Starts and signals processes.

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, set_child_subreaper, wait};
use std::{
    collections::HashMap,
    io,
    process::{Child, Command},
    sync::{Arc, Mutex},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Who waits for which process.
#[derive(Clone, Default)]
pub struct Children(Arc<Mutex<HashMap<Pid, oneshot::Sender<Ended>>>>);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

/// A process that was started here.
pub struct Process {
    pid: Pid,
    ended: oneshot::Receiver<Ended>,
}

impl Children {
    /// Begins to wait. To be called inside a runtime of one thread.
    pub fn start() -> io::Result<Self> {
        // Squid's helpers outlive a killed Squid for a moment; they come to us whether or not we are PID 1.
        if let Some(own) = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or(0)) {
            set_child_subreaper(Some(own))?;
        }
        let mut ends = signal(SignalKind::child())?;
        let children = Self::default();
        let reaper = children.clone();
        tokio::spawn(async move {
            while ends.recv().await.is_some() {
                reaper.reap();
            }
        });
        Ok(children)
    }

    fn reap(&self) {
        // One signal may stand for several ends.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let waiting = self.0.lock().expect("no code panics while it holds the table").remove(&pid);
            if let (Some(waiting), Some(ended)) = (waiting, Ended::read(status)) {
                // Nobody may be waiting any more.
                let _ = waiting.send(ended);
            }
        }
    }

    /// Starts a process. The child's pipes are the caller's to take; its end comes through [`Process`].
    pub fn spawn(&self, command: &mut Command) -> io::Result<(Process, Child)> {
        // Between here and the entry nothing awaits, and there is one thread, so the end cannot be reaped before it is waited for.
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))?;
        let (sender, ended) = oneshot::channel();
        self.0.lock().expect("no code panics while it holds the table").insert(pid, sender);
        Ok((Process { pid, ended }, child))
    }
}

impl Ended {
    fn read(status: WaitStatus) -> Option<Self> {
        status.exit_status().map(Self::Exit).or_else(|| status.terminating_signal().map(Self::Signal))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "ended with status {status}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

impl Process {
    /// Waits for the end. After it has been awaited to the end, it must not be again.
    pub async fn ended(&mut self) -> Ended {
        // The sender is dropped only with the whole table.
        (&mut self.ended).await.unwrap_or(Ended::Signal(0))
    }

    /// Sends a signal; a process that has ended already is no error.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(self.pid, signal) {
            eprintln!("guard egress: signal {signal:?} to {:?}: {error}", self.pid);
        }
    }
}
