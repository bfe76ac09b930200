//! What goes through a lane and what does not, each refusal beside the control that shows the target alive.

use super::client::{Client, Failure};
use super::egress::{Egress, PASSWORD, USER, htpasswd, lane, planned};
use super::isolation::{LOCAL_RANGE, ORIGIN, PRIVATE, inside};
use super::outside::{Arrival, Outside};
use assistant_egress::Plan;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn plan() -> Plan {
    let open = lane("daemon", false, &[("allowed.example", None)]);
    let tasks = lane("tasks", true, &[("other.example", None)]);
    let hosts = [("allowed.example", None), (".wild.example", None), ("private.example", None), ("gone.example", None)];
    planned(None, vec![open, tasks, lane("updates", true, &hosts)], &["bad.wild.example"])
}

fn passwords() -> String {
    htpasswd(&[(USER, PASSWORD), ("tasks-agent", "tasks' own")])
}

#[test]
fn a_lane_lets_through_what_it_lists_and_nothing_else() {
    if !inside("requests::a_lane_lets_through_what_it_lists_and_nothing_else") {
        return;
    }
    let outside = Outside::start();
    let plan = plan();
    let port = |tier: &str| plan.lanes.iter().find(|lane| lane.key.tier == tier).unwrap().port;
    let egress = Egress::ready(&plan, &passwords());
    let updates = Client { outside: &outside, lane: port("updates"), password: Some((USER, PASSWORD)) };
    let tasks = Client { lane: port("tasks"), password: Some(("tasks-agent", "tasks' own")), ..updates };

    // Controls: what is listed works, with the origin's own certificate.
    assert!(updates.open("allowed.example").unwrap().lives());
    assert!(updates.open("a.wild.example").unwrap().lives());
    assert!(tasks.open("other.example").unwrap().lives());
    assert!(Client { lane: port("daemon"), password: None, ..updates }.open("allowed.example").unwrap().lives());
    let arrived = outside.arrivals();
    assert_eq!(arrived.len(), 4, "{arrived:?}");

    // Passwords: none, a wrong one, another lane's right one.
    for password in [None, Some((USER, "wrong")), Some(("tasks-agent", "tasks' own")), Some(("nobody", "x"))] {
        let client = Client { password, ..updates };
        assert_eq!(client.connect("allowed.example:443").unwrap_err(), Failure::Status(407), "{password:?}");
    }

    // Another host: at once, and unknown to the resolver.
    let before = outside.queries().len();
    for target in ["other.example:443", "unlisted.example:443", "xallowed.example:443", "allowed.example.evil.example:443"] {
        assert_eq!(updates.connect(target).unwrap_err(), Failure::Reset, "{target}");
        assert_eq!(Client { password: None, ..updates }.connect(target).unwrap_err(), Failure::Reset, "{target}");
    }
    // Another port, an address, an excepted name below an allowed one, another method.
    for target in [
        "allowed.example:80",
        "allowed.example:8443",
        "203.0.113.10:443",
        "[2001:db8::1]:443",
        "0xcb.0.113.10:443",
        "bad.wild.example:443",
    ] {
        assert_eq!(updates.connect(target).unwrap_err(), Failure::Reset, "{target}");
    }
    for request in [
        "GET http://allowed.example/bot1:hidden-path HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
        "GET /hidden-path HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_ne!(updates.raw(request).unwrap_or(0), 200, "{request}");
    }
    assert_eq!(outside.queries().len(), before, "refused names reached the resolver: {:?}", &outside.queries()[before..]);

    // Another name in the ClientHello, none, or no TLS at all: closed after the CONNECT, unseen by the origin.
    for sni in [Some("other.example"), Some("a.wild.example"), Some("bad.wild.example"), None] {
        assert_eq!(updates.open_as("allowed.example:443", sni).err(), Some(Failure::Cut), "{sni:?}");
    }
    assert_eq!(updates.open_as("a.wild.example:443", Some("bad.wild.example")).err(), Some(Failure::Cut));
    assert!(updates.open_as("a.wild.example:443", Some("b.wild.example")).unwrap().lives(), "below one leading-dot entry");

    let mut plain = updates.connect("allowed.example:443").unwrap();
    plain.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").unwrap();
    assert_eq!(plain.read(&mut [0; 64]).unwrap_or(0), 0, "what is not TLS");

    // Names that resolve to what is private or local, though somebody listens there; no answer is one too.
    for (name, address) in [("private.example", PRIVATE), ("private.example", LOCAL_RANGE), ("gone.example", "127.0.0.1")] {
        outside.point(name, address);
        std::thread::sleep(Duration::from_millis(1500));
        let failure = updates.open(name).err().unwrap();
        assert!(
            matches!(failure, Failure::Cut | Failure::Reset | Failure::Status(403 | 503)),
            "{name} at {address}: {failure:?}"
        );
    }
    let after = outside.arrivals();
    let b_wild = Arrival { address: ORIGIN.parse().unwrap(), sni: Some("b.wild.example".into()) };
    assert_eq!(after[arrived.len()..], [b_wild], "only this one came since");

    shows(&egress, &plan);
    let (guard, squid) = egress.resident();
    eprintln!("resident: guard {guard} kB, Squid {squid} kB");
}

/// Log, audit, metrics and control tell what happened, and no more.
fn shows(egress: &Egress, plan: &Plan) {
    let audit = egress.get("/audit?limit=1000");
    let said = egress.said();
    for reason in [
        "Allowed",
        "Password",
        "NotListed",
        "NotPort443",
        "Address",
        "Excepted",
        "NotConnect",
        "WrongSni",
        "NoSni",
        "NotTls",
        "PrivateAddress",
    ] {
        assert!(audit.contains(&format!("\"reason\":\"{reason}\"")), "{reason} is not in {audit}");
        assert!(said.contains(&format!("\"reason\":\"{reason}\"")), "{reason} is not in {said}");
    }
    assert!(!said.contains("\"reason\":\"Other\""), "a line was not understood: {said}");
    let metrics = egress.get("/metrics");
    assert!(
        metrics.contains("guard_egress_ready 1")
            && metrics.contains("tier=\"updates\",component=\"Agent\",server=\"\",reason=\"NotListed\"")
    );
    for secret in ["hidden-path", PASSWORD, "tasks' own", "$5$", &super::client::base64(format!("{USER}:{PASSWORD}").as_bytes())]
    {
        for text in [&audit, &said, &metrics] {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }
    assert_eq!(egress.admin("/healthz", "wrong").unwrap().0, 401);

    let lane = plan.lanes[2].port;
    let ask = format!(r#"{{"v":1,"op":"controls","nonce":"{NONCE}","lane":{lane}}}"#);
    let reply = egress.control(&ask).unwrap();
    assert_eq!(reply["dns"], serde_json::json!({"address": "127.0.0.1:53", "tcp": "Through", "udp": "Through"}));
    assert_eq!(reply["outside"], serde_json::json!({"address": "203.0.113.10:443", "outcome": "Through"}));
    assert_eq!((&reply["nonce"], &reply["ready"], &reply["planDigest"]), (&NONCE.into(), &true.into(), &plan.digest().into()));
    assert_eq!(reply["laneHost"], "allowed.example");
    assert!(egress.control("{}").unwrap()["error"].is_string());
}

#[test]
fn many_askers_cost_one_dial_a_second() {
    if !inside("requests::many_askers_cost_one_dial_a_second") {
        return;
    }
    let outside = Outside::start();
    let egress = Egress::ready(&plan(), &passwords());
    let ask = format!(r#"{{"v":1,"op":"controls","nonce":"{NONCE}"}}"#);
    let began = Instant::now();
    let before = outside.arrivals().len();
    let replies = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..10).map(|_| scope.spawn(|| (0..4).filter(|_| egress.control(&ask).is_some()).count())).collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).sum::<usize>()
    });
    let dials = outside.arrivals().len() - before;
    assert_eq!(replies, 40);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((1..=seconds + 1).contains(&dials), "{dials} dials in {seconds} s");
}

#[test]
fn one_pod_cannot_take_every_connection() {
    if !inside("requests::one_pod_cannot_take_every_connection") {
        return;
    }
    let outside = Outside::start();
    let plan = plan();
    let egress = Egress::ready(&plan, &passwords());
    let client = Client { outside: &outside, lane: plan.lanes[2].port, password: Some((USER, PASSWORD)) };
    let held: Vec<TcpStream> = (0..520).map(|_| TcpStream::connect(("127.0.0.1", client.lane)).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(client.open("allowed.example").err(), Some(Failure::Reset));
    assert!(egress.get("/audit").contains("\"reason\":\"Connections\""));
    drop(held);
    let began = Instant::now();
    while client.open("allowed.example").is_err() {
        assert!(began.elapsed() < egress.promised(), "the connections are gone");
        std::thread::sleep(Duration::from_millis(100));
    }
}
