//! The agent's NetworkPolicy. Together with the namespace's fence this is everything an agent pod may send. Pure.

use super::super::plan::Plan;
use super::{metadata, pod_labels};
use crate::{names, network};
use assistant_crds::AssistantTier;
use assistant_proof::CONTROL_PORT;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Out: the own lane and the control port of its egress pod, and the model. In: nothing; the kubelet's probes and `kubectl port-forward`
/// come from the node, which no policy filters.
pub fn agent(tier: &AssistantTier, name: &str, plan: &Plan) -> NetworkPolicy {
    let proxy = names::selector(&[(names::POLICY, &plan.policy), (names::COMPONENT, names::EGRESS)]);
    let model = LabelSelector { match_labels: Some(plan.model.selector.clone()), match_expressions: None };
    let rules = vec![
        // The gate asks the control port; the agent may too, and learns nothing from it but whether the outside is up.
        network::to(vec![network::pods(proxy)], vec![network::tcp(i32::from(plan.lane)), network::tcp(i32::from(CONTROL_PORT))]),
        network::to(
            vec![network::pods_in(&plan.model.namespace, model)],
            vec![network::tcp_port(plan.model.target_port.clone())],
        ),
    ];
    network::policy(metadata(tier, names::agent(name)), names::selector(&pod_labels(name)), vec![], rules)
}
