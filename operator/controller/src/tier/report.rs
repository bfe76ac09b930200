//! What the status of a tier says. The judgement is pure; one write, and only when it says something new.

use super::gather::{Egress, Gathered};
use super::plan::{Plan, Refusal, no_lane};
use crate::cluster::{Facts, Gate, PodFacts};
use crate::conditions::{Finding, Status, merged};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::model::Listing;
use crate::names;
use assistant_crds::AssistantTier;
use assistant_crds::tier::{AssistantTierStatus, ContainmentStatus};
use assistant_proof::Verdict;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// What to write, and whether the model must be asked again.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    /// `None` leaves what is there.
    containment: Option<Option<ContainmentStatus>>,
    /// The model did not answer, or does not list the name.
    pub model_pending: bool,
}

impl Report {
    /// Only `Ready`.
    pub fn only(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// Judges.
pub fn report(gathered: &Gathered, planned: &std::result::Result<Plan, Refusal>, error: Option<&Error>) -> Report {
    let refusal = planned.as_ref().err();
    let contained = contained(gathered, refusal);
    let egress = egress(gathered);
    let model = model(gathered, refusal);
    let ready = ready(gathered, refusal, error, [&contained, &egress, &model]);
    let mut findings = vec![ready, contained, egress, model];
    if let Some(refusal) = refusal.filter(|refusal| refusal.stalled) {
        findings.push(Finding::new("Stalled", Status::True, refusal.reason.clone(), refusal.message.clone()));
    }
    Report {
        model_pending: findings[3].status != Status::True && gathered.model.is_some(),
        containment: Some(containment(gathered)),
        findings,
    }
}

/// Worst of all living pods: every one of them can send.
fn contained(gathered: &Gathered, refusal: Option<&Refusal>) -> Finding {
    let finding = |status, reason: &str, message: String| Finding::new("Contained", status, reason, message);
    if let Some(policy) = &gathered.witness_policy {
        let message = format!("NetworkPolicy {policy} selects the witness pods, so nothing can be proven while it does");
        return finding(Status::Unknown, "WitnessPolicy", message);
    }
    let judged = gathered.pods.iter().map(|pod| pod_contained(pod));
    let worst = judged.min_by_key(|found| match found.status {
        Status::False => 0,
        Status::Unknown => 1,
        Status::True => 2,
    });
    if let Some(worst) = worst {
        return worst;
    }
    match refusal.filter(|refusal| refusal.condition == "Contained") {
        Some(refusal) => finding(Status::Unknown, &refusal.reason, refusal.message.clone()),
        None => finding(Status::Unknown, "NotStarted", "no pod runs, so there is nothing to prove".into()),
    }
}

fn pod_contained(pod: &PodFacts) -> Finding {
    let finding = |status, reason: &str, message: String| Finding::new("Contained", status, reason, message);
    match &pod.gate {
        Gate::Pending => finding(Status::Unknown, "Proving", format!("the gate of pod {} has not finished its proof", pod.name)),
        Gate::Silent(code) => finding(
            Status::Unknown,
            "NoEvidence",
            format!("the gate of pod {} ended with exit code {code} and without evidence; see its log", pod.name),
        ),
        Gate::Said(evidence) => match evidence.verdict {
            Verdict::Closed => {
                let not_proven = if evidence.not_proven.is_empty() {
                    String::new()
                } else {
                    format!("; refused, but without a control: {}", evidence.not_proven.join(", "))
                };
                finding(
                    Status::True,
                    "ProvenAtStart",
                    format!("closed {} ms after the gate began{not_proven}", evidence.closed_after_milliseconds),
                )
            }
            Verdict::Breach => finding(Status::False, &evidence.reason, evidence.message.clone()),
            Verdict::Inconclusive => finding(Status::Unknown, &evidence.reason, evidence.message.clone()),
        },
    }
}

fn containment(gathered: &Gathered) -> Option<ContainmentStatus> {
    let pod = gathered.pods.iter().find(|pod| !pod.deleting)?;
    match &pod.gate {
        Gate::Said(evidence) if evidence.verdict == Verdict::Closed => Some(ContainmentStatus {
            // The API carries whole seconds; keeping more would make every read differ from what was written.
            proven_at: Time(jiff::Timestamp::from_second(evidence.at.as_second()).unwrap_or(evidence.at)),
            closed_after_milliseconds: i64::try_from(evidence.closed_after_milliseconds).ok(),
            not_proven: evidence.not_proven.iter().take(32).cloned().collect(),
        }),
        _ => None,
    }
}

fn egress(gathered: &Gathered) -> Finding {
    let policy = &gathered.tier.spec.egress_policy_ref.name;
    match &gathered.egress {
        Egress::Lane { port, ready: true, hosts, .. } => Finding::new(
            "EgressReady",
            Status::True,
            "LaneServed",
            format!("EgressPolicy {policy} serves lane {port} to {} hosts", hosts.len()),
        ),
        Egress::Lane { ready: false, .. } => Finding::new(
            "EgressReady",
            Status::False,
            "PolicyNotReady",
            format!("EgressPolicy {policy} is not ready; see its status"),
        ),
        other => {
            let refusal = no_lane(policy, other);
            Finding::new("EgressReady", Status::False, refusal.reason, refusal.message)
        }
    }
}

fn model(gathered: &Gathered, refusal: Option<&Refusal>) -> Finding {
    let finding = |status, reason: &str, message: String| Finding::new("ModelReady", status, reason, message);
    if let Some(refusal) = refusal.filter(|refusal| refusal.condition == "ModelReady") {
        return finding(Status::False, &refusal.reason, refusal.message.clone());
    }
    let name = &gathered.tier.spec.model.name;
    let Some(model) = &gathered.model else {
        return finding(Status::Unknown, "NoModelService", "the operator's settings name no model Service".into());
    };
    let service = format!("Service {}/{}", model.namespace, model.name);
    match &model.listing {
        Listing::Models(models) if models.contains(name) => {
            finding(Status::True, "Listed", format!("{service} lists model {name}"))
        }
        Listing::Models(models) => {
            let listed = models.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            finding(Status::False, "ModelNotListed", format!("spec.model.name is {name:?}, and {service} lists: {listed}"))
        }
        Listing::Failed(error) => {
            finding(Status::False, "ModelUnreachable", format!("{service} port {} does not list its models: {error}", model.port))
        }
    }
}

/// The first failing check gives the reason: refused, stopped by a person, open, no way out, not proven, no model, not running.
fn ready(
    gathered: &Gathered,
    refusal: Option<&Refusal>,
    error: Option<&Error>,
    [contained, egress, model]: [&Finding; 3],
) -> Finding {
    let not = |reason: &str, message: &str| Finding::new("Ready", Status::False, reason, message);
    let failing = |finding: &Finding| (finding.status != Status::True).then(|| not(&finding.reason, &finding.message));
    if let Some(refusal) = refusal.filter(|refusal| refusal.stalled || refusal.condition == "Ready") {
        return not(&refusal.reason, &refusal.message);
    }
    if gathered.tier.spec.suspend && error.is_none() {
        return not("Suspended", "spec.suspend is true: the assistant is stopped and keeps its data");
    }
    if contained.status == Status::False {
        return not(&contained.reason, &contained.message);
    }
    if let Some(error) = error {
        return not(error.reason(), &error.to_string());
    }
    if let Some(refusal) = refusal {
        return not(&refusal.reason, &refusal.message);
    }
    if let Some(found) = failing(egress) {
        return found;
    }
    if let Some(found) = trouble(gathered) {
        return found;
    }
    if let Some(found) = failing(contained).or_else(|| failing(model)) {
        return found;
    }
    match &gathered.deployment {
        Some(record) if matches!(record.facts, Facts::Deployment { ready, wanted, .. } if ready >= 1 && wanted >= 1) => {
            Finding::new("Ready", Status::True, "Running", "the assistant runs, contained, and its model answers")
        }
        _ => not("Starting", "waiting for the assistant to become ready"),
    }
}

/// Why there is no pod, or why it does not run, where the cluster says so.
fn trouble(gathered: &Gathered) -> Option<Finding> {
    let not = |reason: &str, message: String| Some(Finding::new("Ready", Status::False, reason, message));
    if let Some(Facts::Deployment { failure: Some(failure), .. }) = gathered.deployment.as_ref().map(|record| &record.facts) {
        return not("PodRefused", format!("Deployment {} cannot make its pod: {failure}", names::agent(&gathered.name.name)));
    }
    let pod = gathered.pods.iter().find(|pod| !pod.deleting)?;
    if let Some(message) = &pod.unschedulable {
        return not("Unschedulable", format!("no node takes pod {}: {message}", pod.name));
    }
    let (container, reason, message) = pod.trouble.as_ref()?;
    not("PodFailing", format!("container {container} of pod {}: {reason} {message}", pod.name))
}

/// Writes the status if it says something new.
pub async fn status(context: &Context, tier: &AssistantTier, report: Report) -> Result<()> {
    let old = tier.status.clone().unwrap_or_default();
    let generation = tier.metadata.generation;
    let mut next = AssistantTierStatus {
        observed_generation: generation,
        conditions: merged(&old.conditions, &report.findings, generation, context.now()),
        credentials: Some(format!("0/{}", tier.spec.credentials.len())),
        model: Some(tier.spec.model.name.clone()),
        ..old.clone()
    };
    if let Some(containment) = report.containment {
        next.containment = containment;
    }
    context.write_status(tier, &old.conditions, &next.conditions, tier.status.as_ref(), &next).await
}
