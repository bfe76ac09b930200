//! Wider, narrower, the same.

use super::*;
use crate::{AllowedHost, Component, LaneKey, WantedLane, plan};
use std::collections::BTreeSet;

fn now(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn lane(tier: &str, hosts: &[(&str, Option<i64>)]) -> WantedLane {
    let key = LaneKey { tier: tier.into(), component: Component::Agent, server: None };
    let hosts = hosts.iter().map(|(host, until)| AllowedHost { host: host.parse().unwrap(), until: until.map(now) });
    WantedLane { user: key.user().ok(), key, hosts: hosts.collect() }
}

fn make(lanes: Vec<WantedLane>) -> Plan {
    plan(None, lanes, &[], &BTreeSet::new(), &["10.42.0.0/16".parse().unwrap()], now(0)).unwrap()
}

fn change(old: &[(&str, Option<i64>)], new: &[(&str, Option<i64>)]) -> Change {
    Change::between(&make(vec![lane("a", old)]), &make(vec![lane("a", new)]), now(100))
}

#[test]
fn hosts_decide() {
    let a = ("a.x.example", None);
    let b = ("b.x.example", None);
    let x = (".x.example", None);
    assert_eq!(change(&[a], &[a]), Change::Same);
    assert_eq!(change(&[a], &[a, b]), Change::Wider);
    assert_eq!(change(&[a, b], &[a]), Change::Narrower);
    assert_eq!(change(&[a], &[b]), Change::Narrower, "narrower wins over wider");
    assert_eq!(change(&[a], &[x]), Change::Wider);
    assert_eq!(change(&[x], &[a]), Change::Narrower);
    assert_eq!(change(&[x, a], &[x]), Change::Same, "a covered entry says nothing");
}

#[test]
fn what_has_ended_counts_as_absent() {
    let (ended, running, endless) = (("a.example", Some(50)), ("a.example", Some(200)), ("a.example", None));
    assert_eq!(change(&[running], &[ended]), Change::Narrower);
    assert_eq!(change(&[ended], &[running]), Change::Wider);
    assert_eq!(change(&[running], &[endless]), Change::Same, "open now, open now");
    let plan = make(vec![lane("a", &[running])]);
    assert_eq!(plan.reach(now(100)).change_to(&plan.reach(now(200))), Change::Narrower, "time alone narrows");
}

#[test]
fn a_clock_before_the_issue_ends_every_grant() {
    let plan = make(vec![lane("a", &[("a.example", Some(1000)), ("b.example", None)])]);
    let names = |second| plan.reach(now(second)).exact_hosts().iter().map(Host::to_string).collect::<Vec<_>>();
    assert_eq!(names(0), ["a.example", "b.example"]);
    assert_eq!(names(-1), ["b.example"]);
}

#[test]
fn lanes_decide() {
    let a = || lane("a", &[("a.example", None)]);
    let b = || lane("b", &[("b.example", None)]);
    let one = make(vec![a()]);
    let two = plan(Some(&one), vec![a(), b()], &[], &BTreeSet::new(), &one.local_ranges, now(1)).unwrap();
    assert_eq!(Change::between(&one, &two, now(100)), Change::Wider);
    assert_eq!(Change::between(&two, &one, now(100)), Change::Narrower);
    let other_owner = make(vec![b()]);
    assert_eq!(Change::between(&one, &other_owner, now(100)), Change::Narrower, "the port has another owner");
    let mut open = one.clone();
    open.lanes[0].user = None;
    assert_eq!(Change::between(&one, &open, now(100)), Change::Narrower, "who holds a tunnel is no longer known");
}

#[test]
fn exceptions_and_ranges_decide() {
    let old = make(vec![lane("a", &[(".a.example", None)])]);
    let mut excepted = old.clone();
    excepted.except = vec!["x.a.example".parse().unwrap()];
    assert_eq!(Change::between(&old, &excepted, now(100)), Change::Narrower);
    assert_eq!(Change::between(&excepted, &old, now(100)), Change::Wider);
    let mut ranges = old.clone();
    ranges.local_ranges = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(Change::between(&old, &ranges, now(100)), Change::Narrower);
    assert_eq!(Change::between(&ranges, &old, now(100)), Change::Wider);
}

#[test]
fn a_sample_is_something_the_lane_lets_through() {
    let mut plan =
        make(vec![lane("a", &[(".a.example", None)]), lane("b", &[]), lane("c", &[(".a.example", None), ("z.example", None)])]);
    plan.except = vec!["a.example".parse().unwrap()];
    let reach = plan.reach(now(1));
    let sample = |port| reach.sample_host(port).map(|h| h.to_string());
    assert_eq!(sample(3200).as_deref(), Some("www.a.example"));
    assert_eq!(sample(3201), None);
    assert_eq!(sample(3202).as_deref(), Some("z.example"));
    assert_eq!(sample(3999), None);
}
