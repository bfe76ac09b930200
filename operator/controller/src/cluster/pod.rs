//! What a pod's status tells: is it there, is it ready, and what did its gate find. Pure.

use crate::names::GATE;
use assistant_proof::Evidence;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use std::net::Ipv4Addr;

/// The facts of one pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// `Succeeded` or `Failed`: no container runs any more.
    pub finished: bool,
    /// `status.podIP`.
    pub address: Option<Ipv4Addr>,
    /// Condition `Ready`.
    pub ready: bool,
    /// Value of the plan-digest annotation.
    pub plan_digest: Option<String>,
    /// How the gate stands.
    pub gate: Gate,
    /// The first container that cannot start or keeps failing, as (container, reason, message).
    pub trouble: Option<(String, String, String)>,
    /// The scheduler's word while no node was found.
    pub unschedulable: Option<String>,
}

/// How the gate of a pod stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// Never ran to an end.
    Pending,
    /// Ended, and said this.
    Said(Box<Evidence>),
    /// Ended without evidence that can be read (exit code).
    Silent(i32),
}

impl PodFacts {
    /// Reads a pod.
    pub fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let condition = |type_: &str| status.conditions.iter().flatten().find(|c| c.type_ == type_).cloned();
        let inits = status.init_container_statuses.clone().unwrap_or_default();
        let mains = status.container_statuses.clone().unwrap_or_default();
        Self {
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            finished: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
            address: status.pod_ip.as_deref().and_then(|ip| ip.parse().ok()),
            ready: condition("Ready").is_some_and(|c| c.status == "True"),
            plan_digest: pod.metadata.annotations.as_ref().and_then(|a| a.get(crate::names::PLAN_DIGEST).cloned()),
            gate: inits.iter().find(|c| c.name == GATE).map_or(Gate::Pending, gate),
            trouble: inits.iter().chain(&mains).filter(|c| c.name != GATE || !is_gate_result(c)).find_map(trouble),
            unschedulable: condition("PodScheduled").filter(|c| c.status == "False").and_then(|c| c.message),
        }
    }

    /// A pod that may still send packets.
    pub fn alive(&self) -> bool {
        !self.finished
    }
}

/// The newest end of the gate: of the current run, else of the last one.
fn gate(status: &ContainerStatus) -> Gate {
    let ended = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| state.as_ref().and_then(|s| s.terminated.clone());
    let Some(end) = ended(&status.state).or_else(|| ended(&status.last_state)) else { return Gate::Pending };
    match end.message.as_deref().map(serde_json::from_str::<Evidence>) {
        // Only the exit code 0 opens the way to the next container, so only with it may the evidence say "closed".
        Some(Ok(evidence)) if (end.exit_code == 0) == (evidence.verdict == assistant_proof::Verdict::Closed) => {
            Gate::Said(Box::new(evidence))
        }
        _ => Gate::Silent(end.exit_code),
    }
}

fn is_gate_result(status: &ContainerStatus) -> bool {
    !matches!(gate(status), Gate::Pending)
}

fn trouble(status: &ContainerStatus) -> Option<(String, String, String)> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().unwrap_or_default();
    let normal = matches!(reason.as_str(), "PodInitializing" | "ContainerCreating" | "");
    (!normal).then(|| (status.name.clone(), reason, waiting.message.clone().unwrap_or_default()))
}
