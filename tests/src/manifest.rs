//! The objects that tests apply, as JSON. Pure.

use serde_json::{Value, json};

/// Address that every name of the make-believe internet has unless its zone says otherwise.
pub const ORIGIN: &str = "203.0.113.80";

/// An EgressPolicy. `rules`: (name, hosts, tiers); no tiers: all.
pub fn policy(name: &str, rules: &[(&str, &[&str], &[&str])]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(rule, hosts, tiers)| {
            let mut rule = json!({"name": rule, "hosts": hosts});
            if !tiers.is_empty() {
                rule["tiers"] = json!(tiers);
            }
            rule
        })
        .collect();
    json!({"apiVersion": "assistant.home.arpa/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": name}, "spec": {"rules": rules}})
}

/// The smallest tier; its claims go with it.
pub fn tier(name: &str, policy: &str) -> Value {
    json!({
        "apiVersion": "assistant.home.arpa/v1alpha1", "kind": "AssistantTier", "metadata": {"name": name},
        "spec": {
            "egressPolicyRef": {"name": policy},
            "model": {"name": "assistant", "attestation": "None"},
            "storage": {"state": {"size": "16Mi"}, "workspace": {"size": "16Mi"}, "whenDeleted": "Delete"},
        },
    })
}

/// The same tier with another image.
pub fn tier_with_image(name: &str, policy: &str, image: &str) -> Value {
    let mut tier = tier(name, policy);
    tier["spec"]["agent"] = json!({"image": image});
    tier
}

/// A pod of no tier that runs an image under restricted Pod Security. `arguments`: of its one container.
pub fn plain_pod(name: &str, image: &str, arguments: &[&str], labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {
            "automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "main", "image": image, "imagePullPolicy": "Never", "args": arguments,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// A Service for pods with these labels. `node_port`: 0 for none.
pub fn service(name: &str, labels: &Value, port: u16, node_port: u16) -> Value {
    let mut ports = json!({"name": "p", "port": port, "targetPort": port, "protocol": "TCP"});
    if node_port != 0 {
        ports["nodePort"] = json!(node_port);
    }
    let kind = if node_port == 0 { "ClusterIP" } else { "NodePort" };
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"type": kind, "selector": labels, "ports": [ports]}})
}
