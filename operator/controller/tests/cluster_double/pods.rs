//! The kubelet's part: addresses, mounts, the gate's evidence in the pod's status, readiness, and the end of a pod.

use super::{Behaviour, Says};
use crate::fake_api::store::{Deletion, Key, Store, deleting};
use serde_json::{Value, json};

/// What a pod mounts or reads its environment from; the kubelet starts nothing before all of it is there.
fn needs(pod: &Value) -> Vec<(&'static str, String)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut needs = vec![];
    for volume in list(&pod["spec"]["volumes"]) {
        needs.extend(text(&volume["configMap"]["name"]).map(|name| ("ConfigMap", name)));
        needs.extend(text(&volume["secret"]["secretName"]).map(|name| ("Secret", name)));
        needs.extend(text(&volume["persistentVolumeClaim"]["claimName"]).map(|name| ("PersistentVolumeClaim", name)));
    }
    for container in list(&pod["spec"]["containers"]) {
        needs.extend(
            list(&container["env"])
                .iter()
                .filter_map(|env| text(&env["valueFrom"]["secretKeyRef"]["name"]))
                .map(|name| ("Secret", name)),
        );
    }
    needs
}

/// What the kubelet does next with a pod.
pub enum Next {
    Nothing,
    Status(Value),
    /// The gate is through: the containers may start at this address.
    Start(String),
    Gone,
}

fn condition(type_: &str, status: &str) -> Value {
    json!({"type": type_, "status": status, "lastTransitionTime": crate::fake_api::store::now()})
}

fn terminated(says: &Says) -> Value {
    json!({"terminated": {"exitCode": says.exit_code, "message": says.message, "reason": if says.exit_code == 0 { "Completed" } else { "Error" }}})
}

fn status(address: &str, gate: Value, main: Value, ready: bool) -> Value {
    let phase = if ready { "Running" } else { "Pending" };
    json!({
        "phase": phase, "podIP": address, "hostIP": "192.168.7.2",
        "conditions": [condition("PodScheduled", "True"), condition("Ready", if ready { "True" } else { "False" })],
        "initContainerStatuses": [gate],
        "containerStatuses": [main],
    })
}

fn container(name: &Value, state: Value, last: Value, ready: bool) -> Value {
    json!({"name": name, "state": state, "lastState": last, "ready": ready, "restartCount": 0, "image": "", "imageID": ""})
}

/// One look at one pod.
pub fn next(store: &Store, pod: &Value, behaviour: &Behaviour, address: impl FnOnce() -> String) -> Next {
    if deleting(pod) {
        return if behaviour.linger { Next::Nothing } else { Next::Gone };
    }
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    if needs(pod).iter().any(|(kind, name)| store.get(kind, namespace, name).is_none()) {
        return Next::Nothing;
    }
    let main = &pod["spec"]["containers"][0]["name"];
    let gate = &pod["spec"]["initContainers"][0]["name"];
    let waiting = || container(main, json!({"waiting": {"reason": "PodInitializing"}}), json!({}), false);
    let known = &pod["status"]["podIP"];
    let Some(known) = known.as_str() else {
        return Next::Status(status(&address(), container(gate, json!({"running": {}}), json!({}), false), waiting(), false));
    };
    let Some(says) = (behaviour.gate)(pod) else { return Next::Nothing };
    let ended = if says.exit_code == 0 {
        container(gate, terminated(&says), json!({}), true)
    } else {
        container(gate, json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}), terminated(&says), false)
    };
    let is = &pod["status"]["initContainerStatuses"][0];
    if says.exit_code != 0 || is["state"]["terminated"].is_null() {
        let same = is["state"] == ended["state"] && is["lastState"] == ended["lastState"];
        return if same { Next::Nothing } else { Next::Status(status(known, ended, waiting(), false)) };
    }
    let ready =
        pod["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    if ready || behaviour.unready { Next::Nothing } else { Next::Start(known.to_owned()) }
}

/// The containers run.
pub fn running(pod: &Value) -> Value {
    let gate = pod["status"]["initContainerStatuses"][0].clone();
    let main = container(&pod["spec"]["containers"][0]["name"], json!({"running": {}}), json!({}), true);
    status(pod["status"]["podIP"].as_str().unwrap_or_default(), gate, main, true)
}

/// The pod is gone from its node.
pub fn remove(store: &mut Store, key: &Key) {
    let _ = store.delete(key, &Deletion { force: true, ..Deletion::default() });
}
