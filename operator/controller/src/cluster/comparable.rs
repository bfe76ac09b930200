//! The part of an object that we decide, as a digest. What the API server or a controller of the cluster assigns is left out, so
//! that "what we built" and "what is there" compare equal exactly when nobody changed anything. Pure.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// First 128 bits of the SHA-256 over the canonical JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

/// Annotations that belong to controllers of the cluster.
fn foreign_annotation(key: &str) -> bool {
    key == "deployment.kubernetes.io/revision" || key.starts_with("pv.kubernetes.io/") || key.starts_with("volume.")
}

fn drop_empty(map: &mut Map<String, Value>) {
    map.retain(|_, value| match value {
        Value::Null => false,
        Value::Object(inner) => !inner.is_empty(),
        Value::Array(inner) => !inner.is_empty(),
        _ => true,
    });
}

fn metadata(live: &Map<String, Value>) -> Value {
    let mut kept = Map::new();
    for key in ["labels", "ownerReferences"] {
        if let Some(value) = live.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(annotations)) = live.get("annotations") {
        let ours = annotations.iter().filter(|(key, _)| !foreign_annotation(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        kept.insert("annotations".to_owned(), Value::Object(ours));
    }
    if let Some(Value::Array(finalizers)) = live.get("finalizers") {
        let ours = finalizers.iter().filter(|f| f.as_str().is_some_and(|f| !f.starts_with("kubernetes.io/"))).cloned().collect();
        kept.insert("finalizers".to_owned(), Value::Array(ours));
    }
    drop_empty(&mut kept);
    Value::Object(kept)
}

/// Leaves only what we decide.
pub fn comparable(kind: &str, object: Value) -> Value {
    let Value::Object(mut object) = object else { return object };
    for key in ["status", "apiVersion", "kind"] {
        object.remove(key);
    }
    if let Some(Value::Object(live)) = object.remove("metadata") {
        object.insert("metadata".to_owned(), metadata(&live));
    }
    if let Some(Value::Object(spec)) = object.get_mut("spec") {
        let assigned: &[&str] = match kind {
            "Service" => &["clusterIP", "clusterIPs", "ipFamilies"],
            "PersistentVolumeClaim" => &["volumeName", "storageClassName"],
            _ => &[],
        };
        for key in assigned {
            spec.remove(*key);
        }
    }
    prune(&mut object);
    Value::Object(object)
}

/// `null`, `{}` and `[]` mean the same as absence to the API server, except where an empty selector or rule says "all":
/// there the value stays, because `podSelector: {}` and no `podSelector` differ.
fn prune(object: &mut Map<String, Value>) {
    const MEANT: [&str; 5] = ["podSelector", "namespaceSelector", "emptyDir", "ingress", "egress"];
    object.retain(|key, value| {
        match value {
            Value::Object(inner) => prune(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(prune),
            _ => {}
        }
        let empty = match value {
            Value::Null => true,
            Value::Object(inner) => inner.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        !empty || (MEANT.contains(&key.as_str()) && !value.is_null() && !value.is_array())
    });
}

/// The digest of [`comparable`].
pub fn digest(kind: &str, object: Value) -> Digest {
    let canonical = comparable(kind, object).to_string();
    let hash = Sha256::digest(canonical.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    Digest(u128::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn assigned_values_do_not_count_and_decided_ones_do() {
        let built = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"type": "ClusterIP", "ports": [{"port": 1}]}});
        let live = json!({"metadata": {"name": "a", "labels": {"x": "y"}, "uid": "1", "resourceVersion": "7", "managedFields": []},
            "spec": {"type": "ClusterIP", "clusterIP": "10.43.0.9", "ports": [{"port": 1}]}, "status": {}});
        assert_eq!(digest("Service", built.clone()), digest("Service", live.clone()));
        let mut edited = live;
        edited["spec"]["ports"][0]["port"] = json!(2);
        assert_ne!(digest("Service", built), digest("Service", edited));
    }

    #[test]
    fn an_empty_selector_is_not_absence() {
        let all = json!({"spec": {"podSelector": {}}});
        let none = json!({"spec": {}});
        assert_ne!(digest("NetworkPolicy", all), digest("NetworkPolicy", none));
    }
}
