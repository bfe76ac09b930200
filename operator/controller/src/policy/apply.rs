//! The writes of a policy's reconcile, in the order in which they are safe: who may talk, then what is said, then who talks.

use super::build::{self, Children};
use super::gather::{Gathered, SquidState};
use super::plan::Planned;
use crate::cluster::{Cluster, Facts, Kind};
use crate::context::Context;
use crate::error::Result;
use crate::names;
use crate::secret::{Secret as Hidden, os, sha256_crypt, token};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use std::collections::BTreeMap;

/// What stands now.
#[derive(Default)]
pub struct Applied {
    /// Digest of the plan; `None` where no Squid is wanted.
    pub plan_digest: Option<String>,
}

/// Applies. The first error stops the rest.
pub async fn apply(context: &Context, gathered: &Gathered, planned: &Planned) -> Result<Applied> {
    let cluster = &context.cluster;
    if planned.plan.lanes.is_empty() {
        return remove(cluster, gathered).await;
    }
    let hashes = lanes(cluster, gathered, planned).await?;
    let (namespace, policy) = (gathered.name.namespace.as_str(), gathered.policy.as_ref());
    let admin = names::admin(&gathered.name.name);
    let metadata = build::metadata(policy, admin.clone());
    cluster
        .ensure_minted(
            namespace,
            &admin,
            |known| matches!(known.facts, Facts::Token(_)) && known.owner == policy.metadata.uid,
            || build::secret(metadata, [("token", token(&os).expose().clone())]),
        )
        .await?;
    let htpasswd = hashes.iter().map(|(user, hash)| format!("{user}:{hash}\n")).collect();
    let Children { policy, plan, auth, service, workload } =
        build::children(policy, planned, htpasswd, &context.settings, cluster.index.own_namespace());
    cluster.ensure(&policy).await?;
    cluster.ensure(&plan).await?;
    cluster.ensure(&auth).await?;
    cluster.ensure(&service).await?;
    cluster.ensure(&workload).await?;
    prune_lanes(cluster, gathered, planned).await?;
    Ok(Applied { plan_digest: Some(planned.plan.digest()) })
}

/// Mints what lanes lack; gives user → hash of all.
async fn lanes(cluster: &Cluster, gathered: &Gathered, planned: &Planned) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    for lane in &planned.plan.lanes {
        let Some(user) = &lane.user else { continue };
        if let Some((name, hash)) = gathered.lanes.get(&lane.port)
            && name == user.as_str()
        {
            hashes.insert(name.clone(), hash.clone());
            continue;
        }
        let password: Hidden<String> = token(&os);
        let hash = sha256_crypt(&password, &os);
        let metadata = build::metadata(&gathered.policy, names::lane(&gathered.name.name, lane.port));
        let data = [("username", user.as_str().to_owned()), ("password", password.expose().clone()), ("hash", hash.clone())];
        cluster.ensure(&build::secret(metadata, data)).await?;
        hashes.insert(user.as_str().to_owned(), hash);
    }
    Ok(hashes)
}

/// Passwords of lanes that are gone.
async fn prune_lanes(cluster: &Cluster, gathered: &Gathered, planned: &Planned) -> Result<()> {
    let wanted = |name: &str| planned.plan.lanes.iter().any(|lane| names::lane(&gathered.name.name, lane.port) == name);
    for (name, record) in gathered.lane_secrets.iter().filter(|(name, record)| !wanted(name) && !record.deleting) {
        cluster.delete::<Secret>(&gathered.name.namespace, name, &record.uid).await?;
    }
    Ok(())
}

/// Makes the kubelet refresh the volumes of pods whose Squid says that it runs another plan.
pub async fn refresh(context: &Context, gathered: &Gathered, applied: &Applied, seen: Option<&SquidState>) -> Result<()> {
    let (Some(digest), Some(state)) = (&applied.plan_digest, seen) else { return Ok(()) };
    if state.plan_digest.as_ref() == Some(digest) {
        return Ok(());
    }
    for pod in gathered.pods.iter().filter(|pod| pod.ready && pod.plan_digest.as_ref() != Some(digest)) {
        let annotation = serde_json::json!({ "annotations": { (names::PLAN_DIGEST): digest } });
        context.cluster.patch_metadata::<Pod>(&gathered.name.namespace, &pod.name, annotation).await?;
    }
    Ok(())
}

/// Nobody uses the policy: no Squid and nothing that belongs to it.
async fn remove(cluster: &Cluster, gathered: &Gathered) -> Result<Applied> {
    let (namespace, name) = (gathered.name.namespace.as_str(), gathered.name.name.as_str());
    let ours = |kind, child: &str| {
        cluster.index.get(kind, namespace, child).filter(|r| r.owner == gathered.policy.metadata.uid && !r.deleting)
    };
    if let Some(known) = ours(Kind::Deployment, &names::egress(name)) {
        cluster.delete::<Deployment>(namespace, &names::egress(name), &known.uid).await?;
    }
    // It stays until its pods are gone, and what fences them stays as long.
    let stays = cluster
        .index
        .get(Kind::Deployment, namespace, &names::egress(name))
        .is_some_and(|r| r.owner == gathered.policy.metadata.uid);
    let pods = cluster.index.pods(namespace, &[(names::POLICY, name), (names::COMPONENT, names::EGRESS)]);
    if stays || !pods.is_empty() {
        return Ok(Applied::default());
    }
    for (secret, record) in gathered.lane_secrets.iter().filter(|(_, record)| !record.deleting) {
        cluster.delete::<Secret>(namespace, secret, &record.uid).await?;
    }
    for secret in [names::auth(name), names::admin(name)] {
        if let Some(known) = ours(Kind::Secret, &secret) {
            cluster.delete::<Secret>(namespace, &secret, &known.uid).await?;
        }
    }
    if let Some(known) = ours(Kind::Service, &names::egress(name)) {
        cluster.delete::<Service>(namespace, &names::egress(name), &known.uid).await?;
    }
    if let Some(known) = ours(Kind::NetworkPolicy, &names::egress(name)) {
        cluster.delete::<NetworkPolicy>(namespace, &names::egress(name), &known.uid).await?;
    }
    if let Some(known) = ours(Kind::ConfigMap, &names::plan(name)) {
        cluster.delete::<ConfigMap>(namespace, &names::plan(name), &known.uid).await?;
    }
    Ok(Applied::default())
}
