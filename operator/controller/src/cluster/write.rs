//! Every write of a child: create, replace, delete, annotate. One write per child at creation, none while nothing differs.

use super::comparable::{Digest, digest};
use super::index::{Index, Kind};
use super::pod::{Gate, PodFacts};
use super::record::{Record, Remembered, controller_of, record};
use crate::error::{Error, Result};
use crate::queue::Sender;
use crate::work::Work;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It was as it should be.
    Nothing,
    /// It was not there.
    Created,
    /// It was different.
    Replaced,
}

/// A kind of child we write.
pub trait Child:
    Remembered + Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Its place in the memory.
    const KIND: Kind;
    /// Takes over from the live object what only the API server may decide.
    fn keep_assigned(&mut self, _live: &Self) {}
}
impl Child for Deployment {
    const KIND: Kind = Kind::Deployment;
}
impl Child for ConfigMap {
    const KIND: Kind = Kind::ConfigMap;
}
impl Child for Secret {
    const KIND: Kind = Kind::Secret;
}
impl Child for NetworkPolicy {
    const KIND: Kind = Kind::NetworkPolicy;
}
impl Child for Service {
    const KIND: Kind = Kind::Service;
    fn keep_assigned(&mut self, live: &Self) {
        if let (Some(spec), Some(live)) = (&mut self.spec, &live.spec) {
            spec.cluster_ip = live.cluster_ip.clone();
            spec.cluster_ips = live.cluster_ips.clone();
            spec.ip_families = live.ip_families.clone();
        }
    }
}
impl Child for PersistentVolumeClaim {
    const KIND: Kind = Kind::Claim;
    fn keep_assigned(&mut self, live: &Self) {
        // Of a claim only the requested size may change, and only upwards; the API server says so if it does not like it.
        let resources = self.spec.take().and_then(|spec| spec.resources);
        self.spec = live.spec.clone();
        if let Some(spec) = &mut self.spec {
            spec.resources = resources;
        }
        self.metadata.finalizers = live.metadata.finalizers.clone();
    }
}

/// Kind, namespace, name.
type Key = (Kind, String, String);
/// Digest of what was built, digest of what the API server made of it.
type Pair = (Digest, Digest);

/// The client with the memory.
#[derive(Clone)]
pub struct Cluster {
    /// For the few reads that are not watched, and for status.
    pub client: Client,
    /// What is known.
    pub index: Index,
    queue: Sender<Work>,
    /// (built, live) pairs that the API server made of our writes: without this, a default that a newer API server adds would be
    /// written again for ever.
    settled: Arc<Mutex<HashMap<Key, Pair>>>,
}

impl Cluster {
    /// A writer with its memory.
    pub fn new(client: Client, index: Index, queue: Sender<Work>) -> Self {
        Self { client, index, queue, settled: Arc::default() }
    }

    /// Brings one child to what was built: nothing, one create, or one replace. A foreign object of that name is refused.
    pub async fn ensure<K: Child>(&self, built: &K) -> Result<Wrote> {
        self.ensure_owned(built, None).await
    }

    /// The same for an object whose owner may come and go, such as a claim with `whenDeleted`: it may have no owner now, or be
    /// owned by `owner` (UID). One that belonged to a former owner is on its way out and not adopted.
    pub async fn ensure_owned<K: Child>(&self, built: &K, owner: Option<&str>) -> Result<Wrote> {
        let (namespace, name) = (built.namespace().unwrap_or_default(), built.name_any());
        let wanted = digest(&K::kind(&()), serde_json::to_value(built).expect("API types serialise"));
        let api = Api::<K>::namespaced(self.client.clone(), &namespace);
        let Some(known) = self.index.get(K::KIND, &namespace, &name) else {
            return self.create(&api, built, wanted, owner).await;
        };
        self.refuse_foreign(built, &known, owner)?;
        if known.deleting {
            // It will be made again once it is gone; a write into a dying object helps nobody.
            return Ok(Wrote::Nothing);
        }
        if known.digest == wanted || self.is_settled(K::KIND, &namespace, &name, wanted, known.digest) {
            return Ok(Wrote::Nothing);
        }
        let live = api.get(&name).await.map_err(|e| failed("get", built, e))?;
        self.refuse_foreign(built, &record(&live), owner)?;
        let mut next = built.clone();
        next.keep_assigned(&live);
        next.meta_mut().resource_version = live.resource_version();
        let live = api.replace(&name, &PostParams::default(), &next).await.map_err(|e| failed("replace", built, e))?;
        tracing::info!(kind = %K::kind(&()), namespace, name, "Replaced");
        self.remember(&namespace, &name, wanted, &live);
        Ok(Wrote::Replaced)
    }

    async fn create<K: Child>(&self, api: &Api<K>, built: &K, wanted: Digest, owner: Option<&str>) -> Result<Wrote> {
        let (namespace, name) = (built.namespace().unwrap_or_default(), built.name_any());
        match api.create(&PostParams::default(), built).await {
            Ok(live) => {
                self.remember(&namespace, &name, wanted, &live);
                Ok(Wrote::Created)
            }
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                // The watches see only what carries our label: what stands in the way is foreign, or newer than our memory.
                let live = api.get(&name).await.map_err(|e| failed("get", built, e))?;
                self.refuse_foreign(built, &record(&live), owner)?;
                Err(failed("create", built, kube::Error::Api(status)))
            }
            Err(error) => Err(failed("create", built, error)),
        }
    }

    /// Creates a child whose content is made once (a password, a token) unless a good one is there already. `good` looks at the
    /// remembered record; content that is there but not good is replaced as a whole.
    pub async fn ensure_minted<K: Child>(
        &self,
        namespace: &str,
        name: &str,
        good: impl Fn(&Record) -> bool,
        mint: impl FnOnce() -> K,
    ) -> Result<Wrote> {
        match self.index.get(K::KIND, namespace, name) {
            Some(known) if good(&known) => Ok(Wrote::Nothing),
            _ => self.ensure(&mint()).await,
        }
    }

    fn refuse_foreign<K: Child>(&self, built: &K, known: &Record, was: Option<&str>) -> Result<()> {
        let labelled = built.labels().iter().all(|(key, value)| known.labels.get(key) == Some(value));
        let ours = match controller_of(built.meta()) {
            // An object without an owner is ours by its labels.
            None => labelled && (known.owner.is_none() || known.owner.as_deref() == was),
            owner => known.owner == owner || (was.is_some() && labelled && known.owner.is_none()),
        };
        if ours { Ok(()) } else { Err(Error::NameTaken { kind: K::kind(&()).into_owned(), name: built.name_any() }) }
    }

    fn remember<K: Child>(&self, namespace: &str, name: &str, wanted: Digest, live: &K) {
        let known = record(live);
        if known.digest != wanted {
            let kind = K::kind(&()).into_owned();
            tracing::warn!(kind, namespace, name, "The API server changed what was written");
            self.settled
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((K::KIND, namespace.to_owned(), name.to_owned()), (wanted, known.digest));
        }
        // The watch will bring the same; until then the next reconcile must not create it again.
        self.index.set(K::KIND, namespace, name, Some(known)).into_iter().for_each(|work| self.queue.push(work));
    }

    fn is_settled(&self, kind: Kind, namespace: &str, name: &str, wanted: Digest, live: Digest) -> bool {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(&(kind, namespace.to_owned(), name.to_owned())) == Some(&(wanted, live))
    }

    /// Deletes one object by name and UID; an absent one is fine. A Deployment stays until its last pod is gone: without it its
    /// ReplicaSet could still make a pod after everybody had seen that none is left.
    pub async fn delete<K: Child>(&self, namespace: &str, name: &str, uid: &str) -> Result<()> {
        let params = if K::KIND == Kind::Deployment { DeleteParams::foreground() } else { DeleteParams::background() };
        self.delete_with::<K>(namespace, name, uid, params).await
    }

    /// Pods whose gate found something that another try in the same pod cannot disprove are replaced.
    pub async fn replace_poisoned(&self, namespace: &str, pods: &[Arc<PodFacts>]) -> Result<()> {
        for pod in pods.iter().filter(|pod| !pod.deleting) {
            if let Gate::Said(evidence) = &pod.gate
                && evidence.replace_pod
            {
                tracing::warn!(
                    namespace,
                    pod = pod.name,
                    reason = evidence.reason,
                    "Replacing a pod that was reached while it should have been closed"
                );
                self.kill_pod(namespace, &pod.name, &pod.uid).await?;
            }
        }
        Ok(())
    }

    /// Deletes one pod at once, without grace: its containers are killed.
    pub async fn kill_pod(&self, namespace: &str, name: &str, uid: &str) -> Result<()> {
        self.delete_with::<Pod>(
            namespace,
            name,
            uid,
            DeleteParams { grace_period_seconds: Some(1), ..DeleteParams::background() },
        )
        .await
    }

    async fn delete_with<K>(&self, namespace: &str, name: &str, uid: &str, params: DeleteParams) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let params = params.preconditions(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
        match Api::<K>::namespaced(self.client.clone(), namespace).delete(name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(api_error("delete", &K::kind(&()), namespace, name, error)),
        }
    }

    /// Sets the replicas of a Deployment to 0 and leaves the rest of it.
    pub async fn stop(&self, namespace: &str, name: &str) -> Result<()> {
        let api = Api::<Deployment>::namespaced(self.client.clone(), namespace);
        let mut live = api.get(name).await.map_err(|error| api_error("get", "Deployment", namespace, name, error))?;
        if let Some(spec) = &mut live.spec {
            spec.replicas = Some(0);
        }
        api.replace(name, &PostParams::default(), &live)
            .await
            .map_err(|error| api_error("replace", "Deployment", namespace, name, error))?;
        Ok(())
    }

    /// Removes all finalizers of one object that only we put there.
    pub async fn release<K: Child>(&self, namespace: &str, name: &str) -> Result<()> {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let mut live = match api.get_opt(name).await {
            Ok(Some(live)) => live,
            Ok(None) => return Ok(()),
            Err(error) => return Err(api_error("get", &K::kind(&()), namespace, name, error)),
        };
        live.meta_mut().finalizers = None;
        match api.replace(name, &PostParams::default(), &live).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(api_error("replace", &K::kind(&()), namespace, name, error)),
        }
    }

    /// Merge-patches metadata of one object.
    pub async fn patch_metadata<K>(&self, namespace: &str, name: &str, metadata: serde_json::Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(serde_json::json!({ "metadata": metadata }));
        match Api::<K>::namespaced(self.client.clone(), namespace).patch_metadata(name, &PatchParams::default(), &patch).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(api_error("patch", &K::kind(&()), namespace, name, error)),
        }
    }

    /// Writes the status of one of our objects.
    pub async fn patch_status<K>(&self, namespace: &str, name: &str, status: serde_json::Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(serde_json::json!({ "status": status }));
        match Api::<K>::namespaced(self.client.clone(), namespace).patch_status(name, &PatchParams::default(), &patch).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(api_error("patch status of", &K::kind(&()), namespace, name, error)),
        }
    }
}

fn failed<K: Resource<DynamicType = ()>>(verb: &'static str, object: &K, source: kube::Error) -> Error {
    let meta = object.meta();
    api_error(
        verb,
        &K::kind(&()),
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
        source,
    )
}

/// An [`Error::Api`] with its object.
pub fn api_error(verb: &'static str, kind: &str, namespace: &str, name: &str, source: kube::Error) -> Error {
    Error::Api { verb, kind: kind.to_owned(), name: format!("{namespace}/{name}"), source: Box::new(source) }
}
