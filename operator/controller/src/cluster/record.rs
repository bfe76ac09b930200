//! What the operator remembers of an object it watches: enough to compare and to decide, not the object. Pure.

use super::comparable::{Digest, digest};
use super::pod::PodFacts;
use crate::names;
use crate::secret::sha256_hex;
use assistant_egress::Plan;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{NetworkPolicy, ServiceCIDR};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// One remembered object.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `metadata.uid`.
    pub uid: String,
    /// UID of the controlling owner.
    pub owner: Option<String>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// Digest of the part we decide.
    pub digest: Digest,
    /// What else matters of this kind.
    pub facts: Facts,
}

/// The facts kept per kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// Nothing but the digest.
    None,
    /// Replica counts of a Deployment.
    Deployment {
        /// `spec.replicas`.
        wanted: i32,
        /// Ready replicas of the newest template, 0 while the controller has not seen the newest spec.
        ready: i32,
        /// Why the newest ReplicaSet cannot make pods (condition `ReplicaFailure`).
        failure: Option<String>,
    },
    /// Address, selector and target port of a Service.
    Service {
        /// `spec.clusterIP`.
        address: Option<Ipv4Addr>,
        /// `spec.selector`.
        selector: BTreeMap<String, String>,
        /// (port, target port: a number, or the name that its pods give theirs).
        ports: Vec<(i32, IntOrString)>,
    },
    /// The recorded plan of an egress ConfigMap.
    Plan(Option<Arc<Plan>>, String),
    /// A lane's user name and hash.
    Lane {
        /// User name.
        username: String,
        /// `$5$` hash.
        hash: String,
    },
    /// SHA-256 of the token in a Secret.
    Token(String),
    /// A pod.
    Pod(Arc<PodFacts>),
    /// `spec.podSelector` of a NetworkPolicy.
    Policy(LabelSelector),
    /// Addresses and features of a node.
    Node(NodeFacts),
    /// Address ranges of Services.
    Ranges(Vec<String>),
}

/// What a node tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Internal and external addresses.
    pub addresses: Vec<IpAddr>,
    /// Pod address ranges.
    pub pod_ranges: Vec<String>,
    /// Some runtime handler offers user namespaces for pods.
    pub user_namespaces: bool,
}

/// An object kind that can be remembered.
pub trait Remembered: Serialize {
    /// The facts of this object.
    fn facts(&self) -> Facts;
}

/// Reduces an object.
pub fn record<K: Remembered + kube::Resource<DynamicType = ()>>(object: &K) -> Record {
    let meta: &ObjectMeta = object.meta();
    let value = serde_json::to_value(object).expect("API types serialise");
    Record {
        uid: meta.uid.clone().unwrap_or_default(),
        owner: controller_of(meta),
        labels: meta.labels.clone().unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        finalizers: meta.finalizers.clone().unwrap_or_default(),
        digest: digest(&K::kind(&()), value),
        facts: object.facts(),
    }
}

/// UID of the controlling owner.
pub fn controller_of(meta: &ObjectMeta) -> Option<String> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone())
}

impl Remembered for Deployment {
    fn facts(&self) -> Facts {
        let status = self.status.clone().unwrap_or_default();
        let seen = status.observed_generation == self.metadata.generation;
        let failure = status.conditions.iter().flatten().find(|c| c.type_ == "ReplicaFailure" && c.status == "True");
        Facts::Deployment {
            wanted: self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            ready: if seen { status.updated_replicas.unwrap_or(0).min(status.ready_replicas.unwrap_or(0)) } else { 0 },
            failure: failure.and_then(|c| c.message.clone()),
        }
    }
}

impl Remembered for Service {
    fn facts(&self) -> Facts {
        let spec = self.spec.clone().unwrap_or_default();
        Facts::Service {
            address: spec.cluster_ip.and_then(|ip| ip.parse().ok()),
            selector: spec.selector.unwrap_or_default(),
            ports: spec
                .ports
                .into_iter()
                .flatten()
                .map(|port| (port.port, port.target_port.unwrap_or(IntOrString::Int(port.port))))
                .collect(),
        }
    }
}

impl Remembered for ConfigMap {
    fn facts(&self) -> Facts {
        match self.data.as_ref().and_then(|data| data.get("plan.json")) {
            Some(json) => Facts::Plan(Plan::from_json(json.as_bytes()).ok().map(Arc::new), sha256_hex(json.as_bytes())),
            None => Facts::None,
        }
    }
}

impl Remembered for Secret {
    fn facts(&self) -> Facts {
        let text = |key: &str| {
            let bytes = self.data.as_ref()?.get(key)?;
            String::from_utf8(bytes.0.clone()).ok()
        };
        match (text("username"), text("hash"), text("token")) {
            (Some(username), Some(hash), _) => Facts::Lane { username, hash },
            (_, _, Some(token)) => Facts::Token(sha256_hex(token.as_bytes())),
            _ => Facts::None,
        }
    }
}

impl Remembered for PersistentVolumeClaim {
    fn facts(&self) -> Facts {
        Facts::None
    }
}

impl Remembered for NetworkPolicy {
    fn facts(&self) -> Facts {
        Facts::Policy(self.spec.as_ref().and_then(|spec| spec.pod_selector.clone()).unwrap_or_default())
    }
}

impl Remembered for Pod {
    fn facts(&self) -> Facts {
        Facts::Pod(Arc::new(PodFacts::of(self)))
    }
}

impl Remembered for Node {
    fn facts(&self) -> Facts {
        let status = self.status.clone().unwrap_or_default();
        let handlers = status.runtime_handlers.unwrap_or_default();
        let spec = self.spec.clone().unwrap_or_default();
        Facts::Node(NodeFacts {
            addresses: status.addresses.iter().flatten().filter_map(|a| a.address.parse().ok()).collect(),
            pod_ranges: spec.pod_cidrs.unwrap_or_default(),
            user_namespaces: handlers
                .iter()
                .filter(|handler| handler.name.as_deref().unwrap_or("").is_empty())
                .any(|handler| handler.features.as_ref().and_then(|f| f.user_namespaces) == Some(true)),
        })
    }
}

impl Remembered for ServiceCIDR {
    fn facts(&self) -> Facts {
        Facts::Ranges(self.spec.as_ref().and_then(|spec| spec.cidrs.clone()).unwrap_or_default())
    }
}

impl Remembered for EndpointSlice {
    fn facts(&self) -> Facts {
        Facts::None
    }
}

/// Whether a selector matches labels (`matchLabels` and `matchExpressions`, as the API defines them). An operator this version does
/// not know matches, so that it is reported rather than overlooked.
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let pairs = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector.match_expressions.iter().flatten().all(|expression| {
        let value = labels.get(&expression.key);
        let listed = value.is_some_and(|value| expression.values.iter().flatten().any(|v| v == value));
        match expression.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    });
    pairs && expressions
}

/// Whether the labels are those of a witness pod.
pub fn is_witness(labels: &BTreeMap<String, String>) -> bool {
    labels.get(names::WITNESS_POD.0).map(String::as_str) == Some(names::WITNESS_POD.1)
}
