//! What the supervisor knows and the listeners show. Prints one line a decision.

use super::decisions::{Decisions, Entry};
use assistant_egress::{Decision, LaneKey, Plan, Reach};
use ipnet::IpNet;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::watch;

/// Shared by supervisor, control and admin.
pub struct State {
    view: Mutex<View>,
    decisions: Mutex<Decisions>,
    ready: watch::Sender<bool>,
}

/// What Squid runs and how it goes.
#[derive(Clone, Default)]
pub struct View {
    /// What Squid runs now; `None` before the first plan.
    pub running: Option<Arc<RunningPlan>>,
    /// Why something newer is not run, or why nothing is.
    pub error: Option<String>,
    /// How often Squid was started.
    pub starts: u64,
    /// How often Squid was told to read its configuration again.
    pub reloads: u64,
}

/// A plan at the moment at which it was rendered.
pub struct RunningPlan {
    /// SHA-256 of the bytes of `plan.json`.
    pub digest: String,
    /// When the plan was issued.
    pub issued_at: Timestamp,
    /// What it lets through.
    pub reach: Reach,
    /// Ranges besides the private ones that are refused.
    pub local_ranges: Vec<IpNet>,
    /// Whose each port is.
    pub lanes: BTreeMap<u16, LaneKey>,
}

impl RunningPlan {
    /// The plan as it is at `now`.
    pub fn new(plan: &Plan, digest: String, now: Timestamp) -> Self {
        Self {
            digest,
            issued_at: plan.issued_at,
            reach: plan.reach(now),
            local_ranges: plan.local_ranges.clone(),
            lanes: plan.lanes.iter().map(|lane| (lane.port, lane.key.clone())).collect(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { view: Mutex::default(), decisions: Mutex::default(), ready: watch::Sender::new(false) }
    }
}

impl State {
    /// A copy of the view.
    pub fn view(&self) -> View {
        self.lock().clone()
    }

    /// Changes the view.
    pub fn update(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().expect("no code panics while it holds the view")
    }

    /// What the log said.
    pub fn decisions(&self) -> MutexGuard<'_, Decisions> {
        self.decisions.lock().expect("no code panics while it holds the decisions")
    }

    /// Whether Squid listens on every port of its plan.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// Says so.
    pub fn set_ready(&self, ready: bool) {
        self.ready.send_if_modified(|old| std::mem::replace(old, ready) != ready);
    }

    /// Takes one line of Squid's log.
    pub fn log(&self, line: &[u8]) {
        let Some(decision) = Decision::parse(line) else { return };
        let lane = self.lock().running.as_ref().and_then(|running| running.lanes.get(&decision.lane).cloned());
        if let Ok(mut text) = serde_json::to_vec(&Entry::new(&decision, lane.as_ref())) {
            text.push(b'\n');
            // Nobody may read it; the decision is kept all the same.
            let _ = std::io::stdout().lock().write_all(&text);
        }
        self.decisions().add(&decision);
    }
}
