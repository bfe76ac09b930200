//! What the make-believe internet recorded, and the names it serves. I/O: files and the control socket of the node's internet.

use crate::Outcome;
use crate::node::Node;
use serde_json::Value;
use std::path::PathBuf;
use tokio::sync::Mutex;

/// The node's internet.
pub struct Internet {
    node: Node,
    zone: Mutex<()>,
}

/// One record: a query, a connection's event, or a flow of packets.
pub type Record = Value;

impl Internet {
    /// Of a node.
    pub fn of(node: &Node) -> Self {
        Self { node: node.clone(), zone: Mutex::new(()) }
    }

    /// The file with the CA of its TLS origins.
    pub fn ca(&self) -> PathBuf {
        self.node.state().join("internet/internet-ca.crt")
    }

    /// Adds lines to the zone (`NAME TYPE TTL ANSWERS`).
    pub async fn names(&self, lines: &[String]) -> Outcome {
        let _one_at_a_time = self.zone.lock().await;
        for line in lines {
            self.node.script("k3s/node/internet", &["add", line]).await?.good("k3s/node/internet add")?;
        }
        Ok(())
    }

    /// All records of a kind (`dns`, `conns`, `udp`, `packets`) since a [`now`], up to date.
    pub async fn records(&self, kind: &str, since: &str) -> Outcome<Vec<Record>> {
        let text = self.node.script("k3s/node/internet", &["records", kind]).await?.good("k3s/node/internet records")?;
        let all = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let when = |record: &Value| record["last"].as_str().or(record["at"].as_str()).unwrap_or_default() >= since;
        Ok(all.into_iter().filter(when).collect())
    }

    /// Packets that came from an address, whatever became of them.
    pub async fn packets_from(&self, address: &str, since: &str) -> Outcome<Vec<Record>> {
        let all = self.records("packets", since).await?;
        Ok(all.into_iter().filter(|packet| host_of(packet["src"].as_str().unwrap_or_default()) == address).collect())
    }

    /// Packets that were sent to an address.
    pub async fn packets_to(&self, address: &str, since: &str) -> Outcome<Vec<Record>> {
        let all = self.records("packets", since).await?;
        Ok(all.into_iter().filter(|packet| host_of(packet["dst"].as_str().unwrap_or_default()) == address).collect())
    }

    /// Queries for a name.
    pub async fn queries_for(&self, name: &str, since: &str) -> Outcome<Vec<Record>> {
        Ok(self.records("dns", since).await?.into_iter().filter(|query| query["name"] == name).collect())
    }
}

/// The address of `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.
fn host_of(end: &str) -> &str {
    if let Some(rest) = end.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match end.matches(':').count() {
        1 => end.split(':').next().unwrap_or_default(),
        _ => end,
    }
}

/// The time as the records write it (RFC 3339, UTC, microseconds): texts of this form compare as times do.
pub fn now() -> String {
    stamp(jiff::Timestamp::now())
}

/// A time as the records write it.
pub fn stamp(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
