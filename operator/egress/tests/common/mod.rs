//! Random policies and plans for the tests, and an evaluator of rendered configurations. No I/O.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod evaluator;

use assistant_egress::{Component, Host, LaneKey, Paths, Plan, Policy, Preset, Rule, WantedLane, Workload, plan};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Hosts from a small alphabet, so that they often cover each other.
pub fn host() -> impl Strategy<Value = Host> {
    "\\.?([ab]\\.){0,2}[xyz]\\.example".prop_map(|text| text.parse().unwrap())
}

fn rule() -> impl Strategy<Value = Rule> {
    let some_of = |words: &'static [&'static str]| {
        prop::option::weighted(0.4, prop::collection::btree_set(prop::sample::select(words), 1..3))
            .prop_map(|set| set.map(|set| set.into_iter().map(str::to_owned).collect::<BTreeSet<String>>()))
    };
    let components = [Component::Agent, Component::Channels, Component::Mcp, Component::Sandbox];
    (
        prop::collection::vec(host(), 0..5),
        prop::option::weighted(0.1, prop::sample::select(&Preset::ALL[..])),
        some_of(&["t", "u"]),
        prop::option::weighted(0.4, prop::collection::btree_set(prop::sample::select(components.to_vec()), 1..3)),
        some_of(&["s", "r"]),
        prop::option::weighted(0.4, -100..100_i64),
    )
        .prop_map(|(hosts, preset, tiers, components, servers, until)| Rule {
            name: "r".into(),
            hosts,
            preset,
            tiers,
            components,
            servers,
            until: until.map(|seconds| Timestamp::from_second(1_800_000_000 + seconds).unwrap()),
        })
}

pub fn policy() -> impl Strategy<Value = Policy> {
    (prop::collection::vec(rule(), 0..5), prop::collection::vec(host(), 0..3), prop::collection::vec(host(), 0..3))
        .prop_map(|(rules, except, hosts)| Policy { rules, except, workloads: vec![Workload { name: "w".into(), hosts }] })
}

/// Every lane that the rules above can speak of.
pub fn keys() -> Vec<LaneKey> {
    let mut keys = vec![LaneKey { tier: "w".into(), component: Component::Workload, server: None }];
    for tier in ["t", "u"] {
        let mut add =
            |component, server: Option<&str>| keys.push(LaneKey { tier: tier.into(), component, server: server.map(Into::into) });
        add(Component::Agent, None);
        add(Component::Channels, None);
        add(Component::Sandbox, None);
        add(Component::Mcp, Some("s"));
        add(Component::Mcp, Some("r"));
    }
    keys
}

/// The plan of a policy; the lanes of channels have no password.
pub fn planned(policy: &Policy) -> Plan {
    let wanted = keys().into_iter().map(|key| WantedLane {
        user: (key.component != Component::Channels).then(|| key.user().unwrap()),
        hosts: policy.allowed(&key),
        key,
    });
    let ranges = ["10.42.0.0/16", "2001:db8:2::/48", "198.51.100.0/24"].map(|range| range.parse().unwrap());
    plan(None, wanted, &policy.except, &BTreeSet::new(), &ranges, Timestamp::from_second(1_799_999_000).unwrap()).unwrap()
}

pub fn paths(directory: &str) -> Paths {
    Paths {
        dummy_certificate: format!("{directory}/dummy.pem"),
        htpasswd: format!("{directory}/htpasswd"),
        auth_helper: "/usr/lib/squid/basic_ncsa_auth".into(),
    }
}
