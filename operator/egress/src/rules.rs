//! The rules of a policy and whose lane they speak of. Pure.

use crate::{Host, HostSet, Preset};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Component {
    /// The assistant itself.
    Agent,
    /// Daemons of its channels, such as signal-cli.
    Channels,
    /// One MCP server.
    #[serde(rename = "MCP")]
    Mcp,
    /// Its container sandbox.
    Sandbox,
    /// Pods that are no tier; the key's `tier` then holds the workload's name.
    Workload,
}

/// Whose lane it is. Ordered, so that everything made from lanes has one order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaneKey {
    /// Name of the AssistantTier (of the workload where the component is `Workload`).
    pub tier: String,
    /// Part of the tier.
    pub component: Component,
    /// Name of the MCP server; `None` for every other component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// One rule: these hosts for those lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Name, for warnings.
    pub name: String,
    /// Hosts that are written out.
    pub hosts: Vec<Host>,
    /// A named set in addition to `hosts`.
    pub preset: Option<Preset>,
    /// Tiers it is for; `None`: all.
    pub tiers: Option<BTreeSet<String>>,
    /// Components it is for; `None`: all (workloads have their own hosts and are never meant).
    pub components: Option<BTreeSet<Component>>,
    /// MCP servers it is for; `None`: all. Restricts the component MCP only.
    pub servers: Option<BTreeSet<String>>,
    /// When it ends; `None`: it does not.
    pub until: Option<Timestamp>,
}

/// Pods that are no tier, with hosts of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name, as in [`LaneKey::tier`].
    pub name: String,
    /// Its hosts.
    pub hosts: Vec<Host>,
}

/// What of an EgressPolicy decides who may reach what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Nothing is allowed that no rule names.
    pub rules: Vec<Rule>,
    /// Wins over every rule.
    pub except: Vec<Host>,
    /// Lanes that are no tier's.
    pub workloads: Vec<Workload>,
}

/// A host and when its grant ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedHost {
    /// What is allowed.
    pub host: Host,
    /// End of the grant; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Rule {
    /// Written hosts and those of the preset.
    pub fn all_hosts(&self) -> Vec<Host> {
        let preset = self.preset.map(Preset::hosts).unwrap_or_default();
        self.hosts.iter().cloned().chain(preset).collect()
    }

    /// Whether the rule speaks of this lane.
    pub fn applies_to(&self, lane: &LaneKey) -> bool {
        let component = lane.component;
        component != Component::Workload
            && self.tiers.as_ref().is_none_or(|tiers| tiers.contains(&lane.tier))
            && self.components.as_ref().is_none_or(|components| components.contains(&component))
            && (component != Component::Mcp
                || self.servers.as_ref().is_none_or(|servers| lane.server.as_ref().is_some_and(|s| servers.contains(s))))
            // A rule that names servers but no components is about those servers, not about everything else as well.
            && (component == Component::Mcp || self.servers.is_none() || self.components.is_some())
    }
}

impl Policy {
    /// The hosts of one lane. A host that two rules allow gets the later end, or none; what `except` covers is gone, and so is an
    /// entry that another one covers for at least as long. A subtree that holds an excepted name stays: the plan carries `except`
    /// and Squid refuses those names first.
    pub fn allowed(&self, lane: &LaneKey) -> Vec<AllowedHost> {
        let mut ends: BTreeMap<Host, Option<Timestamp>> = BTreeMap::new();
        for (host, until) in self.granted(lane) {
            ends.entry(host).and_modify(|end| *end = later(*end, until)).or_insert(until);
        }
        let except = HostSet::normalised(self.except.iter().cloned());
        let kept: Vec<AllowedHost> =
            ends.into_iter().filter(|(host, _)| !except.covers(host)).map(|(host, until)| AllowedHost { host, until }).collect();
        kept.iter()
            .filter(|entry| {
                !kept.iter().any(|other| {
                    other.host != entry.host && other.host.covers(&entry.host) && later(other.until, entry.until) == other.until
                })
            })
            .cloned()
            .collect()
    }

    fn granted(&self, lane: &LaneKey) -> Vec<(Host, Option<Timestamp>)> {
        if lane.component == Component::Workload {
            let own = self.workloads.iter().filter(|workload| workload.name == lane.tier);
            return own.flat_map(|workload| workload.hosts.iter().map(|host| (host.clone(), None))).collect();
        }
        let rules = self.rules.iter().filter(|rule| rule.applies_to(lane));
        rules.flat_map(|rule| rule.all_hosts().into_iter().map(|host| (host, rule.until))).collect()
    }
}

/// The later of two ends, where `None` is never.
fn later(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    Some(a?.max(b?))
}

/// The name a lane's owner authenticates with. It is written into squid.conf, so it holds nothing but a to z, digits, hyphens and
/// dots, begins and ends with a letter or digit, and has at most 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LaneUser(String);

/// A string that is no [`LaneUser`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no user name of a lane: it may hold a to z, digits, hyphens and dots, 128 characters at most")]
pub struct LaneUserRefused(String);

impl LaneUser {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LaneUser {
    type Error = LaneUserRefused;

    fn try_from(text: String) -> Result<Self, LaneUserRefused> {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let fits = text.len() <= 128
            && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.'))
            && edge(text.chars().next())
            && edge(text.chars().next_back());
        if fits { Ok(LaneUser(text)) } else { Err(LaneUserRefused(text.chars().take(128).collect())) }
    }
}

impl From<LaneUser> for String {
    fn from(user: LaneUser) -> String {
        user.0
    }
}

impl LaneKey {
    /// The user name of the lane: `<tier>-agent`, and for an MCP server `<tier>-mcp.<server>`. The dot cannot stand in a tier's name,
    /// so no two lanes share one. Fails only where the tier's or server's name is no DNS label.
    pub fn user(&self) -> Result<LaneUser, LaneUserRefused> {
        LaneUser::try_from(self.to_string())
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let component = match self.component {
            Component::Agent => "agent",
            Component::Channels => "channels",
            Component::Mcp => "mcp",
            Component::Sandbox => "sandbox",
            Component::Workload => "workload",
        };
        write!(f, "{}-{component}", self.tier)?;
        self.server.iter().try_for_each(|server| write!(f, ".{server}"))
    }
}

#[cfg(test)]
mod tests;
