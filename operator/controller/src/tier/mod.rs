//! One AssistantTier → one assistant pod behind its fence: gather → plan → build → apply → report.

mod apply;
mod build;
mod cleanup;
mod gather;
mod plan;
mod report;

use crate::cluster::Kind;
use crate::context::Context;
use crate::error::Result;
use crate::names;
use crate::queue::Next;
use crate::work::Name;
use assistant_crds::AssistantTier;
use std::time::Duration;

/// How soon a model Service that did not answer is asked again; its endpoints wake us too.
const MODEL_RETRY: Duration = Duration::from_secs(15);

/// The ConfigMap that a tier's persona comes from.
pub fn persona(tier: &AssistantTier) -> Option<&str> {
    tier.spec.agent.persona.as_ref().map(|persona| persona.config_map_ref.name.as_str())
}

/// Brings one tier to what its spec wants, as far as that is safe now.
pub async fn reconcile(context: &Context, name: &Name) -> Result<Next> {
    let Some(tier) = context.cluster.index.tier(name) else { return Ok(Next::Wait) };
    if tier.metadata.deletion_timestamp.is_some() {
        return cleanup::cleanup(context, name, &tier).await;
    }
    if !context.settings.namespaces.contains(&name.namespace) {
        let finding = crate::context::not_served("AssistantTier", &name.namespace, &context.settings.namespaces);
        report::status(context, &tier, report::Report::only(finding)).await?;
        return Ok(Next::Wait);
    }
    if !tier.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == names::CLEANUP) {
        crate::context::add_finalizer::<AssistantTier>(&context.cluster, name, tier.metadata.finalizers.clone()).await?;
        return Ok(Next::Wait);
    }
    let mut gathered = gather::gather(context, name, tier.clone()).await?;
    let planned = plan::plan(&gathered, &context.settings, context.identity.api_server);
    let applied = match &planned {
        Ok(plan) => apply::apply(&context.cluster, &gathered, plan, &context.settings).await,
        Err(_) => apply::hold_back(&context.cluster, &gathered).await,
    };
    context.cluster.replace_poisoned(&name.namespace, &gathered.pods).await?;
    // A Deployment that was just replaced is not ready because its former self was.
    gathered.deployment = context.cluster.index.get(Kind::Deployment, &name.namespace, &names::agent(&name.name));
    gathered.look_again(&context.cluster.index);
    let report = report::report(&gathered, &planned, applied.as_ref().err());
    let retry = report.model_pending;
    report::status(context, &tier, report).await?;
    applied.map(|()| if retry { Next::After(MODEL_RETRY) } else { Next::Wait })
}
