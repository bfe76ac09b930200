//! The memory: every watched object as a small [`Record`], both custom resources whole. A change says who must be woken. No I/O.

use super::record::{Facts, Record, is_witness, matches};
use crate::names;
use crate::work::{Name, Work};
use assistant_crds::{AssistantTier, EgressPolicy};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The kinds that are remembered as records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// apps/v1 Deployment.
    Deployment,
    /// v1 Service.
    Service,
    /// v1 ConfigMap.
    ConfigMap,
    /// v1 Secret, ours only.
    Secret,
    /// v1 PersistentVolumeClaim.
    Claim,
    /// networking.k8s.io/v1 NetworkPolicy, all of them.
    NetworkPolicy,
    /// v1 Pod, ours and the witnesses.
    Pod,
    /// v1 Node.
    Node,
    /// networking.k8s.io/v1 ServiceCIDR.
    ServiceRange,
    /// discovery.k8s.io/v1 EndpointSlice of the model.
    Endpoints,
}

type Key = (Kind, String, String);

#[derive(Default)]
struct Memory {
    records: BTreeMap<Key, Record>,
    tiers: BTreeMap<Name, Arc<AssistantTier>>,
    policies: BTreeMap<Name, Arc<EgressPolicy>>,
    /// Objects that could not be decoded, and why.
    malformed: BTreeMap<Work, String>,
}

/// See the module.
#[derive(Clone)]
pub struct Index {
    memory: Arc<RwLock<Memory>>,
    own_namespace: String,
    model_namespace: Option<String>,
    endpoints: Arc<AtomicU64>,
}

/// A custom resource that is remembered whole.
pub trait Resources: kube::Resource<DynamicType = ()> + Sized {
    /// The key of an object of this kind in the work queue.
    fn work(name: Name) -> Work;
    #[doc(hidden)]
    fn store(index: &Index, name: Name, object: Option<Arc<Self>>) -> BTreeSet<Work>;
    #[doc(hidden)]
    fn names(index: &Index) -> Vec<Name>;
}

impl Index {
    /// An empty memory of an operator that runs in `own_namespace`.
    pub fn new(own_namespace: impl Into<String>, model_namespace: Option<String>) -> Self {
        Self { memory: Arc::default(), own_namespace: own_namespace.into(), model_namespace, endpoints: Arc::default() }
    }

    /// The operator's namespace.
    pub fn own_namespace(&self) -> &str {
        &self.own_namespace
    }

    // A panic while the lock is held leaves maps that are still maps; refusing to go on would only hide the first panic.
    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tier of that name.
    pub fn tier(&self, name: &Name) -> Option<Arc<AssistantTier>> {
        self.read().tiers.get(name).cloned()
    }
    /// The policy of that name.
    pub fn policy(&self, name: &Name) -> Option<Arc<EgressPolicy>> {
        self.read().policies.get(name).cloned()
    }
    /// All tiers of a namespace, by name.
    pub fn tiers(&self, namespace: &str) -> Vec<Arc<AssistantTier>> {
        self.read().tiers.iter().filter(|(name, _)| name.namespace == namespace).map(|(_, tier)| tier.clone()).collect()
    }
    /// All policies of a namespace, by name.
    pub fn policies(&self, namespace: &str) -> Vec<Arc<EgressPolicy>> {
        self.read().policies.iter().filter(|(name, _)| name.namespace == namespace).map(|(_, policy)| policy.clone()).collect()
    }
    /// Why an object could not be decoded.
    pub fn malformed(&self, work: &Work) -> Option<String> {
        self.read().malformed.get(work).cloned()
    }

    /// The record of one object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Record> {
        self.read().records.get(&(kind, namespace.to_owned(), name.to_owned())).cloned()
    }
    /// (name, record) of all objects of a kind in a namespace that `keep` wants, by name.
    pub fn list(&self, kind: Kind, namespace: &str, keep: impl Fn(&str, &Record) -> bool) -> Vec<(String, Record)> {
        let first = (kind, namespace.to_owned(), String::new());
        self.read()
            .records
            .range(first..)
            .take_while(|((k, ns, _), _)| *k == kind && ns == namespace)
            .filter(|((_, _, name), record)| keep(name, record))
            .map(|((_, _, name), record)| (name.clone(), record.clone()))
            .collect()
    }
    /// The pods with all these labels.
    pub fn pods(&self, namespace: &str, labels: &[(&str, &str)]) -> Vec<(Record, Arc<super::PodFacts>)> {
        let has = |record: &Record| labels.iter().all(|(key, value)| record.labels.get(*key).map(String::as_str) == Some(value));
        let of = |record: Record| match record.facts.clone() {
            Facts::Pod(pod) => Some((record, pod)),
            _ => None,
        };
        self.list(Kind::Pod, namespace, |_, record| has(record)).into_iter().filter_map(|(_, record)| of(record)).collect()
    }
    /// Name of a NetworkPolicy in our namespace that selects the witness pods, if there is one.
    pub fn witness_policy(&self) -> Option<String> {
        let witnesses: Vec<BTreeMap<String, String>> = self
            .list(Kind::Pod, &self.own_namespace, |_, record| is_witness(&record.labels))
            .into_iter()
            .map(|(_, r)| r.labels)
            .collect();
        let by_chart = names::labels(&[names::WITNESS_POD]);
        let selects = |record: &Record| match &record.facts {
            Facts::Policy(selector) => matches(selector, &by_chart) || witnesses.iter().any(|labels| matches(selector, labels)),
            _ => false,
        };
        self.list(Kind::NetworkPolicy, &self.own_namespace, |_, record| selects(record)).into_iter().map(|(name, _)| name).next()
    }

    /// Remembers (`Some`) or forgets (`None`) an object; who must be woken. Nobody, if nothing that matters changed.
    pub fn set(&self, kind: Kind, namespace: &str, name: &str, record: Option<Record>) -> BTreeSet<Work> {
        let key = (kind, namespace.to_owned(), name.to_owned());
        let mut memory = self.write();
        let old = match record.clone() {
            Some(record) => memory.records.insert(key, record),
            None => memory.records.remove(&key),
        };
        if old == record {
            return BTreeSet::new();
        }
        if kind == Kind::Endpoints {
            self.endpoints.fetch_add(1, Ordering::Relaxed);
        }
        let mut wake = BTreeSet::new();
        for record in old.iter().chain(record.iter()) {
            self.wakes(&memory, kind, namespace, name, record, &mut wake);
        }
        wake
    }

    /// Grows whenever the endpoints of the model Service change.
    pub fn endpoints_version(&self) -> u64 {
        self.endpoints.load(Ordering::Relaxed)
    }

    /// Names of all remembered objects of a kind in a namespace.
    pub fn names(&self, kind: Kind, namespace: &str) -> BTreeSet<String> {
        self.list(kind, namespace, |_, _| true).into_iter().map(|(name, _)| name).collect()
    }

    fn wakes(&self, memory: &Memory, kind: Kind, namespace: &str, name: &str, record: &Record, wake: &mut BTreeSet<Work>) {
        let everyone = |wake: &mut BTreeSet<Work>| {
            wake.extend(memory.tiers.keys().cloned().map(Work::Tier));
            wake.extend(memory.policies.keys().cloned().map(Work::Policy));
        };
        match kind {
            Kind::Node | Kind::ServiceRange => return everyone(wake),
            Kind::Endpoints => return wake.extend(memory.tiers.keys().cloned().map(Work::Tier)),
            Kind::Service if self.model_namespace.as_deref() == Some(namespace) => everyone(wake),
            Kind::NetworkPolicy | Kind::Service | Kind::Pod if namespace == self.own_namespace => everyone(wake),
            Kind::ConfigMap => wake.extend(
                memory
                    .tiers
                    .iter()
                    .filter(|(tier, object)| tier.namespace == namespace && crate::tier::persona(object) == Some(name))
                    .map(|(tier, _)| Work::Tier(tier.clone())),
            ),
            _ => {}
        }
        if let Some(tier) = record.labels.get(names::TIER) {
            wake.insert(Work::Tier(Name::new(namespace, tier)));
        }
        if let Some(policy) = record.labels.get(names::POLICY) {
            wake.insert(Work::Policy(Name::new(namespace, policy)));
            // Address, plan, and the lane's password: a lost one is minted anew, and its user must be given it.
            if matches!(kind, Kind::Service | Kind::ConfigMap | Kind::Secret) {
                wake.extend(users(memory, &Name::new(namespace, policy)));
            }
        }
        let fenced = kind == Kind::Pod && record.labels.contains_key(names::FENCED);
        let fence = kind == Kind::NetworkPolicy && (name.starts_with(names::FENCE) || name == names::WITNESS_POLICY);
        if fenced || fence || (kind == Kind::Deployment && record.labels.contains_key(names::MANAGED_BY)) {
            wake.insert(Work::Fence(namespace.to_owned()));
        }
        if fence {
            // Nothing may start without its fence, so all that live behind it look again.
            wake.extend(memory.tiers.keys().filter(|tier| tier.namespace == namespace).cloned().map(Work::Tier));
            wake.extend(memory.policies.keys().filter(|policy| policy.namespace == namespace).cloned().map(Work::Policy));
        }
    }

    /// Notes that an object cannot be decoded, or that it can again.
    pub fn set_malformed(&self, work: Work, why: Option<String>) {
        let mut memory = self.write();
        match why {
            Some(why) => memory.malformed.insert(work, why),
            None => memory.malformed.remove(&work),
        };
    }
}

/// The tiers that reference a policy.
fn users(memory: &Memory, policy: &Name) -> Vec<Work> {
    memory
        .tiers
        .iter()
        .filter(|(tier, object)| tier.namespace == policy.namespace && object.spec.egress_policy_ref.name == policy.name)
        .map(|(tier, _)| Work::Tier(tier.clone()))
        .collect()
}

impl Resources for AssistantTier {
    fn work(name: Name) -> Work {
        Work::Tier(name)
    }
    fn store(index: &Index, name: Name, object: Option<Arc<Self>>) -> BTreeSet<Work> {
        let mut memory = index.write();
        let old = match object.clone() {
            Some(object) => memory.tiers.insert(name.clone(), object),
            None => memory.tiers.remove(&name),
        };
        // Our own status writes come back as events. They change nothing that anybody else depends on, but the tier itself looks
        // again: a reconcile that began before such an event compared with the status before it, and may have left a wrong one.
        let same = |a: &AssistantTier, b: &AssistantTier| {
            a.metadata.generation == b.metadata.generation
                && a.metadata.uid == b.metadata.uid
                && a.metadata.deletion_timestamp == b.metadata.deletion_timestamp
                && a.metadata.finalizers == b.metadata.finalizers
                && a.metadata.annotations == b.metadata.annotations
        };
        if let (Some(old), Some(new)) = (&old, &object)
            && same(old, new)
        {
            return if old.status == new.status { BTreeSet::new() } else { BTreeSet::from([Work::Tier(name)]) };
        }
        let policies = old.iter().chain(object.iter()).map(|tier| tier.spec.egress_policy_ref.name.clone());
        let mut wake: BTreeSet<Work> = policies.map(|policy| Work::Policy(Name::new(&name.namespace, policy))).collect();
        wake.insert(Work::Fence(name.namespace.clone()));
        wake.insert(Work::Tier(name));
        wake
    }
    fn names(index: &Index) -> Vec<Name> {
        index.read().tiers.keys().cloned().collect()
    }
}

impl Resources for EgressPolicy {
    fn work(name: Name) -> Work {
        Work::Policy(name)
    }
    fn store(index: &Index, name: Name, object: Option<Arc<Self>>) -> BTreeSet<Work> {
        let mut memory = index.write();
        let old = match object.clone() {
            Some(object) => memory.policies.insert(name.clone(), object),
            None => memory.policies.remove(&name),
        };
        let mut wake: BTreeSet<Work> = BTreeSet::new();
        let same_meta = |a: &EgressPolicy, b: &EgressPolicy| {
            (a.metadata.generation, &a.metadata.uid, &a.metadata.deletion_timestamp, &a.metadata.finalizers)
                == (b.metadata.generation, &b.metadata.uid, &b.metadata.deletion_timestamp, &b.metadata.finalizers)
        };
        let meta_changed = !matches!((&old, &object), (Some(a), Some(b)) if same_meta(a, b));
        if meta_changed {
            wake.insert(Work::Policy(name.clone()));
            wake.insert(Work::Fence(name.namespace.clone()));
        }
        if old.as_deref().map(|policy| &policy.status) != object.as_deref().map(|policy| &policy.status) {
            // Our own write, for the reason given with the tiers.
            wake.insert(Work::Policy(name.clone()));
        }
        // Tiers depend on the spec, the lanes, the address and readiness, not on the rest of the status.
        let matters = |policy: &EgressPolicy| {
            policy.status.as_ref().map(|status| {
                let ready = crate::conditions::find(&status.conditions, "Ready").map(|c| (c.status.clone(), c.reason.clone()));
                (status.lanes.clone(), status.address.clone(), ready)
            })
        };
        if meta_changed || old.as_deref().map(matters) != object.as_deref().map(matters) {
            wake.extend(users(&memory, &name));
        }
        wake
    }
    fn names(index: &Index) -> Vec<Name> {
        index.read().policies.keys().cloned().collect()
    }
}

/// Namespace and name of an object.
pub fn name_of<K: ResourceExt>(object: &K) -> Name {
    Name::new(object.namespace().unwrap_or_default(), object.name_any())
}
