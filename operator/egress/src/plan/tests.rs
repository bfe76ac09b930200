//! Ports that stay, limits, the moment of issue, and plans that somebody else wrote.

use super::*;
use crate::Component;
use proptest::prelude::*;

fn now(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn key(tier: &str) -> LaneKey {
    LaneKey { tier: tier.into(), component: Component::Agent, server: None }
}

fn wanted(tiers: &[&str]) -> Vec<WantedLane> {
    let host = AllowedHost { host: "a.example".parse().unwrap(), until: None };
    tiers.iter().map(|tier| WantedLane { key: key(tier), user: key(tier).user().ok(), hosts: vec![host.clone()] }).collect()
}

fn make(previous: Option<&Plan>, tiers: &[&str], occupied: &[u16], second: i64) -> Plan {
    plan(previous, wanted(tiers), &[], &occupied.iter().copied().collect(), &[], now(second)).unwrap()
}

fn ports(plan: &Plan) -> Vec<(&str, u16)> {
    plan.lanes.iter().map(|lane| (lane.key.tier.as_str(), lane.port)).collect()
}

#[test]
fn a_lane_keeps_its_port_whoever_comes_and_goes() {
    let first = make(None, &["m"], &[], 0);
    assert_eq!(ports(&first), [("m", 3200)]);
    let second = make(Some(&first), &["a", "m", "z"], &[], 1);
    assert_eq!(ports(&second), [("a", 3201), ("m", 3200), ("z", 3202)]);
    let third = make(Some(&second), &["z", "b"], &[], 2);
    assert_eq!(ports(&third), [("b", 3203), ("z", 3202)]);
}

#[test]
fn a_freed_port_comes_back_last_and_never_while_its_old_pod_lives() {
    let mut current = make(None, &["a"], &[], 0);
    for (i, port) in (3201..=3999).enumerate() {
        current = make(Some(&current), &[format!("t{i}").as_str()], &[], 1);
        assert_eq!(current.lanes[0].port, port);
    }
    assert_eq!(make(Some(&current), &["last"], &[], 2).lanes[0].port, 3200);
    assert_eq!(make(Some(&current), &["last"], &[3200, 3201], 2).lanes[0].port, 3202);
}

#[test]
fn a_known_lane_keeps_its_port_though_its_own_pod_occupies_it() {
    let first = make(None, &["a"], &[], 0);
    assert_eq!(make(Some(&first), &["a"], &[3200], 1), first);
}

#[test]
fn when_every_port_is_held_the_lane_is_named() {
    let all: BTreeSet<u16> = PORTS.collect();
    let error = plan(None, wanted(&["a"]), &[], &all, &[], now(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no port between 3200 and 3999 is free for a-agent: 800 are still held by pods of former lanes"
    );
}

#[test]
fn a_hundred_and_twenty_lanes_fit_and_one_more_does_not() {
    let lanes =
        |n: usize| (0..n).map(|i| WantedLane { key: key(&format!("t{i}")), user: None, hosts: vec![] }).collect::<Vec<_>>();
    assert_eq!(plan(None, lanes(120), &[], &BTreeSet::new(), &[], now(0)).unwrap().lanes.len(), 120);
    let error = plan(None, lanes(121), &[], &BTreeSet::new(), &[], now(0)).unwrap_err();
    assert_eq!(error, PlanError::TooManyLanes { wanted: 121 });
}

#[test]
fn a_shared_user_is_refused() {
    let mut lanes = wanted(&["a", "b"]);
    lanes[1].user = lanes[0].user.clone();
    let error = plan(None, lanes, &[], &BTreeSet::new(), &[], now(0)).unwrap_err();
    assert!(error.to_string().contains("\"a-agent\""), "{error}");
}

#[test]
fn the_moment_of_issue_moves_only_with_the_content() {
    let first = make(None, &["a"], &[], 0);
    assert_eq!(make(Some(&first), &["a"], &[3700], 50), first);
    assert_eq!(make(Some(&first), &["a", "b"], &[], 50).issued_at, now(50));
    let excepted = plan(Some(&first), wanted(&["a"]), &["x.example".parse().unwrap()], &BTreeSet::new(), &[], now(60)).unwrap();
    assert_eq!(excepted.issued_at, now(60));
}

#[test]
fn bytes_and_digest_are_those_of_the_content_alone() {
    let ranges: Vec<IpNet> = ["10.42.0.0/16", "10.43.1.7/16", "10.42.0.0/16"].map(|r| r.parse().unwrap()).to_vec();
    let reversed: Vec<IpNet> = ranges.iter().rev().copied().collect();
    let make = |lanes: &[&str], ranges: &[IpNet]| plan(None, wanted(lanes), &[], &BTreeSet::new(), ranges, now(0)).unwrap();
    let (a, b) = (make(&["a", "b"], &ranges), make(&["b", "a"], &reversed));
    assert_eq!(a.to_json(), b.to_json());
    assert_eq!(a.digest(), Plan::digest_of(&a.to_json()));
    assert_eq!(a.digest().len(), 64);
    assert_eq!(Plan::digest_of(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Plan::from_json(&a.to_json()).unwrap(), a);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let good = make(None, &["a", "b"], &[], 0);
    let broken = |change: fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        Plan::from_json(&plan.to_json()).unwrap_err().to_string()
    };
    assert!(broken(|p| p.version = 2).contains("version 2"));
    assert!(broken(|p| p.lanes[0].port = 80).contains("port 80"));
    assert!(broken(|p| p.lanes[0].port = p.lanes[1].port).contains("twice"));
    assert!(broken(|p| p.lanes[0].key = p.lanes[1].key.clone()).contains("twice"));
    assert!(broken(|p| p.lanes[0].user = p.lanes[1].user.clone()).contains("b-agent"));
    let text = String::from_utf8(good.to_json()).unwrap();
    assert!(Plan::from_json(text.replace("a.example", "*.example").as_bytes()).is_err());
    assert!(Plan::from_json(text.replace("\"except\"", "\"unknown\"").as_bytes()).is_err());
    assert!(Plan::from_json(b"{}").is_err());
}

#[test]
fn deadlines_are_found_and_a_clock_before_the_issue_ends_them_all() {
    let mut lanes = wanted(&["a"]);
    lanes[0].hosts = [Some(now(10)), Some(now(20)), None]
        .into_iter()
        .zip(["a.example", "b.example", "c.example"])
        .map(|(until, host)| AllowedHost { host: host.parse().unwrap(), until })
        .collect();
    let plan = plan(None, lanes, &[], &BTreeSet::new(), &[], now(5)).unwrap();
    assert_eq!(plan.next_deadline(now(5)), Some(now(10)));
    assert_eq!(plan.next_deadline(now(10)), Some(now(20)));
    assert_eq!(plan.next_deadline(now(20)), None);
    assert!(!plan.is_past(now(20), now(5)) && plan.is_past(now(20), now(20)) && plan.is_past(now(20), now(4)));
}

proptest! {
    #[test]
    fn ports_are_unique_in_range_and_stable(steps in prop::collection::vec(prop::collection::btree_set("[a-h]", 0..8), 1..12)) {
        let mut current: Option<Plan> = None;
        for tiers in steps {
            let names: Vec<&str> = tiers.iter().map(String::as_str).collect();
            let next = make(current.as_ref(), &names, &[], 0);
            let distinct: BTreeSet<u16> = next.lanes.iter().map(|lane| lane.port).collect();
            prop_assert_eq!(distinct.len(), names.len());
            prop_assert!(distinct.iter().all(|port| PORTS.contains(port)));
            for lane in current.iter().flat_map(|old| &old.lanes) {
                if let Some(kept) = next.lane(&lane.key) {
                    prop_assert_eq!(kept.port, lane.port);
                }
            }
            prop_assert!(Plan::from_json(&next.to_json()).is_ok());
            current = Some(next);
        }
    }

    #[test]
    fn reading_a_plan_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Plan::from_json(&bytes);
    }
}
