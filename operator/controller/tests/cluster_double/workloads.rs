//! The controllers' part: Deployment → ReplicaSet → pod, garbage collection by owner, and binding of claims.

use super::Behaviour;
use crate::fake_api::resource::of_kind;
use crate::fake_api::store::{Deletion, Key, Store, deleting, finalizers, label};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn owners(object: &Value) -> Vec<String> {
    let list = object["metadata"]["ownerReferences"].as_array();
    list.into_iter().flatten().filter_map(|owner| owner["uid"].as_str().map(str::to_owned)).collect()
}

fn owned<'a>(store: &'a Store, kind: &'a str, owner: &Value) -> Vec<&'a Value> {
    let (namespace, uid) = (owner["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(), uid(owner).to_owned());
    store.list(kind, "").filter(|o| o["metadata"]["namespace"] == namespace.as_str() && owners(o).contains(&uid)).collect()
}

fn pod_ready(pod: &Value) -> bool {
    !deleting(pod)
        && pod["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// A hash of a pod template, as a label value.
fn template_hash(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    format!("{:010x}", hasher.finish() & 0xff_ffff_ffff)
}

fn child(owner: &Value, name: &str, spec: Value, labels: &Value) -> Value {
    let meta = &owner["metadata"];
    let reference = json!({"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"], "controller": true, "blockOwnerDeletion": true});
    json!({"metadata": {"name": name, "labels": labels, "ownerReferences": [reference]}, "spec": spec})
}

/// One look at every Deployment.
pub fn deployments(store: &mut Store) {
    let all: Vec<Value> = store.list("Deployment", "").filter(|d| !deleting(d)).cloned().collect();
    for deployment in all {
        let key = Key::of(&deployment);
        let template = &deployment["spec"]["template"];
        let hash = template_hash(template);
        let newest = format!("{}-{hash}", key.name);
        let wanted = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
        let sets: Vec<Value> = owned(store, "ReplicaSet", &deployment).into_iter().cloned().collect();
        let ready_of = |store: &Store, set: &Value| owned(store, "Pod", set).into_iter().filter(|pod| pod_ready(pod)).count();
        let olds: Vec<&Value> = sets.iter().filter(|set| set["metadata"]["name"] != newest.as_str()).collect();
        let current = sets.iter().find(|set| set["metadata"]["name"] == newest.as_str());
        let old_pods: usize = olds.iter().map(|set| owned(store, "Pod", set).len()).sum();
        let recreate = deployment["spec"]["strategy"]["type"] == "Recreate";
        let ready = current.map_or(0, |set| ready_of(store, set));
        let scale = |store: &mut Store, set: &Value, replicas: i64| {
            if set["spec"]["replicas"] != replicas {
                store.edit(&Key::of(set), |set| set["spec"]["replicas"] = json!(replicas));
            }
        };
        if recreate || ready >= 1 || wanted == 0 {
            olds.iter().for_each(|set| scale(store, set, 0));
        }
        let may = !recreate || old_pods == 0;
        match current {
            Some(set) if may || wanted == 0 => scale(store, set, wanted),
            None if may => {
                let mut labels = template["metadata"]["labels"].clone();
                labels["pod-template-hash"] = json!(hash);
                let mut template = template.clone();
                template["metadata"]["labels"] = labels.clone();
                let set = child(&deployment, &newest, json!({"replicas": wanted, "template": template}), &labels);
                let _ = store.create(set, of_kind("ReplicaSet"), &key.namespace);
            }
            _ => {}
        }
        let status = json!({
            "observedGeneration": deployment["metadata"]["generation"], "replicas": ready + old_pods, "updatedReplicas": ready, "readyReplicas": ready,
        });
        if deployment["status"] != status {
            store.set_status(&key, status);
        }
        if deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"].is_null() {
            store.edit(&key, |live| live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1"));
        }
    }
}

/// One look at every ReplicaSet. Like the real one it works on what it last saw: a Deployment that is gone does not stop it.
pub fn replica_sets(store: &mut Store, behaviour: &Behaviour, number: &mut u64) {
    if behaviour.hold_pods {
        return;
    }
    let sets: Vec<Value> = store.list("ReplicaSet", "").filter(|set| !deleting(set)).cloned().collect();
    for set in sets {
        let key = Key::of(&set);
        let pods: Vec<Value> = owned(store, "Pod", &set).into_iter().filter(|pod| !deleting(pod)).cloned().collect();
        let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(0)).unwrap_or(0);
        for pod in pods.iter().skip(wanted) {
            let _ = store.delete(&Key::of(pod), &Deletion::default());
        }
        for _ in pods.len()..wanted {
            *number += 1;
            let template = &set["spec"]["template"];
            let mut pod =
                child(&set, &format!("{}-{number}", key.name), template["spec"].clone(), &template["metadata"]["labels"]);
            pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
            let _ = store.create(pod, of_kind("Pod"), &key.namespace);
        }
    }
}

/// Background deletion of what has lost its owner, and the waiting of foreground deletion.
pub fn garbage(store: &mut Store, behaviour: &Behaviour) {
    if behaviour.hold_garbage {
        return;
    }
    let living: HashSet<String> = store.all().map(|(_, object)| uid(object).to_owned()).collect();
    let orphans: Vec<Key> = store
        .all()
        .filter(|(_, object)| {
            !deleting(object) && !owners(object).is_empty() && owners(object).iter().all(|owner| !living.contains(owner))
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in orphans {
        let _ = store.delete(&key, &Deletion::default());
    }
    let waiting: Vec<Value> = store
        .all()
        .map(|(_, object)| object)
        .filter(|o| deleting(o) && finalizers(o).iter().any(|f| f == "foregroundDeletion"))
        .cloned()
        .collect();
    for owner in waiting {
        let dependents: Vec<Key> =
            store.all().filter(|(_, o)| owners(o).contains(&uid(&owner).to_owned())).map(|(key, _)| key.clone()).collect();
        for key in &dependents {
            // A dependent with dependents of its own is deleted in the foreground, too.
            let _ = store.delete(key, &Deletion { foreground: key.kind == "ReplicaSet", ..Deletion::default() });
        }
        if dependents.is_empty() {
            store.edit(&Key::of(&owner), |live| {
                let left: Vec<String> = finalizers(live).into_iter().filter(|f| f != "foregroundDeletion").collect();
                live["metadata"]["finalizers"] = json!(left);
            });
        }
    }
}

const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// Claims are bound at once, and protected while a pod uses them.
pub fn claims(store: &mut Store) {
    let all: Vec<Value> = store.list("PersistentVolumeClaim", "").cloned().collect();
    let used: BTreeSet<String> = store
        .list("Pod", "")
        .flat_map(|pod| pod["spec"]["volumes"].as_array().cloned().unwrap_or_default())
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned))
        .collect();
    for claim in all {
        let key = Key::of(&claim);
        if claim["spec"]["volumeName"].is_null() {
            store.edit(&key, |live| {
                live["spec"]["volumeName"] = json!(format!("pv-{}", key.name));
                live["spec"]["storageClassName"] = json!("local-path");
                live["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
                live["metadata"]["finalizers"] = json!([PROTECTION]);
            });
            store.set_status(&key, json!({"phase": "Bound"}));
        } else if deleting(&claim) && !used.contains(&key.name) && finalizers(&claim).iter().any(|f| f == PROTECTION) {
            store.edit(&key, |live| live["metadata"]["finalizers"] = json!([]));
        }
    }
}

/// Whether a pod belongs to a policy's Squid, and to which.
pub fn squid_of(pod: &Value) -> Option<String> {
    use assistant_operator::names;
    (label(pod, names::COMPONENT) == Some(names::EGRESS)).then(|| label(pod, names::POLICY).map(str::to_owned))?
}
