//! One whole configuration as it is written, and the edges of it.

use super::*;
use crate::{AllowedHost, Component, LaneKey, WantedLane, plan};
use std::collections::BTreeSet;

fn now(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn paths() -> Paths {
    Paths {
        dummy_certificate: "/run/squid/dummy.pem".into(),
        htpasswd: "/etc/egress/htpasswd".into(),
        auth_helper: "/usr/lib/squid/basic_ncsa_auth".into(),
    }
}

fn lane(tier: &str, component: Component, password: bool, hosts: &[(&str, Option<i64>)]) -> WantedLane {
    let key = LaneKey { tier: tier.into(), component, server: (component == Component::Mcp).then(|| "mail".into()) };
    let hosts = hosts.iter().map(|(host, until)| AllowedHost { host: host.parse().unwrap(), until: until.map(now) });
    WantedLane { user: password.then(|| key.user().unwrap()), key, hosts: hosts.collect() }
}

fn sample() -> Plan {
    let lanes = vec![
        lane(
            "updates",
            Component::Agent,
            true,
            &[("allowed.example", None), (".wild.example", None), ("ends.example", Some(60))],
        ),
        lane("updates", Component::Mcp, true, &[("second.example", None)]),
        lane("updates", Component::Channels, false, &[("allowed.example", None)]),
        lane("tasks", Component::Agent, true, &[]),
    ];
    let except = ["bad.wild.example".parse().unwrap()];
    let ranges = ["10.42.0.0/16", "203.0.113.128/25", "2001:db8:1::/48"].map(|range| range.parse().unwrap());
    plan(None, lanes, &except, &BTreeSet::new(), &ranges, now(0)).unwrap()
}

#[test]
fn a_whole_configuration() {
    insta::assert_snapshot!(conf(&sample(), now(0), &paths()));
}

#[test]
fn what_has_ended_is_left_out() {
    assert!(conf(&sample(), now(59), &paths()).contains("ends.example"));
    assert!(!conf(&sample(), now(60), &paths()).contains("ends.example"));
    assert!(!conf(&sample(), now(-1), &paths()).contains("ends.example"), "a clock before the issue is wrong");
}

#[test]
fn without_passwords_there_is_no_helper() {
    let plan =
        plan(None, vec![lane("a", Component::Agent, false, &[("a.example", None)])], &[], &BTreeSet::new(), &[], now(0)).unwrap();
    let text = conf(&plan, now(0), &paths());
    assert!(!text.contains("auth_param") && !text.contains("proxy_auth"));
}

#[test]
fn no_line_comes_near_the_length_at_which_squid_cuts() {
    let hosts: Vec<(String, Option<i64>)> = (0..4096).map(|i| (format!("h{i}.{}.example", "a".repeat(60)), None)).collect();
    let hosts: Vec<(&str, Option<i64>)> = hosts.iter().map(|(host, until)| (host.as_str(), *until)).collect();
    let plan = plan(None, vec![lane("a", Component::Agent, true, &hosts)], &[], &BTreeSet::new(), &[], now(0)).unwrap();
    assert!(conf(&plan, now(0), &paths()).lines().all(|line| line.len() < 2048));
}
