//! Prometheus metrics with closed labels: kinds, outcomes and error classes, never a name or a text.

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    kind: &'static str,
    outcome: &'static str,
}

/// All metrics of the process.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<Outcome, Counter>,
    seconds: Histogram,
    /// 1 while this process holds the lease.
    pub leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("assistant_operator");
        let reconciles = Family::<Outcome, Counter>::default();
        let seconds = Histogram::new(exponential_buckets(0.001, 4.0, 8));
        let leader = Gauge::default();
        registry.register("reconciles", "Reconciles by kind and outcome (ok or error class)", reconciles.clone());
        registry.register("reconcile_seconds", "Duration of reconciles", seconds.clone());
        registry.register("leader", "1 while this process holds the lease", leader.clone());
        Self { registry: Arc::new(registry), reconciles, seconds, leader }
    }
}

impl Metrics {
    /// Counts one reconcile.
    pub fn reconciled(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Outcome { kind, outcome }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The text that Prometheus scrapes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}
