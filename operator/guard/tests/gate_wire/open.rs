//! A pod from which something that must be closed answers.

use crate::{
    lab::Lab,
    pod::{Ended, Pod, hasty, quick, tier},
    world::Manners,
};
use assistant_proof::{GateSettings, Outcome, Verdict, reason};
use std::sync::atomic::Ordering;

fn breach(ended: &Ended, reason: &str, replace_pod: bool) {
    let evidence = &ended.evidence;
    assert_eq!(
        (ended.code, evidence.verdict, evidence.reason.as_str(), evidence.replace_pod),
        (1, Verdict::Breach, reason, replace_pod),
        "{ended:?}"
    );
}

/// A gate of a pod whose fence has these holes.
fn with_hole(rules: &str, settings: &GateSettings) -> Ended {
    let lab = Lab::new();
    lab.fence(rules);
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    Pod::new(&lab).gate(settings)
}

#[test]
fn never_closed_is_a_breach_at_the_deadline() {
    let lab = Lab::new();
    let (_witnesses, world) = (lab.witnesses(), lab.world(Manners::default()));
    let pod = Pod::new(&lab);
    let settings = hasty();
    let ended = pod.gate(&settings);
    breach(&ended, reason::CANARY_REACHED, false);
    ended.at_the_deadline(&settings);
    assert_eq!(world.dns_udp.load(Ordering::Relaxed), 0, "no UDP while TCP is open");
    assert!(!pod.marked());
}

#[test]
fn a_canary_open_by_tcp_only() {
    let ended = with_hole("ip saddr 10.42.0.5 ip daddr 10.42.0.3 tcp dport 7071 accept", &hasty());
    breach(&ended, reason::CANARY_REACHED, false);
    assert!(ended.evidence.message.contains("witness b"), "{ended:?}");
}

#[test]
fn an_answered_udp_probe_is_final_for_the_pod() {
    let lab = Lab::new();
    lab.fence("ip saddr 10.42.0.5 ip daddr 10.42.0.2 udp dport 7071 accept");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let pod = Pod::new(&lab);
    let ended = pod.gate(&tier());
    breach(&ended, reason::CANARY_REACHED_UDP, true);
    assert!(!ended.evidence.message.contains("still open"), "final before the deadline: {ended:?}");
    assert!(pod.marked());

    lab.fence("");
    let again = pod.gate(&tier());
    breach(&again, reason::CANARY_REACHED_UDP, true);
    assert!(again.evidence.probes.is_empty(), "refused before any round: {again:?}");
    assert!(again.evidence.message.contains("earlier start"), "{again:?}");

    let elsewhere = Pod::new(&lab).gate(&tier());
    assert_eq!(elsewhere.code, 0, "a new pod is proven: {elsewhere:?}");
}

#[test]
fn udp_that_gets_out_without_an_answer_is_seen_by_the_witness() {
    let lab = Lab::new();
    // Before the rule for established flows: the answer is lost, the datagram is not.
    lab.fence("ip saddr 10.42.0.5 udp dport 7071 accept");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    lab.drop_replies("udp sport 7071");
    let pod = Pod::new(&lab);
    let ended = pod.gate(&quick());
    breach(&ended, reason::CANARY_REACHED_UDP, true);
    assert!(ended.evidence.message.contains("one way"), "{ended:?}");
    assert!(pod.marked());
}

#[test]
fn the_clusters_dns_open_by_tcp_then_by_udp() {
    let ended = with_hole("ip saddr 10.42.0.5 ip daddr 10.43.0.10 tcp dport 53 accept", &hasty());
    breach(&ended, reason::DNS_REACHED, false);
    let ended = with_hole("ip saddr 10.42.0.5 ip daddr 10.43.0.10 udp dport 53 accept", &quick());
    breach(&ended, reason::DNS_REACHED, true);
}

#[test]
fn the_outside_reached_directly() {
    let ended = with_hole("ip saddr 10.42.0.5 ip daddr 203.0.113.80 tcp dport 443 accept", &hasty());
    breach(&ended, reason::OUTSIDE_REACHED, false);
}

#[test]
fn a_closed_target_reached_is_named() {
    let ended = with_hole("ip saddr 10.42.0.5 ip daddr 10.43.0.1 tcp dport 443 accept", &hasty());
    breach(&ended, reason::CLOSED_TARGET_REACHED, false);
    assert!(ended.evidence.message.contains("api-server"), "{ended:?}");
}

#[test]
fn link_local_open_as_on_a_stock_node() {
    let lab = Lab::new();
    lab.fence("");
    lab.open_link_local();
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let ended = Pod::new(&lab).gate(&hasty());
    breach(&ended, reason::LINK_LOCAL_OPEN, false);
    assert!(ended.evidence.message.contains("nodePrep.enabled=true"), "{ended:?}");
    let canary = ended.evidence.probes.iter().find(|p| p.name == "canary-udp").unwrap();
    assert_eq!(canary.outcome, Outcome::Closed, "only link-local is open: {ended:?}");
}

#[test]
fn an_icmp_socket_can_be_opened() {
    let lab = Lab::new();
    lab.fence("");
    lab.set("pod", &["net.ipv4.ping_group_range=0 2147483647"]);
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let ended = Pod::new(&lab).gate(&tier());
    breach(&ended, reason::ICMP_OPEN, false);
    assert!(!ended.evidence.message.contains("still open"), "a pod's sysctl does not change, no need to wait: {ended:?}");
}
