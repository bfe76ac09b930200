//! What the status of a policy says. The judgement is pure; one write, and only when it says something new.

use super::gather::{Gathered, SquidState};
use super::plan::{Planned, Refusal};
use crate::cluster::Gate;
use crate::conditions::{Finding, Status, merged};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::names;
use assistant_crds::EgressPolicy;
use assistant_crds::policy::{Component, EgressPolicyStatus, Lane};
use assistant_proof::Verdict;

/// What to write, and whether to look again soon.
#[derive(Default)]
pub struct Report {
    findings: Vec<Finding>,
    counts: Option<(usize, usize)>,
    lanes: Option<Vec<Lane>>,
    address: Option<String>,
    warnings: Option<Vec<String>>,
    /// Squid has not confirmed the newest plan yet.
    pub again: bool,
}

impl Report {
    /// Only conditions.
    pub fn only(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
}

/// Judges.
pub fn report(
    gathered: &Gathered,
    planned: &std::result::Result<Planned, Refusal>,
    error: Option<&Error>,
    squid: Option<&SquidState>,
) -> Report {
    let not_ready = |reason: &str, message: String| vec![Finding::new("Ready", Status::False, reason, message)];
    let planned = match planned {
        Ok(planned) => planned,
        Err(refusal) => {
            let mut findings = not_ready(refusal.reason, refusal.message.clone());
            if refusal.stalled {
                findings.push(Finding::new("Stalled", Status::True, refusal.reason, refusal.message.clone()));
            }
            return Report::only(findings);
        }
    };
    let lanes = planned.plan.lanes.iter().map(|lane| Lane {
        tier: Some(lane.key.tier.clone()),
        component: Some(Component::Agent),
        server: None,
        workload: None,
        port: i32::from(lane.port),
    });
    let mut report = Report {
        counts: Some((planned.host_count, planned.plan.lanes.len())),
        warnings: Some(planned.warnings.clone()),
        address: gathered.address.map(|ip| ip.to_string()),
        ..Report::default()
    };
    if let Some(error) = error {
        report.findings = not_ready(error.reason(), error.to_string());
        return report;
    }
    if planned.plan.lanes.is_empty() {
        report.findings = vec![Finding::new("Ready", Status::True, "Unused", "no tier references this policy, so no proxy runs")];
        report.lanes = Some(vec![]);
        return report;
    }
    let digest = planned.plan.digest();
    let ready = gathered.pods.iter().any(|pod| pod.ready);
    match squid {
        Some(state) if state.ready && state.plan_digest.as_ref() == Some(&digest) => {
            // Lanes are shown once Squid serves them, not before: tiers wait for this.
            report.lanes = Some(lanes.collect());
            let message = format!("the proxy serves {} lanes to {} hosts", planned.plan.lanes.len(), planned.host_count);
            report.findings = vec![Finding::new("Ready", Status::True, "Serving", message)];
        }
        Some(SquidState { error: Some(error), .. }) => {
            report.findings =
                not_ready("PlanRefused", format!("the proxy keeps its former plan, because the new one fails: {error}"));
            report.again = true;
        }
        _ if ready => {
            report.findings = not_ready("PlanPending", "waiting for the proxy to run the newest plan".into());
            report.again = true;
        }
        _ => report.findings = vec![starting(gathered)],
    }
    report
}

/// Why no egress pod is ready.
fn starting(gathered: &Gathered) -> Finding {
    let finding = |reason: &str, message: String| Finding::new("Ready", Status::False, reason, message);
    if let Some(failure) = &gathered.deployment_failure {
        return finding(
            "PodRefused",
            format!("Deployment {} cannot make its pod: {failure}", names::egress(&gathered.name.name)),
        );
    }
    let Some(pod) = gathered.pods.first() else { return finding("Starting", "waiting for the proxy's pod".into()) };
    if let Gate::Said(evidence) = &pod.gate
        && evidence.verdict != Verdict::Closed
    {
        return finding(&evidence.reason, format!("the gate of the proxy's pod keeps it back: {}", evidence.message));
    }
    if let Some(message) = &pod.unschedulable {
        return finding("Unschedulable", format!("no node takes the proxy's pod: {message}"));
    }
    if let Some((container, reason, message)) = &pod.trouble {
        return finding("PodFailing", format!("container {container} of pod {}: {reason} {message}", pod.name));
    }
    finding("Starting", format!("waiting for pod {} to become ready", pod.name))
}

/// Writes the status if it says something new.
pub async fn status(context: &Context, policy: &EgressPolicy, report: Report) -> Result<()> {
    let old = policy.status.clone().unwrap_or_default();
    let generation = policy.metadata.generation;
    let mut next = EgressPolicyStatus {
        observed_generation: generation,
        conditions: merged(&old.conditions, &report.findings, generation, context.now()),
        ..old.clone()
    };
    if let Some((hosts, lanes)) = report.counts {
        next.host_count = i64::try_from(hosts).ok();
        next.lane_count = i64::try_from(lanes).ok();
        next.address = report.address;
    }
    if let Some(warnings) = report.warnings {
        next.warnings = warnings;
    }
    if let Some(lanes) = report.lanes {
        next.lanes = lanes;
    }
    context.write_status(policy, &old.conditions, &next.conditions, policy.status.as_ref(), &next).await
}
