//! The store as text that two runs have in common: what is random, counted or timed is replaced by a word that says so.

use crate::fake_api::store::{Key, Store};
use crate::world::{MODEL, NAMESPACE};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Replaces SHA-256 digests, salted hashes, times of issue and the model's address on loopback.
fn text(text: &str, model: &str) -> String {
    let mut out = String::new();
    let mut hex = String::new();
    let flush = |hex: &mut String, out: &mut String| {
        if hex.len() == 64 {
            out.push_str("<sha256>")
        } else {
            out.push_str(hex)
        }
        hex.clear();
    };
    for c in text.chars() {
        if c.is_ascii_digit() || ('a'..='f').contains(&c) {
            hex.push(c);
        } else {
            flush(&mut hex, &mut out);
            out.push(c);
        }
    }
    flush(&mut hex, &mut out);
    if let Some(start) = out.find("\"issuedAt\": \"").map(|at| at + 13) {
        let end = start + out[start..].find('"').expect("a JSON string ends");
        out.replace_range(start..end, "<time>");
    }
    out.replace(model, "<model>")
}

fn masked(value: &Value, model: &str) -> Value {
    match value {
        Value::String(string) => json!(text(string, model)),
        Value::Array(items) => items.iter().map(|item| masked(item, model)).collect(),
        Value::Object(map) => {
            let each = |(key, value): (&String, &Value)| match key.as_str() {
                "uid" | "lastTransitionTime" | "creationTimestamp" => (key.clone(), json!(format!("<{key}>"))),
                _ => (key.clone(), masked(value, model)),
            };
            Value::Object(map.iter().map(each).collect())
        }
        other => other.clone(),
    }
}

/// Everything the operator made in the served namespace, and both custom resources with their status.
pub fn picture(store: &Store) -> BTreeMap<Key, Value> {
    let model = store
        .get("Service", MODEL.0, MODEL.1)
        .and_then(|service| service["spec"]["clusterIP"].as_str().map(str::to_owned))
        .unwrap_or_default();
    let of_cluster = ["Pod", "ReplicaSet", "Event"];
    let all = store
        .all()
        .filter(|(key, _)| key.namespace == NAMESPACE && !of_cluster.contains(&key.kind.as_str()) && key.name != "unrelated");
    all.map(|(key, object)| {
        let mut object = masked(object, &model);
        let meta = object["metadata"].as_object_mut().expect("metadata");
        for counted in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            meta.remove(counted);
        }
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("deployment.kubernetes.io/revision");
        }
        if meta.get("annotations").is_some_and(|a| *a == json!({})) {
            meta.remove("annotations");
        }
        if key.kind == "Deployment" {
            object["status"]["observedGeneration"] = Value::Null;
        }
        if let (true, Some(data)) = (key.kind == "Secret", object["data"].as_object_mut()) {
            data.values_mut().for_each(|value| *value = json!("<secret>"));
        }
        (key.clone(), object)
    })
    .collect()
}

/// The first difference of two pictures, for people.
pub fn difference(is: &BTreeMap<Key, Value>, expected: &BTreeMap<Key, Value>) -> Option<String> {
    for (key, object) in expected {
        match is.get(key) {
            None => return Some(format!("{key} is missing")),
            Some(found) if found != object => return Some(format!("{key} is\n{found}\nand should be\n{object}")),
            _ => {}
        }
    }
    is.keys().find(|key| !expected.contains_key(key)).map(|key| format!("{key} should not be there"))
}
