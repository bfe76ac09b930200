//! Before the first plan nothing listens, and what is missing is said.

use super::client::{Client, Failure};
use super::egress::{Egress, PASSWORD, USER, htpasswd, lane, planned};
use super::isolation::inside;
use super::outside::Outside;
use std::time::Duration;

const ASK: &str = r#"{"v":1,"op":"controls","nonce":"0123456789abcdef0123456789abcdef"}"#;

#[test]
fn without_a_plan_it_waits_and_then_starts() {
    if !inside("start::without_a_plan_it_waits_and_then_starts") {
        return;
    }
    let outside = Outside::start();
    let mut egress = Egress::start(None, &htpasswd(&[(USER, PASSWORD)]), &[]);
    egress.wait("complaining", |h| h["error"].as_str().is_some_and(|e| e.contains("plan.json")));
    assert_eq!(egress.health()["ready"], false);
    assert!(egress.control(ASK).is_none(), "the control port is the readiness");
    egress.publish_bytes(b"{}");
    std::thread::sleep(Duration::from_millis(500));
    assert!(egress.control(ASK).is_none());

    let plan = planned(None, vec![lane("updates", true, &[("allowed.example", None)])], &[]);
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    assert_eq!(client.open("allowed.example").err(), Some(Failure::Refused));
    egress.publish(&plan);
    egress.wait("ready", |h| h["ready"] == true && h["error"].is_null());
    assert!(client.open("allowed.example").unwrap().lives());
    assert!(egress.control(ASK).is_some());
}

#[test]
fn a_plan_without_lanes_and_a_lane_without_hosts_run_closed() {
    if !inside("start::a_plan_without_lanes_and_a_lane_without_hosts_run_closed") {
        return;
    }
    let outside = Outside::start();
    let empty = planned(None, vec![], &[]);
    let mut egress = Egress::ready(&empty, "");
    assert_eq!(egress.health()["lanes"], serde_json::json!([]));
    let closed = planned(Some(&empty), vec![lane("updates", false, &[])], &[]);
    egress.publish(&closed);
    egress.wait("on the next plan", |h| h["planDigest"] == closed.digest() && h["ready"] == true);
    let client = Client { outside: &outside, lane: closed.lanes[0].port, password: None };
    assert_eq!(client.open("allowed.example").err(), Some(Failure::Reset));
    let reply = egress.control(ASK).unwrap();
    assert!(reply["outside"].is_null() && reply["laneHost"].is_null(), "{reply}");
    assert_eq!(reply["dns"]["udp"], "Through", "an answer that there is no such name is an answer");
}
