//! Grants that end, with no controller alive, and a clock that is wrong.

use super::client::{Client, Failure};
use super::egress::{Egress, PASSWORD, USER, htpasswd, lane, planned};
use super::isolation::inside;
use super::outside::Outside;
use assistant_egress::Plan;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A running egress whose plan, besides `hosts`, allows `ends.example` for a few seconds from now.
fn with_grant(hosts: &[(&str, Option<Timestamp>)]) -> (Egress, Plan, Timestamp) {
    let plan = planned(None, vec![lane("updates", true, hosts)], &[]);
    let mut egress = Egress::ready(&plan, &htpasswd(&[(USER, PASSWORD)]));
    let until = Timestamp::now() + egress.promised() + Duration::from_secs(1);
    let granted = planned(Some(&plan), vec![lane("updates", true, &[hosts, &[("ends.example", Some(until))]].concat())], &[]);
    egress.publish(&granted);
    egress.wait("on the plan with the grant", |h| h["ready"] == true && h["planDigest"] == granted.digest());
    (egress, granted, until)
}

#[test]
fn a_grant_ends_inside_the_proxy() {
    if !inside("time::a_grant_ends_inside_the_proxy") {
        return;
    }
    let outside = Outside::start();
    let (mut egress, plan, until) = with_grant(&[("allowed.example", None)]);
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    let mut ends = client.open("ends.example").unwrap();
    while ends.lives() {
        assert!(Timestamp::now() < until + egress.promised(), "still open 5 s after its end");
        std::thread::sleep(Duration::from_millis(100));
    }
    let now = Timestamp::now();
    assert!(now >= until, "cut before its end, at {now}");
    eprintln!("cut {} ms after the end", now.duration_since(until).as_millis());
    egress.wait("back", |h| h["ready"] == true);
    assert_eq!(client.open("ends.example").err(), Some(Failure::Reset));
    assert!(client.open("allowed.example").unwrap().lives());
    assert_eq!(egress.health()["planDigest"], plan.digest());
    egress.terminate();
}

#[test]
fn a_grant_ends_though_the_plan_on_disk_is_broken() {
    if !inside("time::a_grant_ends_though_the_plan_on_disk_is_broken") {
        return;
    }
    let outside = Outside::start();
    let (mut egress, plan, until) = with_grant(&[("allowed.example", None)]);
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    egress.publish_bytes(b"broken");
    egress.wait("complaining", |h| h["error"].is_string());
    assert!(client.open("ends.example").unwrap().lives());
    while client.open("ends.example").is_ok() {
        assert!(Timestamp::now() < until + egress.promised(), "still open 5 s after its end");
        std::thread::sleep(Duration::from_millis(100));
    }
    egress.wait("back", |h| h["ready"] == true);
    assert!(client.open("allowed.example").unwrap().lives());
}

#[test]
fn a_clock_before_the_plan_ends_every_grant() {
    if !inside("time::a_clock_before_the_plan_ends_every_grant") {
        return;
    }
    let outside = Outside::start();
    let until = Timestamp::now() + SignedDuration::from_hours(1);
    let plan = planned(None, vec![lane("updates", true, &[("allowed.example", None), ("ends.example", Some(until))])], &[]);
    let passwords = htpasswd(&[(USER, PASSWORD)]);
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    for (offset, open) in [("0", true), ("-7200", false), ("7200", false)] {
        let mut egress = Egress::start(Some(&plan), &passwords, &["--clock-offset-seconds", offset]);
        egress.wait("ready", |h| h["ready"] == true);
        assert!(client.open("allowed.example").unwrap().lives());
        assert_eq!(client.open("ends.example").is_ok(), open, "with the clock {offset} s off");
        egress.terminate();
    }
}

#[test]
fn what_squid_does_not_take_leaves_the_old_plan_but_no_ended_grant() {
    if !inside("time::what_squid_does_not_take_leaves_the_old_plan_but_no_ended_grant") {
        return;
    }
    let outside = Outside::start();
    let (mut egress, plan, until) = with_grant(&[("allowed.example", None)]);
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    let hosts = [("allowed.example", None), ("ends.example", Some(until)), ("other.example", None)];
    let mut ends = client.open("ends.example").unwrap();

    // Without its certificate no configuration is good, whatever it says.
    let certificate = egress.path("run/dummy.pem");
    std::fs::rename(&certificate, egress.path("run/away.pem")).unwrap();
    let wider = planned(Some(&plan), vec![lane("updates", true, &hosts)], &[]);
    egress.publish(&wider);
    egress.wait("complaining", |h| h["error"].as_str().is_some_and(|e| e.contains("squid refuses")));
    assert_eq!(egress.health()["planDigest"], plan.digest());
    assert!(ends.lives() && client.open("allowed.example").unwrap().lives(), "what ran goes on");

    while ends.lives() {
        assert!(Timestamp::now() < until + egress.promised(), "still open 5 s after its end");
        std::thread::sleep(Duration::from_millis(100));
    }
    egress.wait("closed", |h| h["ready"] == false);
    assert_eq!(client.open("ends.example").err(), Some(Failure::Refused), "rather nothing than what has ended");

    std::fs::rename(egress.path("run/away.pem"), &certificate).unwrap();
    egress.wait("back", |h| h["ready"] == true && h["planDigest"] == wider.digest() && h["error"].is_null());
    assert!(client.open("other.example").unwrap().lives());
    assert_eq!(client.open("ends.example").err(), Some(Failure::Reset));
}
