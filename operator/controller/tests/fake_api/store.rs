//! What the API server keeps: objects with uid, resourceVersion, generation and finalizers, and the history that watches read.
//! No ownership of fields, no admission, no defaults beyond a Service's address: those are checked on a real node.

use super::resource::{Served, of_kind};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An object's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
    pub fn of(object: &Value) -> Self {
        let meta = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Self { kind: object["kind"].as_str().unwrap_or_default().to_owned(), namespace: meta("namespace"), name: meta("name") }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// One change, with both ends, so that a watch with a selector sees objects enter and leave it.
#[derive(Clone, Debug)]
pub struct Change {
    pub version: u64,
    pub key: Key,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// A refusal: code, reason and sentence of a `Status`.
#[derive(Clone, Debug)]
pub struct Refused(pub u16, pub &'static str, pub String);

impl Refused {
    pub fn status(&self) -> Value {
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": self.0, "reason": self.1, "message": self.2})
    }
}

type Answer<T = Value> = Result<T, Refused>;

/// How a delete is to be done.
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    pub uid: Option<String>,
    pub foreground: bool,
    pub grace: Option<i64>,
    /// The kubelet's last word on a pod: it is gone from the node.
    pub force: bool,
}

/// See the module.
#[derive(Default)]
pub struct Store {
    objects: BTreeMap<Key, Value>,
    version: u64,
    uids: u64,
    pub history: Vec<Change>,
    /// What must never have been so.
    pub violations: Vec<String>,
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Finalizers of an object.
pub fn finalizers(object: &Value) -> Vec<String> {
    strings(&object["metadata"]["finalizers"])
}

/// Whether `deletionTimestamp` is set.
pub fn deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// One label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let map = target.as_object_mut().expect("made one above");
    for (key, value) in patch {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

impl Store {
    pub fn version(&self) -> u64 {
        self.version
    }
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&Key::new(kind, namespace, name))
    }
    pub fn read(&self, key: &Key) -> Answer<&Value> {
        self.objects.get(key).ok_or_else(|| Refused(404, "NotFound", format!("{key} not found")))
    }
    /// All objects of a kind; an empty namespace means all.
    pub fn list<'a>(&'a self, kind: &'a str, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |(key, _)| key.kind == kind && (namespace.is_empty() || key.namespace == namespace))
            .map(|(_, object)| object)
    }
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter()
    }

    fn commit(&mut self, key: &Key, new: Option<Value>) -> Option<Value> {
        self.version += 1;
        let new = new.map(|mut new| {
            new["metadata"]["resourceVersion"] = json!(self.version.to_string());
            new
        });
        let old = match &new {
            Some(new) => self.objects.insert(key.clone(), new.clone()),
            None => self.objects.remove(key),
        };
        // A watch event of a deletion carries the last state with the version of the deletion.
        let old = old.map(|mut old| {
            if new.is_none() {
                old["metadata"]["resourceVersion"] = json!(self.version.to_string());
            }
            old
        });
        self.history.push(Change { version: self.version, key: key.clone(), old, new: new.clone() });
        let found = super::invariant::broken(self, key);
        self.violations.extend(found);
        new
    }

    /// POST.
    pub fn create(&mut self, mut object: Value, served: Served, namespace: &str) -> Answer {
        object["kind"] = json!(served.kind);
        object["apiVersion"] = json!(served.api_version);
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let key = Key::of(&object);
        if key.name.is_empty() {
            return Err(Refused(422, "Invalid", "metadata.name: Required value".to_owned()));
        }
        if self.objects.contains_key(&key) {
            return Err(Refused(409, "AlreadyExists", format!("{key} already exists")));
        }
        self.uids += 1;
        let meta = object["metadata"].as_object_mut().expect("it has a name");
        meta.insert("uid".into(), json!(format!("00000000-0000-4000-8000-{:012}", self.uids)));
        meta.insert("creationTimestamp".into(), json!(now()));
        meta.remove("resourceVersion");
        if object["spec"].is_object() {
            object["metadata"]["generation"] = json!(1);
        }
        if served.status_apart {
            object.as_object_mut().expect("an object").remove("status");
        }
        if served.kind == "Service" && object["spec"]["clusterIP"].is_null() {
            // From the name, so that the order in which Services come to be does not show.
            let hash = key.to_string().bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
            let address = format!("10.43.{}.{}", 1 + hash / 250 % 150, 1 + hash % 250);
            object["spec"]["clusterIP"] = json!(address);
            object["spec"]["clusterIPs"] = json!([address]);
        }
        Ok(self.commit(&key, Some(object)).expect("just stored"))
    }

    /// PUT of everything but status.
    pub fn replace(&mut self, key: &Key, mut next: Value) -> Answer {
        let live = self.read(key)?.clone();
        let given = &next["metadata"]["resourceVersion"];
        if given.is_string() && *given != live["metadata"]["resourceVersion"] {
            return Err(Refused(
                409,
                "Conflict",
                format!("{key}: the object has been modified; please apply your changes to the latest version"),
            ));
        }
        let served = of_kind(&key.kind);
        next["kind"] = json!(served.kind);
        next["apiVersion"] = json!(served.api_version);
        if served.status_apart {
            next["status"] = live["status"].clone();
        }
        self.update(key, &live, next)
    }

    /// Merge patch of the object without its status, or of its status alone.
    pub fn patch(&mut self, key: &Key, patch: &Value, status: bool) -> Answer {
        let live = self.read(key)?.clone();
        let mut next = live.clone();
        if status {
            merge(&mut next["status"], &patch["status"]);
        } else {
            let mut patch = patch.clone();
            if of_kind(&key.kind).status_apart {
                patch.as_object_mut().map(|patch| patch.remove("status"));
            }
            merge(&mut next, &patch);
        }
        self.update(key, &live, next)
    }

    /// PUT of the status alone: what the cluster's own controllers and the kubelet do.
    pub fn set_status(&mut self, key: &Key, status: Value) {
        if let Some(live) = self.objects.get(key).cloned() {
            let mut next = live.clone();
            next["status"] = status;
            self.update(key, &live, next).expect("it is there");
        }
    }

    /// An edit by a person or a controller of the cluster.
    pub fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        let live = self.objects.get(key).unwrap_or_else(|| panic!("{key} is not there")).clone();
        let mut next = live.clone();
        change(&mut next);
        self.update(key, &live, next).expect("it is there");
    }

    fn update(&mut self, key: &Key, live: &Value, mut next: Value) -> Answer {
        for field in
            ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"]
        {
            next["metadata"][field] = live["metadata"][field].clone();
        }
        if next["status"].is_null() {
            next.as_object_mut().expect("an object").remove("status");
        }
        next["metadata"]
            .as_object_mut()
            .expect("metadata")
            .retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        if next["spec"] != live["spec"] && live["metadata"]["generation"].is_i64() {
            next["metadata"]["generation"] = json!(live["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        if deleting(&next) && finalizers(&next).is_empty() && key.kind != "Pod" {
            self.commit(key, None);
            return Ok(next);
        }
        if next == *live {
            return Ok(next);
        }
        Ok(self.commit(key, Some(next)).expect("just stored"))
    }

    /// DELETE.
    pub fn delete(&mut self, key: &Key, how: &Deletion) -> Answer<Option<Value>> {
        let live = self.read(key)?.clone();
        if let Some(uid) = &how.uid
            && live["metadata"]["uid"].as_str() != Some(uid)
        {
            return Err(Refused(
                409,
                "Conflict",
                format!("{key}: the UID in the precondition ({uid}) does not match the UID in record"),
            ));
        }
        let mut list = finalizers(&live);
        if how.foreground && !list.iter().any(|f| f == "foregroundDeletion") && !deleting(&live) {
            list.push("foregroundDeletion".to_owned());
        }
        let graceful = key.kind == "Pod" && !how.force;
        if list.is_empty() && !graceful {
            self.commit(key, None);
            return Ok(None);
        }
        let mut next = live.clone();
        if !list.is_empty() {
            next["metadata"]["finalizers"] = json!(list);
        }
        if !deleting(&live) {
            next["metadata"]["deletionTimestamp"] = json!(now());
            if let Some(generation) = live["metadata"]["generation"].as_i64() {
                next["metadata"]["generation"] = json!(generation + 1);
            }
        }
        if graceful {
            next["metadata"]["deletionGracePeriodSeconds"] = json!(how.grace.unwrap_or(2));
        }
        if next != live {
            self.commit(key, Some(next.clone()));
        }
        Ok(Some(next))
    }
}

/// Whole seconds, as the API carries them.
pub fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).expect("the clock is within range").to_string()
}
