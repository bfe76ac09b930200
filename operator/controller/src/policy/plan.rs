//! From a policy and its users to a plan of lanes, or to a refusal with a sentence. Pure; the time is an argument.

use super::gather::Gathered;
use crate::settings::Settings;
use assistant_crds::policy::{Component as ApiComponent, EgressRule};
use assistant_egress::{self as egress, Host, LaneKey, Plan, PlanError, Rule, WantedLane};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// A policy that can be built.
#[derive(Debug)]
pub struct Planned {
    /// Lanes, hosts, ranges. No lane: no Squid.
    pub plan: Plan,
    /// Distinct hosts that any rule names.
    pub host_count: usize,
    /// Sentences about hosts that anyone can have an account on.
    pub warnings: Vec<String>,
    /// The two witness addresses.
    pub witnesses: [Ipv4Addr; 2],
    /// Every node offers user namespaces.
    pub user_namespaces: bool,
    /// Some node gives pods IPv6 addresses.
    pub ipv6: bool,
}

/// Why there is no new plan. What ran keeps running.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// CamelCase word.
    pub reason: &'static str,
    /// One sentence: field, found, allowed.
    pub message: String,
    /// Only a change of the spec helps.
    pub stalled: bool,
}

impl Refusal {
    fn spec(reason: &'static str, message: String) -> Self {
        Self { reason, message, stalled: true }
    }
}

/// The lane of a tier's agent.
pub fn lane_key(tier: &str) -> LaneKey {
    LaneKey { tier: tier.to_owned(), component: egress::Component::Agent, server: None }
}

/// The sentence for a host that is refused.
fn host_refusal(field: &str, host: &str, error: &egress::HostRefused) -> String {
    format!("{field} is {host:?}: {error}")
}

fn hosts(field: &str, list: &[String]) -> Result<Vec<Host>, Refusal> {
    let parse =
        |host: &String| host.parse::<Host>().map_err(|error| Refusal::spec("InvalidHost", host_refusal(field, host, &error)));
    list.iter().map(parse).collect()
}

fn rule(rule: &EgressRule) -> Result<Rule, Refusal> {
    let field = format!("spec.rules[{}]", rule.name);
    if let Some(component) = rule.components.iter().find(|component| **component != ApiComponent::Agent) {
        let found = serde_json::to_value(component).expect("an enum without fields serialises");
        return Err(unsupported(&format!("{field}.components"), found.as_str().unwrap_or_default(), "Agent"));
    }
    if let Some(server) = rule.servers.first() {
        return Err(unsupported(&format!("{field}.servers"), server, "nothing; leave it out"));
    }
    Ok(Rule {
        name: rule.name.clone(),
        hosts: hosts(&format!("{field}.hosts"), &rule.hosts)?,
        preset: rule.preset.map(egress::Preset::from),
        tiers: (!rule.tiers.is_empty()).then(|| rule.tiers.iter().cloned().collect()),
        components: (!rule.components.is_empty()).then(|| BTreeSet::from([egress::Component::Agent])),
        servers: None,
        until: rule.until.as_ref().map(|time| time.0),
    })
}

fn unsupported(field: &str, found: &str, allowed: &str) -> Refusal {
    Refusal::spec(
        "Unsupported",
        format!("{field} is {found}, which this version of the operator cannot do yet; allowed here: {allowed}"),
    )
}

/// Plans.
pub fn plan(gathered: &Gathered, settings: &Settings, now: Timestamp) -> Result<Planned, Refusal> {
    let spec = &gathered.policy.spec;
    if let Some(workload) = spec.workloads.first() {
        return Err(unsupported(&format!("spec.workloads[{}]", workload.name), "set", "no workloads"));
    }
    let rules = spec.rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    let policy = egress::Policy { rules, except: hosts("spec.except", &spec.except)?, workloads: vec![] };
    if gathered.record_unreadable {
        let record = crate::names::plan(&gathered.name.name);
        let message = format!(
            "ConfigMap {record} holds no readable plan, and without it the ports of running lanes are unknown; delete that ConfigMap to start with new ports"
        );
        return Err(Refusal { reason: "RecordUnreadable", message, stalled: false });
    }
    let wanted = gathered.tiers.iter().map(|tier| {
        let key = lane_key(tier);
        let user = key.user().map_err(|error| Refusal::spec("InvalidName", error.to_string()))?;
        Ok(WantedLane { hosts: policy.allowed(&key), user: Some(user), key })
    });
    let wanted = wanted.collect::<Result<Vec<_>, Refusal>>()?;
    let local = local_ranges(gathered, &settings.local_ranges);
    let plan =
        egress::plan(gathered.recorded.as_deref(), wanted, &policy.except, &BTreeSet::new(), &local, now).map_err(|error| {
            let reason = match error {
                PlanError::TooManyLanes { .. } => "TooManyLanes",
                PlanError::NoFreePort { .. } => "NoFreePort",
                PlanError::SharedUser { .. } => "SharedUser",
            };
            Refusal { reason, message: error.to_string(), stalled: false }
        })?;
    if !gathered.fenced {
        return Err(Refusal {
            reason: "FenceMissing",
            message: "waiting for the namespace's fence to be seen".into(),
            stalled: false,
        });
    }
    let Some(witnesses) = gathered.witnesses else {
        let message =
            "the Services witness-a and witness-b of the operator have no address; install them with the chart secure-assistant";
        return Err(Refusal { reason: "WitnessMissing", message: message.into(), stalled: false });
    };
    let all: BTreeSet<Host> = policy.rules.iter().flat_map(Rule::all_hosts).collect();
    Ok(Planned {
        plan,
        host_count: all.len(),
        warnings: egress::warnings(&policy),
        witnesses,
        user_namespaces: !gathered.nodes.is_empty() && gathered.nodes.iter().all(|node| node.user_namespaces),
        ipv6: gathered.nodes.iter().flat_map(|node| &node.pod_ranges).any(|range| range.contains(':')),
    })
}

/// What is local to this cluster: pods, Services, nodes with what is on-link to them, and what the settings add. The API does not
/// tell a node's prefixes: a /24 around an IPv4 address and a /64 around an IPv6 address (homes have global IPv6) stand for them.
fn local_ranges(gathered: &Gathered, configured: &[IpNet]) -> Vec<IpNet> {
    let parsed = |range: &String| range.parse::<IpNet>().ok();
    let pods = gathered.nodes.iter().flat_map(|node| &node.pod_ranges).filter_map(parsed);
    let services = gathered.service_ranges.iter().filter_map(parsed);
    let on_link = |address: &IpAddr| match address {
        IpAddr::V4(v4) => Ipv4Net::new(*v4, 24).ok().map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(v6) => Ipv6Net::new(*v6, 64).ok().map(|net| IpNet::V6(net.trunc())),
    };
    let nodes = gathered.nodes.iter().flat_map(|node| &node.addresses).filter_map(on_link);
    let all: BTreeSet<IpNet> = configured.iter().map(IpNet::trunc).chain(pods).chain(services).chain(nodes).collect();
    all.into_iter().collect()
}
