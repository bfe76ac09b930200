//! The writes of a tier's reconcile, in the order in which they are safe: first what denies, then what is read, the pod last.

use super::build::{self, Children};
use super::gather::Gathered;
use super::plan::Plan;
use crate::cluster::{Cluster, Facts};
use crate::error::Result;
use crate::names;
use crate::secret::{os, sha256_hex, token};
use crate::settings::Settings;

/// Applies. The first error stops the rest; the pod is last, so an error means no new pod.
pub async fn apply(cluster: &Cluster, gathered: &Gathered, plan: &Plan, settings: &Settings) -> Result<()> {
    let tier = gathered.tier.as_ref();
    let token = match &gathered.token {
        Some(sha256) => sha256.clone(),
        None => {
            let minted = token(&os);
            cluster.ensure(&build::token(tier, minted.expose().clone())).await?;
            sha256_hex(minted.expose().as_bytes())
        }
    };
    let Children { policy, config, claims, service, workload } = build::children(tier, plan, &token, settings);
    cluster.ensure(&policy).await?;
    cluster.ensure(&config).await?;
    for claim in &claims {
        cluster.ensure_owned(claim, tier.metadata.uid.as_deref()).await?;
    }
    cluster.ensure(&service).await?;
    cluster.ensure(&workload).await?;
    Ok(())
}

/// A refused tier keeps what runs, with one exception: `suspend` stops it whatever else is wrong.
pub async fn hold_back(cluster: &Cluster, gathered: &Gathered) -> Result<()> {
    let ours = gathered.deployment.as_ref().filter(|known| known.owner == gathered.tier.metadata.uid);
    let runs = ours.is_some_and(|known| !matches!(known.facts, Facts::Deployment { wanted: 0, .. }));
    if gathered.tier.spec.suspend && runs {
        cluster.stop(&gathered.name.namespace, &names::agent(&gathered.name.name)).await?;
    }
    Ok(())
}
