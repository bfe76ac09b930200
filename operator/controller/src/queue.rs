//! The work queue: one key is worked on by one task at a time, the same key asked for twice waits once, failures back off with
//! jitter, a panic in a reconcile ends that reconcile and nothing else.

use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a reconcile asks for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Wait,
    /// Again after this time, even if nothing changes.
    After(Duration),
    /// It failed: again after a time that doubles with every failure in a row.
    BackOff,
}

/// Puts keys into a queue from anywhere.
#[derive(Clone, Debug)]
pub struct Sender<K>(mpsc::UnboundedSender<K>);

impl<K> Sender<K> {
    /// Asks for a reconcile of `key`. After the queue has ended this does nothing.
    pub fn push(&self, key: K) {
        let _ = self.0.send(key);
    }
}

/// The receiving end; see [`channel`].
#[derive(Debug)]
pub struct Receiver<K>(mpsc::UnboundedReceiver<K>);

/// A new queue.
pub fn channel<K>() -> (Sender<K>, Receiver<K>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sender(sender), Receiver(receiver))
}

/// Delay before try number `failures + 1`: 0.5 s doubling to 128 s, and ± 20 % so that objects do not move together.
pub fn backoff(failures: u32, jitter: f64) -> Duration {
    Duration::from_millis(500 << failures.min(8)).mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

#[derive(PartialEq, Eq)]
struct Timed<K>(Instant, u64, K);
impl<K: Eq> Ord for Timed<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}
impl<K: Eq> PartialOrd for Timed<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct State<K> {
    ready: VecDeque<K>,
    queued: HashSet<K>,
    running: HashSet<K>,
    again: HashSet<K>,
    timed: BinaryHeap<Timed<K>>,
    /// The newest timer of a key; older ones in the heap are void.
    timer: HashMap<K, u64>,
    failures: HashMap<K, u32>,
    sequence: u64,
}

impl<K: Clone + Eq + Hash> State<K> {
    fn push(&mut self, key: K) {
        if self.running.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn at(&mut self, when: Instant, key: K) {
        self.sequence += 1;
        self.timer.insert(key.clone(), self.sequence);
        self.timed.push(Timed(when, self.sequence, key));
    }

    fn due(&mut self, now: Instant) {
        while self.timed.peek().is_some_and(|timed| timed.0 <= now) {
            if let Some(Timed(_, sequence, key)) = self.timed.pop()
                && self.timer.get(&key) == Some(&sequence)
            {
                self.timer.remove(&key);
                self.push(key);
            }
        }
    }

    fn finish(&mut self, key: K, next: Next, now: Instant, jitter: f64) {
        self.running.remove(&key);
        match next {
            Next::Wait => {
                self.failures.remove(&key);
                self.timer.remove(&key);
            }
            Next::After(delay) => {
                self.failures.remove(&key);
                self.at(now + delay, key.clone());
            }
            Next::BackOff => {
                let failures = self.failures.entry(key.clone()).or_insert(0);
                let delay = backoff(*failures, jitter);
                *failures = failures.saturating_add(1);
                self.at(now + delay, key.clone());
            }
        }
        if self.again.remove(&key) {
            self.push(key);
        }
    }
}

/// Works until `stop` is cancelled, then lets the running reconciles finish (10 s at most).
/// `jitter` gives a number in 0..=1 per call.
pub async fn work<K, F, R>(mut keys: Receiver<K>, concurrency: usize, reconcile: R, jitter: fn() -> f64, stop: CancellationToken)
where
    K: Clone + Debug + Eq + Hash + Send + 'static,
    F: Future<Output = Next> + Send + 'static,
    R: Fn(K) -> F,
{
    let mut state: State<K> = State {
        ready: VecDeque::new(),
        queued: HashSet::new(),
        running: HashSet::new(),
        again: HashSet::new(),
        timed: BinaryHeap::new(),
        timer: HashMap::new(),
        failures: HashMap::new(),
        sequence: 0,
    };
    let mut tasks: JoinSet<Next> = JoinSet::new();
    let mut of_task: HashMap<tokio::task::Id, K> = HashMap::new();
    loop {
        while state.running.len() < concurrency {
            let Some(key) = state.ready.pop_front() else { break };
            state.queued.remove(&key);
            state.running.insert(key.clone());
            of_task.insert(tasks.spawn(reconcile(key.clone())).id(), key);
        }
        let wake = state.timed.peek().map(|timed| timed.0);
        tokio::select! {
            () = stop.cancelled() => break,
            key = keys.0.recv() => match key {
                Some(key) => state.push(key),
                None => break,
            },
            Some(done) = tasks.join_next_with_id() => {
                let (id, next) = match done {
                    Ok((id, next)) => (id, next),
                    Err(error) => {
                        tracing::error!(%error, "A reconcile panicked");
                        (error.id(), Next::BackOff)
                    }
                };
                if let Some(key) = of_task.remove(&id) {
                    state.finish(key, next, Instant::now(), jitter());
                }
            }
            () = tokio::time::sleep_until(wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))), if wake.is_some() => {}
        }
        state.due(Instant::now());
    }
    let _ = tokio::time::timeout(Duration::from_secs(10), async { while tasks.join_next().await.is_some() {} }).await;
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
