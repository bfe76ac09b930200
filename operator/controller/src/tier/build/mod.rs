//! From a plan to the children of a tier. Pure and deterministic.

mod agent;
mod config;
mod network;

use super::plan::Plan;
use crate::settings::Settings;
use crate::{names, policy};
use assistant_crds::AssistantTier;
use assistant_crds::tier::{Claim, WhenDeleted};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, PersistentVolumeClaimSpec, Secret, Service, ServicePort, ServiceSpec,
    VolumeResourceRequirements,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use std::collections::BTreeMap;

/// Every child of a tier but the minted token. `apply` destructures this without `..`: a child that nobody applies does not compile.
pub struct Children {
    /// Where the agent may go.
    pub policy: NetworkPolicy,
    /// `config.toml`.
    pub config: ConfigMap,
    /// Memory and workspace.
    pub claims: Vec<PersistentVolumeClaim>,
    /// The assistant's gateway.
    pub service: Service,
    /// The assistant.
    pub workload: Deployment,
}

/// Builds all. `token`: SHA-256 of the gateway token.
pub fn children(tier: &AssistantTier, plan: &Plan, token: &str, settings: &Settings) -> Children {
    let name = tier.metadata.name.clone().unwrap_or_default();
    let toml = config::toml(tier, &name, plan, token);
    Children {
        policy: network::agent(tier, &name, plan),
        claims: claims(tier, &name),
        service: service(tier, &name),
        workload: agent::deployment(tier, &name, plan, settings, &toml),
        config: ConfigMap {
            metadata: metadata(tier, names::config(&name)),
            data: Some(BTreeMap::from([("config.toml".to_owned(), toml)])),
            ..ConfigMap::default()
        },
    }
}

/// The gateway token's Secret.
pub fn token(tier: &AssistantTier, token: String) -> Secret {
    let name = tier.metadata.name.clone().unwrap_or_default();
    policy::secret(metadata(tier, names::token(&name)), [("token", token)])
}

fn metadata(tier: &AssistantTier, name: String) -> ObjectMeta {
    let owner = tier.metadata.name.clone().unwrap_or_default();
    ObjectMeta {
        name: Some(name),
        namespace: tier.metadata.namespace.clone(),
        labels: Some(names::tier_labels(&owner)),
        owner_references: tier.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

fn pod_labels(name: &str) -> [(&str, &str); 2] {
    [(names::TIER, name), (names::COMPONENT, names::AGENT)]
}

fn claims(tier: &AssistantTier, name: &str) -> Vec<PersistentVolumeClaim> {
    let storage = &tier.spec.storage;
    let wanted = [(names::state(name), &storage.state, "2Gi"), (names::workspace(name), &storage.workspace, "5Gi")];
    let ours = wanted.into_iter().filter(|(_, claim, _)| claim.existing_claim.is_none());
    ours.map(|(claim_name, claim, size)| {
        let mut metadata = metadata(tier, claim_name);
        if storage.when_deleted == WhenDeleted::Retain {
            metadata.owner_references = None;
        }
        let size = claim.size.clone().unwrap_or_else(|| Quantity(size.to_owned()));
        PersistentVolumeClaim {
            metadata,
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
                resources: Some(VolumeResourceRequirements {
                    requests: Some(BTreeMap::from([("storage".to_owned(), size)])),
                    limits: None,
                }),
                storage_class_name: claim.storage_class_name.clone(),
                volume_mode: Some("Filesystem".to_owned()),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        }
    })
    .collect()
}

/// The name of the claim that is mounted: ours, or the one the tier names.
fn claim_name(ours: String, claim: &Claim) -> String {
    claim.existing_claim.clone().unwrap_or(ours)
}

fn service(tier: &AssistantTier, name: &str) -> Service {
    Service {
        metadata: metadata(tier, names::agent(name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            ip_family_policy: Some("SingleStack".to_owned()),
            ip_families: Some(vec!["IPv4".to_owned()]),
            internal_traffic_policy: Some("Cluster".to_owned()),
            session_affinity: Some("None".to_owned()),
            selector: Some(names::labels(&pod_labels(name))),
            ports: Some(vec![ServicePort {
                name: Some("gateway".to_owned()),
                port: names::GATEWAY_PORT,
                target_port: Some(IntOrString::Int(names::GATEWAY_PORT)),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
