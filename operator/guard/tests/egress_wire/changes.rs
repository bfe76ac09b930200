//! A plan that changes under live tunnels, one that is broken, new passwords, and a Squid that dies.

use super::client::{Client, Failure};
use super::egress::{Egress, PASSWORD, USER, htpasswd, lane, planned};
use super::isolation::inside;
use super::outside::Outside;
use rustix::process::{Signal, kill_process};
use std::time::{Duration, Instant};

#[test]
fn wider_keeps_a_tunnel_and_narrower_cuts_it() {
    if !inside("changes::wider_keeps_a_tunnel_and_narrower_cuts_it") {
        return;
    }
    let outside = Outside::start();
    let narrow = planned(None, vec![lane("updates", true, &[("allowed.example", None)])], &[]);
    let mut egress = Egress::ready(&narrow, &htpasswd(&[(USER, PASSWORD), ("zeta-agent", "z")]));
    let client = Client { outside: &outside, lane: narrow.lanes[0].port, password: Some((USER, PASSWORD)) };
    let mut tunnel = client.open("allowed.example").unwrap();
    assert_eq!(client.open("other.example").err(), Some(Failure::Reset));

    let hosts = [("allowed.example", None), ("other.example", None)];
    let wide = planned(Some(&narrow), vec![lane("updates", true, &hosts), lane("zeta", true, &hosts)], &[]);
    egress.publish(&wide);
    egress.wait("on the wider plan", |h| h["planDigest"] == wide.digest() && h["ready"] == true);
    assert!(client.open("other.example").unwrap().lives());
    let zeta = Client { lane: wide.lanes[1].port, password: Some(("zeta-agent", "z")), ..client };
    assert!(zeta.open("allowed.example").unwrap().lives(), "a lane that came with a reload");
    assert!(tunnel.lives(), "a wider plan must not cut");

    let before = Instant::now();
    egress.publish(&planned(Some(&wide), vec![lane("updates", true, &hosts[1..])], &[]));
    while tunnel.lives() {
        assert!(before.elapsed() < egress.promised(), "a narrower plan cuts within 5 s");
    }
    eprintln!("cut after {} ms", before.elapsed().as_millis());
    egress.wait("back", |h| h["ready"] == true && h["lanes"].as_array().unwrap().len() == 1);
    assert_eq!(client.open("allowed.example").err(), Some(Failure::Reset));
    assert!(client.open("other.example").unwrap().lives());
    assert_eq!(zeta.open("other.example").err(), Some(Failure::Refused), "its lane is gone");
    let took = egress.terminate();
    assert!(took < egress.promised(), "{took:?}");
    assert_eq!(client.open("other.example").err(), Some(Failure::Refused), "nothing is left");
}

#[test]
fn a_bad_plan_never_replaces_one_that_runs() {
    if !inside("changes::a_bad_plan_never_replaces_one_that_runs") {
        return;
    }
    let outside = Outside::start();
    let good = planned(None, vec![lane("updates", true, &[("allowed.example", None)])], &[]);
    let mut egress = Egress::ready(&good, &htpasswd(&[(USER, PASSWORD)]));
    let client = Client { outside: &outside, lane: good.lanes[0].port, password: Some((USER, PASSWORD)) };
    let mut tunnel = client.open("allowed.example").unwrap();
    let text = String::from_utf8(good.to_json()).unwrap();
    for (bad, named) in [
        (text.replace("allowed.example", "*.example"), "leading dot"),
        (text.replace("\"version\": 1", "\"version\": 9"), "version 9"),
        (text.replace("3200", "22"), "port 22"),
        (text[..text.len() / 2].to_owned(), "cannot be read"),
        (String::new(), "cannot be read"),
    ] {
        egress.publish_bytes(bad.as_bytes());
        egress.wait(named, |h| h["error"].as_str().is_some_and(|e| e.contains(named)));
        let health = egress.health();
        assert_eq!((&health["planDigest"], &health["ready"]), (&good.digest().into(), &true.into()), "{health}");
        assert!(tunnel.lives() && client.open("allowed.example").unwrap().lives());
    }
    egress.publish(&good);
    egress.wait("without complaint", |h| h["error"].is_null());
    assert!(tunnel.lives());
}

#[test]
fn a_new_password_counts_at_once_and_keeps_tunnels() {
    if !inside("changes::a_new_password_counts_at_once_and_keeps_tunnels") {
        return;
    }
    let outside = Outside::start();
    let plan = planned(None, vec![lane("updates", true, &[("allowed.example", None)])], &[]);
    let mut egress = Egress::ready(&plan, &htpasswd(&[(USER, PASSWORD)]));
    let old = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    let new = Client { password: Some((USER, "another")), ..old };
    let mut tunnel = old.open("allowed.example").unwrap();
    assert_eq!(new.open("allowed.example").err(), Some(Failure::Status(407)));

    egress.passwords(&htpasswd(&[(USER, "another")]));
    let began = Instant::now();
    // Squid must not remember the old one, which it was told is good for an hour.
    while old.open("allowed.example").err() != Some(Failure::Status(407)) {
        assert!(began.elapsed() < egress.promised(), "the old password still opens");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(new.open("allowed.example").unwrap().lives());
    assert!(tunnel.lives());
}

#[test]
fn a_squid_that_dies_comes_back() {
    if !inside("changes::a_squid_that_dies_comes_back") {
        return;
    }
    let outside = Outside::start();
    let plan = planned(None, vec![lane("updates", true, &[("allowed.example", None)])], &[]);
    let egress = Egress::ready(&plan, &htpasswd(&[(USER, PASSWORD)]));
    let client = Client { outside: &outside, lane: plan.lanes[0].port, password: Some((USER, PASSWORD)) };
    for _ in 0..3 {
        let squid = egress.squid().unwrap();
        kill_process(squid, Signal::KILL).unwrap();
        let began = Instant::now();
        egress.wait("another process", |h| h["ready"] == true && egress.squid().is_some_and(|new| new != squid));
        assert!(client.open("allowed.example").unwrap().lives());
        eprintln!("back after {} ms", began.elapsed().as_millis());
    }
    assert!(egress.get("/metrics").contains("guard_egress_squid_starts_total 4"));
    let zombies = |stat: &str| stat.contains(") Z ");
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|e| std::fs::read_to_string(e.unwrap().path().join("stat")).ok());
    assert_eq!(all.filter(|stat| zombies(stat)).count(), 0, "every child and orphan has been waited for");
}
