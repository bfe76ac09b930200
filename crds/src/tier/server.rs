//! Entries of `mcpServers` of a tier. Types only, no I/O.

use crate::parts::Resources;
use crate::{rule, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A server of tools, in a pod of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule::telling(
    "[has(self.preset), has(self.remote), has(self.container)].filter(x, x).size() == 1",
    "\"server '\" + self.name + \"' \" + (has(self.preset) || has(self.remote) || has(self.container) ? \"has more than one of preset, remote and container; keep one of them\" : \"has none of preset, remote and container; use preset for a server the operator knows, remote for one somebody else runs, container for an image of yours\")",
    "a server has exactly one of preset, remote and container",
)]))]
pub struct McpServer {
    /// Name, unique in this tier. The assistant sees its tools as `<name>__<tool>`.
    #[schemars(schema_with = "text::server_name")]
    pub name: String,
    /// A server the operator knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<PresetServer>,
    /// A server somebody else runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteServer>,
    /// A server from an image of yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerServer>,
    /// Names of the `credentials` this server uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::credential_names")]
    pub credentials: Vec<String>,
    /// The tools the assistant may use, by name. Every other tool of the server is hidden and refused.
    #[schemars(schema_with = "text::tools")]
    pub tools: Vec<String>,
}

/// A server the operator knows: image, hosts and credential come from its table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresetServer {
    /// Which one.
    pub name: ServerPreset,
}

/// Servers the operator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServerPreset {
    /// Amazing Marvin, a to-do list.
    Marvin,
    /// Google Mail.
    Gmail,
    /// Google Calendar.
    Calendar,
}

/// A server somebody else runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteServer {
    /// Its address, `https://` and a host name, e.g. `https://mcp.example.org/v1`. The host must be in a rule of the EgressPolicy.
    #[schemars(schema_with = "text::url")]
    pub url: String,
}

/// A server from an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule::telling(
    "has(self.port) == (self.transport == 'Http')",
    "has(self.port) ? \"port is only used with transport Http; leave it out, or set transport to Http\" : \"transport Http needs port, the port the server listens on\"",
    "port is given with transport Http and only then",
)]))]
pub struct ContainerServer {
    /// The image.
    #[schemars(schema_with = "text::image")]
    pub image: String,
    /// What is started in it. Left out: what the image says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 1024)))]
    pub command: Vec<String>,
    /// `Stdio`: the server talks on its standard input and output. `Http`: it listens on a port of its own loopback address.
    #[serde(default)]
    pub transport: Transport,
    /// The port it listens on; needed with transport `Http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// CPU and memory. Left out: the operator's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Transport {
    /// Standard input and output.
    #[default]
    Stdio,
    /// Streamable HTTP on loopback.
    Http,
}
