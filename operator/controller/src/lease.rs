//! The leader's lease: compare-and-swap by resourceVersion, expiry by our own clock since the lease last changed, so that a wrong
//! clock elsewhere cannot take it away.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A lease that has not changed for this long is free.
pub const TTL: Duration = Duration::from_secs(15);
/// Distance between two tries.
pub const PERIOD: Duration = Duration::from_secs(5);
/// A holder that could not renew for this long gives up before anybody else may take over.
pub const GIVE_UP: Duration = Duration::from_secs(10);

/// One contender.
pub struct Contender {
    api: Api<Lease>,
    name: String,
    me: String,
    /// The version last seen, and when it was first seen.
    seen: Option<(String, Instant)>,
}

impl Contender {
    /// `me` must differ between processes: the pod's name.
    pub fn new(client: Client, namespace: &str, name: &str, me: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned(), me: me.to_owned(), seen: None }
    }

    fn claim(&self) -> LeaseSpec {
        let now = Some(MicroTime(jiff::Timestamp::now()));
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(TTL.as_secs()).ok(),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        }
    }

    /// Takes or renews the lease. `false`: somebody else holds it.
    pub async fn try_hold(&mut self) -> kube::Result<bool> {
        let mut claim = self.claim();
        let written = match self.api.get_opt(&self.name).await? {
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                self.api.create(&PostParams::default(), &Lease { metadata, spec: Some(claim) }).await
            }
            Some(mut lease) => {
                let version = lease.resource_version().unwrap_or_default();
                let old = lease.spec.take().unwrap_or_default();
                let mine = old.holder_identity.as_deref() == Some(&self.me);
                let free = old.holder_identity.as_deref().unwrap_or_default().is_empty();
                let unchanged_for = match &self.seen {
                    Some((seen, at)) if *seen == version => at.elapsed(),
                    _ => {
                        self.seen = Some((version, Instant::now()));
                        Duration::ZERO
                    }
                };
                if !mine && !free && unchanged_for < TTL {
                    return Ok(false);
                }
                if mine {
                    claim.acquire_time = old.acquire_time;
                }
                claim.lease_transitions = Some(old.lease_transitions.unwrap_or(0) + i32::from(!mine));
                lease.spec = Some(claim);
                self.api.replace(&self.name, &PostParams::default(), &lease).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until the lease is ours, or `stop`. `true`: it is ours.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        loop {
            match tokio::time::timeout(PERIOD, self.try_hold()).await {
                Ok(Ok(true)) => return true,
                Ok(Ok(false)) => tracing::debug!("Another process holds the lease"),
                Ok(Err(error)) => tracing::warn!(%error, "The lease cannot be read or written"),
                Err(_) => tracing::warn!("The lease cannot be read or written in time"),
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Keeps the lease until `stop`, then gives it back. Returns early, with `false`, once it is lost or could not be renewed in time.
    pub async fn keep(&mut self, stop: &CancellationToken) -> bool {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.give_back().await;
                    return true;
                }
                () = tokio::time::sleep(PERIOD) => {}
            }
            match tokio::time::timeout(PERIOD, self.try_hold()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => {
                    tracing::error!("Another process took the lease");
                    return false;
                }
                Ok(Err(error)) => tracing::warn!(%error, "The lease was not renewed"),
                Err(_) => tracing::warn!("The lease was not renewed in time"),
            }
            if renewed.elapsed() >= GIVE_UP {
                tracing::error!("The lease could not be renewed for {GIVE_UP:?}");
                return false;
            }
        }
    }

    async fn give_back(&self) {
        let give = async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok::<(), kube::Error>(()) };
            if let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_deref() == Some(&self.me)) {
                spec.holder_identity = None;
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(3), give).await {
            tracing::debug!(%error, "The lease was not given back");
        }
    }
}
