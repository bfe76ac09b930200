//! What a policy's reconcile needs to know. The only reads; all but Squid's own word come from memory.

use super::apply::Applied;
use crate::cluster::{Facts, Index, Kind, NodeFacts, PodFacts, Record};
use crate::context::Context;
use crate::http_client;
use crate::names;
use crate::work::Name;
use assistant_crds::EgressPolicy;
use assistant_egress::Plan;
use assistant_proof::ADMIN_PORT;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Everything observed.
pub struct Gathered {
    /// Namespace and name.
    pub name: Name,
    /// The policy.
    pub policy: Arc<EgressPolicy>,
    /// Tiers that get a lane: those that reference the policy, and those of whom a pod with a lane of it still lives.
    pub tiers: BTreeSet<String>,
    /// The plan on record.
    pub recorded: Option<Arc<Plan>>,
    /// Somebody wrote something into the record that is no plan.
    pub record_unreadable: bool,
    /// Lane Secrets: port → (user name, hash).
    pub lanes: BTreeMap<u16, (String, String)>,
    /// Names of the lane Secrets that are ours.
    pub lane_secrets: Vec<(String, Record)>,
    /// The Service's address.
    pub address: Option<Ipv4Addr>,
    /// Failure of the newest ReplicaSet.
    pub deployment_failure: Option<String>,
    /// The egress pods that are not on their way out.
    pub pods: Vec<Arc<PodFacts>>,
    /// The fence stands.
    pub fenced: bool,
    /// Addresses of the witness Services.
    pub witnesses: Option<[Ipv4Addr; 2]>,
    /// All nodes.
    pub nodes: Vec<NodeFacts>,
    /// Service address ranges.
    pub service_ranges: Vec<String>,
}

/// Reads the memory.
pub fn gather(context: &Context, name: &Name, policy: Arc<EgressPolicy>) -> Gathered {
    let index = &context.cluster.index;
    let namespace = name.namespace.as_str();
    let references = index.tiers(namespace);
    let referencing = references
        .iter()
        .filter(|tier| tier.spec.egress_policy_ref.name == name.name)
        .filter_map(|tier| tier.metadata.name.clone());
    let living = index.pods(namespace, &[(names::POLICY, &name.name), (names::COMPONENT, names::AGENT)]);
    let living = living.iter().filter(|(_, pod)| pod.alive()).filter_map(|(record, _)| record.labels.get(names::TIER).cloned());
    // A foreign ConfigMap of that name is no record; applying will refuse it.
    let record =
        index.get(Kind::ConfigMap, namespace, &names::plan(&name.name)).filter(|record| record.owner == policy.metadata.uid);
    let (recorded, record_unreadable) = match record.map(|record| record.facts) {
        Some(Facts::Plan(plan, _)) => (plan.clone(), plan.is_none()),
        Some(_) => (None, true),
        None => (None, false),
    };
    let prefix = format!("{}-lane-", name.name);
    let lane_secrets =
        index.list(Kind::Secret, namespace, |secret, record| secret.starts_with(&prefix) && record.owner == policy.metadata.uid);
    let lanes = lane_secrets
        .iter()
        .filter_map(|(secret, record)| match &record.facts {
            Facts::Lane { username, hash } => {
                Some((secret.strip_prefix(&prefix)?.parse().ok()?, (username.clone(), hash.clone())))
            }
            _ => None,
        })
        .collect();
    let deployment = index.get(Kind::Deployment, namespace, &names::egress(&name.name)).map(|record| record.facts);
    let pods = index.pods(namespace, &[(names::POLICY, &name.name), (names::COMPONENT, names::EGRESS)]);
    Gathered {
        tiers: referencing.chain(living).collect(),
        recorded,
        record_unreadable,
        lanes,
        lane_secrets,
        address: service_address(index, namespace, &names::egress(&name.name)),
        deployment_failure: match deployment {
            Some(Facts::Deployment { failure, .. }) => failure,
            _ => None,
        },
        pods: pods.into_iter().map(|(_, pod)| pod).filter(|pod| !pod.deleting && pod.alive()).collect(),
        fenced: crate::fence::stands(index, namespace),
        witnesses: witnesses(context),
        nodes: nodes(index),
        service_ranges: service_ranges(index),
        name: name.clone(),
        policy,
    }
}

/// The address of a Service, once the cluster has given it one.
pub fn service_address(index: &Index, namespace: &str, name: &str) -> Option<Ipv4Addr> {
    match index.get(Kind::Service, namespace, name)?.facts {
        Facts::Service { address, .. } => address,
        _ => None,
    }
}

/// The addresses of both witness Services.
pub fn witnesses(context: &Context) -> Option<[Ipv4Addr; 2]> {
    let index = &context.cluster.index;
    let of = |name: &str| service_address(index, index.own_namespace(), name);
    Some([of(&context.settings.witnesses.a)?, of(&context.settings.witnesses.b)?])
}

/// All nodes.
pub fn nodes(index: &Index) -> Vec<NodeFacts> {
    let facts = index.list(Kind::Node, "", |_, _| true).into_iter();
    facts.filter_map(|(_, record)| if let Facts::Node(node) = record.facts { Some(node) } else { None }).collect()
}

fn service_ranges(index: &Index) -> Vec<String> {
    let facts = index.list(Kind::ServiceRange, "", |_, _| true).into_iter();
    facts.flat_map(|(_, record)| if let Facts::Ranges(ranges) = record.facts { ranges } else { vec![] }).collect()
}

/// What the running Squid says of itself (`GET /healthz` on the admin port).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SquidState {
    /// Digest of the plan that runs.
    pub plan_digest: Option<String>,
    /// All its ports listen.
    pub ready: bool,
    /// Why a newer plan does not run.
    #[serde(default)]
    pub error: Option<String>,
}

/// Asks the ready egress pod. `None`: no ready pod, or no answer.
pub async fn squid(context: &Context, gathered: &Gathered, applied: &Applied) -> Option<SquidState> {
    let pod = gathered.pods.iter().find(|pod| pod.ready)?;
    let wanted = applied.plan_digest.as_ref()?;
    if context.squid_runs(&pod.uid, wanted) {
        return Some(SquidState { plan_digest: Some(wanted.clone()), ready: true, error: None });
    }
    let api = Api::<Secret>::namespaced(context.cluster.client.clone(), &gathered.name.namespace);
    let secret = api.get_opt(&names::admin(&gathered.name.name)).await.ok()??;
    let token = crate::secret::Secret::new(String::from_utf8(secret.data?.remove("token")?.0).ok()?);
    let admin = SocketAddr::new(IpAddr::V4(pod.address?), ADMIN_PORT);
    let reply = http_client::get(admin, "/healthz", Some(&token), Duration::from_secs(2)).await;
    match reply.and_then(|body| serde_json::from_slice::<SquidState>(&body).map_err(http_client::Error::from)) {
        Ok(state) => {
            if state.ready && state.plan_digest.as_ref() == Some(wanted) {
                context.note_squid(&pod.uid, wanted);
            }
            Some(state)
        }
        Err(error) => {
            tracing::debug!(policy = %gathered.name, %error, "Squid's admin port did not answer");
            None
        }
    }
}
