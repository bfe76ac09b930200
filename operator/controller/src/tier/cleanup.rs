//! The end of a tier: its pods first, then what fenced them. The namespace's fence outlives them all.

use crate::cluster::Kind;
use crate::context::{Context, remove_finalizer};
use crate::error::Result;
use crate::names;
use crate::queue::Next;
use crate::work::Name;
use assistant_crds::AssistantTier;
use k8s_openapi::api::apps::v1::Deployment;

/// Deletes the Deployment, waits until no pod of the tier is left, then lets the rest go with its owner.
pub async fn cleanup(context: &Context, name: &Name, tier: &AssistantTier) -> Result<Next> {
    let Some(finalizers) = tier.metadata.finalizers.clone().filter(|list| list.iter().any(|f| f == names::CLEANUP)) else {
        return Ok(Next::Wait);
    };
    let index = &context.cluster.index;
    let workload = names::agent(&name.name);
    if let Some(known) = index.get(Kind::Deployment, &name.namespace, &workload)
        && known.owner == tier.metadata.uid
    {
        if !known.deleting {
            context.cluster.delete::<Deployment>(&name.namespace, &workload, &known.uid).await?;
        }
        return Ok(Next::Wait);
    }
    if !index.pods(&name.namespace, &[(names::TIER, &name.name)]).is_empty() {
        return Ok(Next::Wait);
    }
    remove_finalizer::<AssistantTier>(&context.cluster, name, finalizers).await?;
    tracing::info!(kind = "AssistantTier", namespace = name.namespace, name = name.name, "Cleaned up");
    Ok(Next::Wait)
}
