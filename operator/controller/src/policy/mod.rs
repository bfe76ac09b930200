//! One EgressPolicy → one Squid with a lane per user: gather → plan → build → apply → report.

mod apply;
mod build;
mod gather;
mod plan;
mod report;

use crate::cluster::Kind;
use crate::context::Context;
use crate::error::Result;
use crate::names;
use crate::queue::Next;
use crate::work::Name;
use assistant_crds::EgressPolicy;
use k8s_openapi::api::apps::v1::Deployment;
use std::time::Duration;

pub use build::secret;
pub use gather::{nodes, service_address, witnesses};
pub use plan::lane_key;

/// How soon a running Squid is asked again whether it runs the newest plan.
const PLAN_RETRY: Duration = Duration::from_millis(500);

/// Brings one policy to what its spec and its tiers want.
pub async fn reconcile(context: &Context, name: &Name) -> Result<Next> {
    let Some(policy) = context.cluster.index.policy(name) else { return Ok(Next::Wait) };
    if policy.metadata.deletion_timestamp.is_some() {
        return cleanup(context, name, &policy).await;
    }
    if !context.settings.namespaces.contains(&name.namespace) {
        let findings = vec![crate::context::not_served("EgressPolicy", &name.namespace, &context.settings.namespaces)];
        report::status(context, &policy, report::Report::only(findings)).await?;
        return Ok(Next::Wait);
    }
    if !policy.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == names::CLEANUP) {
        crate::context::add_finalizer::<EgressPolicy>(&context.cluster, name, policy.metadata.finalizers.clone()).await?;
        return Ok(Next::Wait);
    }
    let gathered = gather::gather(context, name, policy.clone());
    let planned = plan::plan(&gathered, &context.settings, context.now());
    let applied = match &planned {
        Ok(plan) => apply::apply(context, &gathered, plan).await,
        Err(_) => Ok(apply::Applied::default()),
    };
    let seen = match &applied {
        Ok(applied) => gather::squid(context, &gathered, applied).await,
        Err(_) => None,
    };
    let applied = match applied {
        Ok(applied) => apply::refresh(context, &gathered, &applied, seen.as_ref()).await.map(|()| applied),
        failed => failed,
    };
    context.cluster.replace_poisoned(&name.namespace, &gathered.pods).await?;
    let report = report::report(&gathered, &planned, applied.as_ref().err(), seen.as_ref());
    let again = report.again;
    report::status(context, &policy, report).await?;
    applied.map(|_| if again { Next::After(PLAN_RETRY) } else { Next::Wait })
}

/// The proxy first, then its pods must be gone, then the rest goes with the owner.
async fn cleanup(context: &Context, name: &Name, policy: &EgressPolicy) -> Result<Next> {
    let Some(finalizers) = policy.metadata.finalizers.clone().filter(|list| list.iter().any(|f| f == names::CLEANUP)) else {
        return Ok(Next::Wait);
    };
    let index = &context.cluster.index;
    if let Some(known) = index.get(Kind::Deployment, &name.namespace, &names::egress(&name.name))
        && known.owner == policy.metadata.uid
    {
        if !known.deleting {
            context.cluster.delete::<Deployment>(&name.namespace, &names::egress(&name.name), &known.uid).await?;
        }
        return Ok(Next::Wait);
    }
    let pods = index.pods(&name.namespace, &[(names::POLICY, &name.name), (names::COMPONENT, names::EGRESS)]);
    if !pods.is_empty() {
        return Ok(Next::Wait);
    }
    crate::context::remove_finalizer::<EgressPolicy>(&context.cluster, name, finalizers).await?;
    tracing::info!(kind = "EgressPolicy", namespace = name.namespace, name = name.name, "Cleaned up");
    Ok(Next::Wait)
}
