//! What a tier's reconcile needs to know. The only reads: memory, the persona's keys, and the model's list.

use crate::cluster::{Facts, Index, Kind, PodFacts, Record};
use crate::conditions::find;
use crate::context::Context;
use crate::error::Result;
use crate::model::Listing;
use crate::policy::lane_key;
use crate::work::Name;
use crate::{names, policy};
use assistant_crds::AssistantTier;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Everything observed.
pub struct Gathered {
    /// Namespace and name.
    pub name: Name,
    /// The tier.
    pub tier: Arc<AssistantTier>,
    /// What its policy offers.
    pub egress: Egress,
    /// The model Service, if the settings name one.
    pub model: Option<Model>,
    /// Keys of the persona ConfigMap; `None`: it is not there.
    pub persona: Option<Vec<String>>,
    /// SHA-256 of the gateway token, once it is minted.
    pub token: Option<String>,
    /// All pods of the tier that may still send packets.
    pub pods: Vec<Arc<PodFacts>>,
    /// The agent Deployment, if it is there.
    pub deployment: Option<Record>,
    /// The fence stands.
    pub fenced: bool,
    /// Witness addresses.
    pub witnesses: Option<[Ipv4Addr; 2]>,
    /// A NetworkPolicy that selects the witnesses.
    pub witness_policy: Option<String>,
    /// Every node offers user namespaces.
    pub user_namespaces: bool,
}

/// What the policy offers this tier.
#[derive(Clone, Debug, PartialEq)]
pub enum Egress {
    /// No policy of that name.
    Missing,
    /// It is being deleted.
    Deleting,
    /// It is there, but this tier has no lane that works.
    NotReady {
        /// Reason of the policy's own condition.
        reason: String,
        /// Its message.
        message: String,
    },
    /// A lane that Squid serves.
    Lane {
        /// Service address.
        address: Ipv4Addr,
        /// Port.
        port: u16,
        /// `$5$` hash of the password: its digest rolls the pod when the password changes.
        hash: String,
        /// Ready now.
        ready: bool,
        /// Hosts the lane allows.
        hosts: Vec<String>,
    },
}

/// The model Service.
#[derive(Clone, Debug)]
pub struct Model {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Service port.
    pub port: u16,
    /// Service address; `None`: no such Service.
    pub address: Option<Ipv4Addr>,
    /// Selector of its pods.
    pub selector: BTreeMap<String, String>,
    /// The port its pods listen on.
    pub target_port: Option<IntOrString>,
    /// What it lists.
    pub listing: Listing,
}

impl Gathered {
    /// Looks again at what our own writes change: without this a tier whose Deployment was just replaced would be reported by the
    /// readiness of the pod that is about to go.
    pub fn look_again(&mut self, index: &Index) {
        (self.deployment, self.pods) = workload(index, &self.name);
    }
}

/// The agent Deployment and the pods that may still send.
fn workload(index: &Index, name: &Name) -> (Option<Record>, Vec<Arc<PodFacts>>) {
    let pods = index.pods(&name.namespace, &[(names::TIER, &name.name), (names::COMPONENT, names::AGENT)]);
    let alive = pods.into_iter().map(|(_, pod)| pod).filter(|pod| pod.alive()).collect();
    (index.get(Kind::Deployment, &name.namespace, &names::agent(&name.name)), alive)
}

/// Reads.
pub async fn gather(context: &Context, name: &Name, tier: Arc<AssistantTier>) -> Result<Gathered> {
    let index = &context.cluster.index;
    let namespace = name.namespace.as_str();
    let (deployment, pods) = workload(index, name);
    let nodes = policy::nodes(index);
    let token = match index.get(Kind::Secret, namespace, &names::token(&name.name)) {
        Some(Record { facts: Facts::Token(sha256), owner, .. }) if owner == tier.metadata.uid => Some(sha256),
        _ => None,
    };
    Ok(Gathered {
        egress: egress(context, name, &tier),
        model: model(context).await,
        persona: persona(context, namespace, &tier).await?,
        token,
        pods,
        deployment,
        fenced: crate::fence::stands(index, namespace),
        witnesses: policy::witnesses(context),
        witness_policy: index.witness_policy(),
        user_namespaces: !nodes.is_empty() && nodes.iter().all(|node| node.user_namespaces),
        name: name.clone(),
        tier,
    })
}

fn egress(context: &Context, name: &Name, tier: &AssistantTier) -> Egress {
    let index = &context.cluster.index;
    let policy_name = &tier.spec.egress_policy_ref.name;
    let Some(policy) = index.policy(&Name::new(&name.namespace, policy_name)) else { return Egress::Missing };
    if policy.metadata.deletion_timestamp.is_some() {
        return Egress::Deleting;
    }
    let status = policy.status.clone().unwrap_or_default();
    let ready = find(&status.conditions, "Ready");
    let served = status.lanes.iter().find(|lane| lane.tier.as_deref() == Some(&name.name));
    let plan = match index.get(Kind::ConfigMap, &name.namespace, &names::plan(policy_name)).map(|record| record.facts) {
        Some(Facts::Plan(Some(plan), _)) => plan,
        _ => return not_ready(ready),
    };
    let Some(lane) = plan.lane(&lane_key(&name.name)) else { return not_ready(ready) };
    let secret = index.get(Kind::Secret, &name.namespace, &names::lane(policy_name, lane.port));
    let address = policy::service_address(index, &name.namespace, &names::egress(policy_name));
    match (served, secret, address) {
        (Some(served), Some(Record { facts: Facts::Lane { hash, .. }, .. }), Some(address))
            if served.port == i32::from(lane.port) =>
        {
            Egress::Lane {
                address,
                port: lane.port,
                hash,
                ready: ready.is_some_and(|c| c.status == "True"),
                hosts: lane.hosts.iter().map(|allowed| allowed.host.as_str().to_owned()).collect(),
            }
        }
        _ => not_ready(ready),
    }
}

fn not_ready(condition: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>) -> Egress {
    // A policy that is ready but does not serve this tier yet has not seen the tier: it will.
    match condition.filter(|condition| condition.status != "True") {
        Some(condition) => Egress::NotReady { reason: condition.reason.clone(), message: condition.message.clone() },
        None => {
            Egress::NotReady { reason: "LanePending".into(), message: "the proxy does not serve this tier's lane yet".into() }
        }
    }
}

async fn model(context: &Context) -> Option<Model> {
    let service = context.settings.model.as_ref()?;
    let index = &context.cluster.index;
    let (address, selector, ports) = match index.get(Kind::Service, &service.namespace, &service.name).map(|record| record.facts)
    {
        Some(Facts::Service { address, selector, ports }) => (address, selector, ports),
        _ => (None, BTreeMap::new(), vec![]),
    };
    let listing = match address {
        Some(ip) => context.models.listing(SocketAddr::new(IpAddr::V4(ip), service.port), index.endpoints_version()).await,
        None => Listing::Failed("there is no such Service".into()),
    };
    Some(Model {
        namespace: service.namespace.clone(),
        name: service.name.clone(),
        port: service.port,
        address,
        selector,
        target_port: ports.into_iter().find(|(port, _)| *port == i32::from(service.port)).map(|(_, target)| target),
        listing,
    })
}

async fn persona(context: &Context, namespace: &str, tier: &AssistantTier) -> Result<Option<Vec<String>>> {
    let Some(name) = super::persona(tier) else { return Ok(Some(vec![])) };
    let api = Api::<ConfigMap>::namespaced(context.cluster.client.clone(), namespace);
    let found =
        api.get_opt(name).await.map_err(|error| crate::cluster::write::api_error("get", "ConfigMap", namespace, name, error))?;
    Ok(found.map(|map| map.data.unwrap_or_default().into_keys().collect()))
}
