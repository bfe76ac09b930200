//! What every reconcile shares: the cluster, the settings, the clock, Events, metrics, and what was confirmed from outside.

use crate::cluster::Cluster;
use crate::cluster::write::api_error;
use crate::conditions::{Finding, Status, find};
use crate::error::Result;
use crate::metrics::Metrics;
use crate::model::ModelChecks;
use crate::names;
use crate::settings::{Identity, Settings};
use crate::work::Name;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// See the module.
pub struct Context {
    /// Reads from memory, writes to the API server.
    pub cluster: Cluster,
    /// The operator's settings.
    pub settings: Settings,
    /// What the operator's pod knows of itself.
    pub identity: Identity,
    /// Counters.
    pub metrics: Metrics,
    /// Whether the model Service lists a model, as last asked.
    pub models: ModelChecks,
    recorder: Recorder,
    clock: fn() -> Timestamp,
    /// Pod UID → digest of the plan that its Squid said it runs.
    squids: Mutex<BTreeMap<String, String>>,
}

impl Context {
    /// Puts it together.
    pub fn new(
        cluster: Cluster,
        settings: Settings,
        identity: Identity,
        metrics: Metrics,
        recorder: Recorder,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { cluster, settings, identity, metrics, models: ModelChecks::default(), recorder, clock, squids: Mutex::default() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Whether the Squid of that pod has said that it runs that plan.
    pub fn squid_runs(&self, pod: &str, digest: &str) -> bool {
        self.squids.lock().unwrap_or_else(PoisonError::into_inner).get(pod).is_some_and(|known| known == digest)
    }

    /// Notes what a Squid said. Only the newest 1,024 pods are kept.
    pub fn note_squid(&self, pod: &str, digest: &str) {
        let mut squids = self.squids.lock().unwrap_or_else(PoisonError::into_inner);
        if squids.len() >= 1024 {
            squids.clear();
        }
        squids.insert(pod.to_owned(), digest.to_owned());
    }

    /// Writes a status if it differs from the old one, and tells a changed reason of `Ready` as an Event.
    pub async fn write_status<K, S>(
        &self,
        object: &K,
        old_conditions: &[Condition],
        conditions: &[Condition],
        old: Option<&S>,
        next: &S,
    ) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        S: PartialEq + Serialize,
    {
        if old == Some(next) {
            return Ok(());
        }
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let was = old.map(|old| serde_json::to_value(old).expect("a status serialises")).unwrap_or_default();
        let mut status = serde_json::to_value(next).expect("a status serialises");
        // A merge patch removes only what it names: what was there and is not any more is named with null.
        if let (Some(was), Some(status)) = (was.as_object(), status.as_object_mut()) {
            was.keys().for_each(|key| {
                status.entry(key.clone()).or_insert(serde_json::Value::Null);
            });
        }
        self.cluster.patch_status::<K>(&namespace, &name, status).await?;
        let reason = |list: &[Condition]| find(list, "Ready").map(|c| (c.status.clone(), c.reason.clone()));
        if let Some(ready) = find(conditions, "Ready")
            && reason(old_conditions) != reason(conditions)
            // Where nothing is served we may write a status and nothing else, also no Event.
            && self.settings.namespaces.contains(&namespace)
        {
            tracing::info!(kind = %K::kind(&()), namespace, name, ready = ready.status, reason = ready.reason, message = ready.message, "Status changed");
            self.tell(object, ready).await;
        }
        Ok(())
    }

    async fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, ready: &Condition) {
        let good = ready.status == "True" || ready.reason == "Suspended";
        // An Event is short: the API server refuses notes over 1,024 bytes.
        let note = ready.message.chars().take(900).collect();
        let event = Event {
            type_: if good { EventType::Normal } else { EventType::Warning },
            reason: ready.reason.clone(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::debug!(%error, "Event was not taken");
        }
    }
}

/// The finding for an object in a namespace that the operator does not serve.
pub fn not_served(kind: &str, namespace: &str, served: &BTreeSet<String>) -> Finding {
    let served = served.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message =
        format!("the operator serves no {kind} in namespace {namespace}; it serves: {served} (the chart's value `namespaces`)");
    Finding::new("Ready", Status::False, "NamespaceNotServed", message)
}

async fn patch_finalizers<K>(cluster: &Cluster, name: &Name, finalizers: Vec<String>) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let patch = Patch::Merge(serde_json::json!({ "metadata": { "finalizers": finalizers } }));
    let api = Api::<K>::namespaced(cluster.client.clone(), &name.namespace);
    match api.patch_metadata(&name.name, &PatchParams::default(), &patch).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(api_error("patch", &K::kind(&()), &name.namespace, &name.name, error)),
    }
}

/// Adds our finalizer to those that are there.
pub async fn add_finalizer<K>(cluster: &Cluster, name: &Name, present: Option<Vec<String>>) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let mut finalizers = present.unwrap_or_default();
    finalizers.push(names::CLEANUP.to_owned());
    patch_finalizers::<K>(cluster, name, finalizers).await
}

/// Removes our finalizer and leaves the others.
pub async fn remove_finalizer<K>(cluster: &Cluster, name: &Name, present: Vec<String>) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    patch_finalizers::<K>(cluster, name, present.into_iter().filter(|finalizer| finalizer != names::CLEANUP).collect()).await
}
