//! Every name, label, annotation and finalizer the controller writes. A string used twice is a constant here. No I/O.

use assistant_crds::GROUP;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;

/// `app.kubernetes.io/managed-by`: on everything we make.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] and of the lease's name.
pub const OPERATOR: &str = "assistant-operator";
/// Label of a tier's objects; the value is the tier's name.
pub const TIER: &str = "assistant.home.arpa/tier";
/// Label of a policy's objects, and on a tier's pods the policy whose lanes they were given.
pub const POLICY: &str = "assistant.home.arpa/policy";
/// Label that says which part of a tier or policy a pod is.
pub const COMPONENT: &str = "assistant.home.arpa/component";
/// Label of every pod that the fence selects.
pub const FENCED: &str = "assistant.home.arpa/fenced";
/// Value of [`COMPONENT`] on agent pods.
pub const AGENT: &str = "agent";
/// Value of [`COMPONENT`] on egress pods.
pub const EGRESS: &str = "egress";
/// Finalizer on both custom resources.
pub const CLEANUP: &str = "assistant.home.arpa/cleanup";
/// Finalizer on fence policies: a fence ends when no fenced pod is left or another fence stands.
pub const FENCE_FINALIZER: &str = "assistant.home.arpa/fence";
/// First name of the fence; while one ends, the next has a number.
pub const FENCE: &str = "assistants-fence";
/// The policy that lets fenced pods reach witness control.
pub const WITNESS_POLICY: &str = "assistants-witness";
/// Label on witness pods (set by the chart).
pub const WITNESS_POD: (&str, &str) = ("app.kubernetes.io/name", "witness");
/// Label every namespace has with its own name.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Pod template annotation: digest of what a container only reads at start, so that a change rolls the pod.
pub const CONFIG_DIGEST: &str = "assistant.home.arpa/config-digest";
/// Pod annotation: digest of the newest plan. A changed pod annotation makes the kubelet refresh the pod's volumes at once
/// (measured: 0.4 s instead of 75 s with a sync period of one minute).
pub const PLAN_DIGEST: &str = "assistant.home.arpa/plan-digest";
/// Name of the gate container in every pod we make.
pub const GATE: &str = "gate";
/// Numeric user of the agent container (facts of the published image).
pub const AGENT_UID: i64 = 65534;
/// Numeric user of the egress container.
pub const EGRESS_UID: i64 = 10001;
/// Numeric user of the gate.
pub const GATE_UID: i64 = 65532;
/// ZeroClaw's gateway port.
pub const GATEWAY_PORT: i32 = 42617;

/// `<tier>-agent`: Deployment, Service, NetworkPolicy.
pub fn agent(tier: &str) -> String {
    format!("{tier}-agent")
}
/// `<tier>-config`: ConfigMap with `config.toml`.
pub fn config(tier: &str) -> String {
    format!("{tier}-config")
}
/// `<tier>-token`: Secret with the bearer token of the assistant's gateway.
pub fn token(tier: &str) -> String {
    format!("{tier}-token")
}
/// `<tier>-state`: claim.
pub fn state(tier: &str) -> String {
    format!("{tier}-state")
}
/// `<tier>-workspace`: claim.
pub fn workspace(tier: &str) -> String {
    format!("{tier}-workspace")
}
/// `<policy>-egress`: Deployment, Service, NetworkPolicy.
pub fn egress(policy: &str) -> String {
    format!("{policy}-egress")
}
/// `<policy>-egress-plan`: ConfigMap with `plan.json`.
pub fn plan(policy: &str) -> String {
    format!("{policy}-egress-plan")
}
/// `<policy>-egress-auth`: Secret with `htpasswd`.
pub fn auth(policy: &str) -> String {
    format!("{policy}-egress-auth")
}
/// `<policy>-egress-admin`: Secret with the admin `token`.
pub fn admin(policy: &str) -> String {
    format!("{policy}-egress-admin")
}
/// `<policy>-lane-<port>`: Secret with one lane's user name, password and hash.
pub fn lane(policy: &str, port: u16) -> String {
    format!("{policy}-lane-{port}")
}

/// Labels of an object of a tier.
pub fn tier_labels(tier: &str) -> BTreeMap<String, String> {
    labels(&[(MANAGED_BY, OPERATOR), (TIER, tier)])
}
/// Labels of an object of a policy.
pub fn policy_labels(policy: &str) -> BTreeMap<String, String> {
    labels(&[(MANAGED_BY, OPERATOR), (POLICY, policy)])
}
/// A label map from pairs.
pub fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}
/// A selector of exactly these labels.
pub fn selector(pairs: &[(&str, &str)]) -> LabelSelector {
    LabelSelector { match_labels: Some(labels(pairs)), match_expressions: None }
}
/// The selector that every list and watch of our own objects uses.
pub fn managed() -> String {
    format!("{MANAGED_BY}={OPERATOR}")
}
const _: () = assert!(GROUP.len() == 19, "the label prefix above is the API group");
