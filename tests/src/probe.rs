//! The test client `probe`, run in the network of a pod, of the node or of the make-believe internet. I/O: processes.

use crate::Outcome;
use crate::command::{Done, run};
use crate::node::Node;
use serde_json::Value;
use std::time::Duration;

/// Where a probe runs.
#[derive(Clone, Debug)]
pub enum From {
    /// In a pod's network, as that user, without capabilities.
    Pod {
        /// Namespace.
        namespace: String,
        /// Pod.
        pod: String,
        /// User id as the pod sees it.
        uid: u32,
    },
    /// On the node itself.
    Node,
}

impl From {
    /// A pod, as the assistant's own user.
    pub fn pod(namespace: &str, pod: &str) -> Self {
        Self::Pod { namespace: namespace.to_owned(), pod: pod.to_owned(), uid: 65534 }
    }
}

/// The line a probe printed.
#[derive(Clone, Debug)]
pub struct Seen(pub Value);

impl Seen {
    /// `open`, `refused`, `timeout`, `unreachable`, `reset`, `closed` or `error:…`.
    pub fn outcome(&self) -> &str {
        self.0["outcome"].as_str().unwrap_or("nothing")
    }

    /// It got through.
    pub fn open(&self) -> bool {
        self.outcome() == "open"
    }

    /// It did not get through, and not for a reason of the probe's own such as a missing port. These are what a closed path looks like.
    pub fn closed(&self) -> bool {
        ["refused", "timeout", "unreachable", "reset", "closed"].contains(&self.outcome())
    }

    /// How far it came: `proxy`, `connect`, `tls`, `http`, `socket` …
    pub fn stage(&self) -> &str {
        self.0["stage"].as_str().unwrap_or_default()
    }

    /// The proxy's status, or 0.
    pub fn status(&self) -> u64 {
        self.0["status"].as_u64().unwrap_or_default()
    }

    /// In a few words.
    pub fn short(&self) -> String {
        let mut words = vec![self.outcome().to_owned()];
        if !self.stage().is_empty() {
            words.push(format!("at {}", self.stage()));
        }
        if self.status() != 0 {
            words.push(format!("({})", self.status()));
        }
        words.join(" ")
    }
}

impl Node {
    /// Runs `probe` with these arguments and reads its line.
    pub async fn probe(&self, from: &From, arguments: &[&str]) -> Outcome<Seen> {
        self.probe_for(from, arguments, Duration::from_secs(30)).await
    }

    /// The same with a deadline of the caller's.
    pub async fn probe_for(&self, from: &From, arguments: &[&str], limit: Duration) -> Outcome<Seen> {
        let uid;
        let (script, mut all): (_, Vec<&str>) = match from {
            From::Pod { namespace, pod, uid: user } => {
                uid = user.to_string();
                ("k3s/node/pod-exec", vec!["--uid", &uid, namespace, pod, "probe"])
            }
            From::Node => ("k3s/node/in.sh", vec!["probe"]),
        };
        all.extend_from_slice(arguments);
        let Done { code, stdout, stderr } = run(self.command(script, &all), limit).await?;
        let line = stdout.lines().next().unwrap_or_default();
        match serde_json::from_str::<Value>(line) {
            Ok(value) if matches!(code, Some(0 | 1)) && value["outcome"].is_string() => Ok(Seen(value)),
            _ => Err(format!("probe {} in {from:?} ended with {code:?}: {stdout}{stderr}", arguments.join(" ")).into()),
        }
    }
}
