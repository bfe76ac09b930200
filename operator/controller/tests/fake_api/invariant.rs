//! What must hold after every single write, whoever made it: no pod of ours is without its fence, ever.

use super::store::{Key, Store, deleting, label};
use assistant_operator::names;
use serde_json::{Value, json};

fn is_fence(policy: &Value) -> bool {
    let spec = &policy["spec"];
    let nothing = |direction: &str| spec[direction].is_null() || spec[direction] == json!([]);
    policy["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(names::FENCE))
        && spec["podSelector"] == json!({"matchLabels": {names::FENCED: "true"}})
        && spec["policyTypes"] == json!(["Ingress", "Egress"])
        && nothing("ingress")
        && nothing("egress")
}

/// The sentences of what is broken in the namespace of the object that just changed.
pub fn broken(store: &Store, changed: &Key) -> Vec<String> {
    let namespace = changed.namespace.as_str();
    if !["Pod", "NetworkPolicy"].contains(&changed.kind.as_str()) || namespace.is_empty() {
        return vec![];
    }
    let policies: Vec<&Value> = store.list("NetworkPolicy", namespace).collect();
    let standing = |name: &str| policies.iter().any(|policy| policy["metadata"]["name"] == name);
    let fenced = policies.iter().any(|policy| is_fence(policy));
    let mut found = vec![];
    for pod in store.list("Pod", namespace).filter(|pod| label(pod, names::MANAGED_BY) == Some(names::OPERATOR)) {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        // A policy with a deletion time is enforced as long as it is there.
        if !fenced {
            found.push(format!("after {changed} changed, pod {name} is without a fence"));
        }
        if label(pod, names::FENCED) != Some("true") {
            found.push(format!("pod {name} does not carry the label of the fence"));
        }
        let own = match (label(pod, names::COMPONENT), label(pod, names::TIER), label(pod, names::POLICY)) {
            (Some(names::AGENT), Some(tier), _) => names::agent(tier),
            (Some(names::EGRESS), _, Some(policy)) => names::egress(policy),
            _ => {
                found.push(format!("pod {name} is no component we know"));
                continue;
            }
        };
        // Its own policies only allow; they must be there when the pod is made, or its gate would try for nothing.
        if changed.kind == "Pod" && changed.name == name && pod["status"].is_null() && !deleting(pod) {
            for policy in [names::WITNESS_POLICY, own.as_str()] {
                if !standing(policy) {
                    found.push(format!("pod {name} was made before NetworkPolicy {policy}"));
                }
            }
        }
    }
    found
}
