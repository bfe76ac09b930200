//! The fence of a namespace: the policy that denies everything to every pod we make. It stands before the first pod and ends after
//! the last: our finalizer keeps it enforced while it is being deleted (measured: a policy with a deletion time is still enforced),
//! and another of the next name follows at once.

mod plan;

use crate::cluster::{Cluster, Index, Kind, Record};
use crate::error::Result;
use crate::names;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use plan::Plan;

/// Whether everything that must stand before a pod is there, as far as we have seen.
pub fn stands(index: &Index, namespace: &str) -> bool {
    let built = plan::fence(namespace, names::FENCE);
    let wanted = crate::cluster::record::record(&built).digest;
    let fence = fences(index, namespace).iter().any(|(_, fence)| !fence.deleting && fence.digest == wanted);
    let witness = index.get(Kind::NetworkPolicy, namespace, names::WITNESS_POLICY).is_some_and(|record| !record.deleting);
    fence && witness
}

fn fences(index: &Index, namespace: &str) -> Vec<(String, Record)> {
    index.list(Kind::NetworkPolicy, namespace, |name, record| {
        name.starts_with(names::FENCE) && record.labels.get(names::MANAGED_BY).map(String::as_str) == Some(names::OPERATOR)
    })
}

/// Brings the fence of a namespace to what the namespace needs.
pub async fn reconcile(cluster: &Cluster, namespace: &str) -> Result<()> {
    let index = &cluster.index;
    let pods = index.pods(namespace, &[(names::FENCED, "true")]);
    let workloads = index.list(Kind::Deployment, namespace, |_, record| record.labels.contains_key(names::MANAGED_BY));
    let needed = !index.tiers(namespace).is_empty()
        || !index.policies(namespace).is_empty()
        || !workloads.is_empty()
        || pods.iter().any(|(_, pod)| pod.alive());
    let fences = fences(index, namespace);
    let plan = plan::plan(needed, &fences);
    apply(cluster, namespace, &fences, plan).await
}

async fn apply(cluster: &Cluster, namespace: &str, fences: &[(String, Record)], plan: Plan) -> Result<()> {
    if let Some(name) = &plan.stand {
        cluster.ensure(&plan::fence(namespace, name)).await?;
        cluster.ensure(&plan::witness(namespace, cluster.index.own_namespace())).await?;
    }
    for (name, fence) in fences.iter().filter(|(name, _)| plan.end.contains(name)) {
        if !fence.deleting {
            cluster.delete::<NetworkPolicy>(namespace, name, &fence.uid).await?;
        }
        cluster.release::<NetworkPolicy>(namespace, name).await?;
        tracing::info!(namespace, name, "Released fence");
    }
    if plan.stand.is_none()
        && let Some(witness) = cluster.index.get(Kind::NetworkPolicy, namespace, names::WITNESS_POLICY)
        && witness.labels.get(names::MANAGED_BY).map(String::as_str) == Some(names::OPERATOR)
    {
        cluster.delete::<NetworkPolicy>(namespace, names::WITNESS_POLICY, &witness.uid).await?;
    }
    Ok(())
}
