//! One test's own namespace, with what most tests do in it. I/O: through the world.

use crate::Outcome;
use crate::cluster::{condition, conditions, items, text};
use crate::probe::From;
use crate::wait::{Look, until};
use crate::world::World;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long a tier may take to be Ready on a busy machine.
pub const READY: Duration = Duration::from_secs(120);

/// See the module.
#[derive(Clone)]
pub struct Space {
    /// Everything shared.
    pub world: Arc<World>,
    /// The namespace.
    pub name: String,
}

impl Space {
    /// Applies objects in it.
    pub async fn apply(&self, objects: &[Value]) -> Outcome {
        self.world.cluster.apply(&self.name, objects).await
    }

    /// One object of it.
    pub async fn get(&self, kind: &str, name: &str) -> Outcome<Option<Value>> {
        self.world.cluster.get(kind, &self.name, name).await
    }

    /// Deletes an object of it.
    pub async fn delete(&self, kind: &str, name: &str) -> Outcome {
        self.world.cluster.delete(kind, &self.name, name, None).await
    }

    /// Waits until a condition of an object reads `status` and, unless empty, `reason`. The object.
    pub async fn condition(
        &self,
        kind: &str,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
        limit: Duration,
    ) -> Outcome<Value> {
        let what = format!("{kind} {name} to say {type_}={status}/{reason}");
        until(&what, limit, || async {
            let object = self.world.cluster.must(kind, &self.name, name).await?;
            // What is written about an older spec says nothing about this one.
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let matches = condition(&object, type_).is_some_and(|(s, r, _)| s == status && (reason.is_empty() || r == reason));
            Ok(if current && matches { Look::Found(object) } else { Look::NotYet(conditions(&object)) })
        })
        .await
    }

    /// Waits until a tier is Ready and Contained. The tier.
    pub async fn ready(&self, tier: &str) -> Outcome<Value> {
        self.condition("AssistantTier", tier, "Ready", "True", "", READY).await
    }

    /// The pods of a component (`agent`, `egress`) of a tier or policy that are not on their way out.
    pub async fn pods(&self, owner_label: &str, owner: &str, component: &str) -> Outcome<Vec<Value>> {
        let labels = format!("assistant.home.arpa/{owner_label}={owner},assistant.home.arpa/component={component}");
        let pods = self.world.cluster.list("Pod", &self.name, &labels).await?;
        Ok(pods.into_iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none()).collect())
    }

    /// The one agent pod of a tier, once it has an address.
    pub async fn agent(&self, tier: &str) -> Outcome<Pod> {
        self.one_pod("tier", tier, "agent").await
    }

    /// The one egress pod of a policy, once it has an address.
    pub async fn egress(&self, policy: &str) -> Outcome<Pod> {
        self.one_pod("policy", policy, "egress").await
    }

    async fn one_pod(&self, label: &str, owner: &str, component: &str) -> Outcome<Pod> {
        until(&format!("the {component} pod of {owner}"), Duration::from_secs(60), || async {
            let pods = self.pods(label, owner, component).await?;
            let found = pods.iter().find(|pod| !text(pod, "/status/podIP").is_empty());
            Ok(found.map_or_else(|| Look::NotYet(format!("{} pods", pods.len())), |pod| Look::Found(Pod::of(pod))))
        })
        .await
    }

    /// A tier's lane: its egress Service's address with the port, user and password.
    pub async fn lane(&self, policy: &str, tier: &str) -> Outcome<Lane> {
        let object = self.world.cluster.must("EgressPolicy", &self.name, policy).await?;
        let lane = items(&object, "/status/lanes").iter().find(|lane| text(lane, "/tier") == tier);
        let port = lane
            .and_then(|lane| lane["port"].as_u64())
            .ok_or_else(|| format!("EgressPolicy {policy} shows no lane of {tier}"))?;
        let secret = self.world.cluster.must("Secret", &self.name, &format!("{policy}-lane-{port}")).await?;
        let value = |key: &str| decode(&text(&secret, &format!("/data/{key}")));
        Ok(Lane {
            address: format!("{}:{port}", text(&object, "/status/address")),
            user: value("username")?,
            password: value("password")?,
        })
    }

    /// A client in a pod's network, as the assistant's user.
    pub fn from(&self, pod: &str) -> From {
        From::pod(&self.name, pod)
    }
}

/// What tests want of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its address.
    pub address: String,
}

impl Pod {
    /// Of a pod object.
    pub fn of(pod: &Value) -> Self {
        Self { name: text(pod, "/metadata/name"), uid: text(pod, "/metadata/uid"), address: text(pod, "/status/podIP") }
    }
}

/// A way out.
#[derive(Clone)]
pub struct Lane {
    /// `ADDRESS:PORT`.
    pub address: String,
    /// User name.
    pub user: String,
    /// Password of this throw-away cluster's lane.
    pub password: String,
}

/// The text in a Secret's base64.
pub fn decode(base64: &str) -> Outcome<String> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in base64.trim_end_matches('=').bytes() {
        held = (held << 6) | u32::from(digit(byte).ok_or("a Secret's value is no base64")?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff)?);
        }
    }
    Ok(String::from_utf8(bytes)?)
}
