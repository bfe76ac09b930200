//! A pod that is or becomes closed, and what it takes to say so.

use crate::{
    lab::Lab,
    pod::{Pod, quick, tier},
    world::Manners,
};
use assistant_proof::{Outcome, PodKind, Verdict, reason};
use std::{sync::atomic::Ordering, time::Duration};

#[test]
fn closed_from_the_start() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, world) = (lab.witnesses(), lab.world(Manners::default()));
    let ended = Pod::new(&lab).gate(&tier());
    assert_eq!(
        (ended.code, ended.evidence.verdict, ended.evidence.reason.as_str()),
        (0, Verdict::Closed, reason::CLOSED),
        "{ended:?}"
    );
    assert_eq!(ended.evidence.rounds, 10);
    let closed_after = u128::from(ended.evidence.closed_after_milliseconds);
    assert!(closed_after + 9 * 250 <= ended.took.as_millis(), "ten rounds come after it: {ended:?}");
    let outcome = |name: &str| ended.evidence.probes.iter().find(|p| p.name == name).map(|p| (p.outcome, p.control));
    for (name, control) in [
        ("canary-tcp", Some(Outcome::Through)),
        ("canary-udp", Some(Outcome::Through)),
        ("dns-tcp", Some(Outcome::Through)),
        ("dns-udp", Some(Outcome::Through)),
        ("outside", Some(Outcome::Through)),
        ("link-local", Some(Outcome::Through)),
        ("icmp", None),
        ("api-server", None),
    ] {
        assert_eq!(outcome(name), Some((Outcome::Closed, control)), "{name}: {ended:?}");
    }
    assert_eq!(outcome("lane"), Some((Outcome::Through, None)));
    assert_eq!(ended.evidence.not_proven, ["api-server"]);
    for count in [&world.dns_tcp, &world.dns_udp, &world.outside, &world.api_server, &world.unlisted] {
        assert_eq!(count.load(Ordering::Relaxed), 0, "nothing of the pod arrived");
    }
}

#[test]
fn closed_after_300_milliseconds() {
    let lab = Lab::new();
    let (_witnesses, world) = (lab.witnesses(), lab.world(Manners::default()));
    let pod = Pod::new(&lab);
    let gate = pod.start(&tier(), &[]);
    std::thread::sleep(Duration::from_millis(300));
    lab.fence("");
    let ended = gate.end();
    assert_eq!((ended.code, ended.evidence.verdict), (0, Verdict::Closed), "{ended:?}");
    let after = ended.evidence.closed_after_milliseconds;
    assert!((250..15_000).contains(&after), "closed after {after} ms");
    assert!(world.dns_tcp.load(Ordering::Relaxed) > 0, "the window was open");
    assert_eq!(world.dns_udp.load(Ordering::Relaxed), 0, "no UDP while TCP is open");
    assert!(!pod.marked());
}

#[test]
fn closed_by_silence_as_well_as_by_refusal() {
    let lab = Lab::new();
    lab.fence("ip saddr 10.42.0.5 tcp dport != { 7070, 3129, 3200 } drop\nip saddr 10.42.0.5 meta l4proto udp drop");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let ended = Pod::new(&lab).gate(&tier());
    assert_eq!((ended.code, ended.evidence.verdict), (0, Verdict::Closed), "{ended:?}");
}

#[test]
fn an_egress_pod_may_reach_dns_and_the_outside() {
    let lab = Lab::new();
    lab.filter(
        "ip saddr 10.42.0.5 ip daddr { 10.42.0.2, 10.42.0.3 } tcp dport 7070 accept
         ip saddr 10.42.0.5 ip daddr 10.43.0.10 accept
         ip saddr 10.42.0.5 ip daddr 203.0.113.80 accept
         ip saddr 10.42.0.5 reject",
    );
    let (_witnesses, world) = (lab.witnesses(), lab.world(Manners::default()));
    let mut settings = tier();
    (settings.kind, settings.egress_control, settings.lane) = (PodKind::Egress, None, None);
    let ended = Pod::new(&lab).gate(&settings);
    assert_eq!((ended.code, ended.evidence.verdict), (0, Verdict::Closed), "{ended:?}");
    let names: Vec<&str> = ended.evidence.probes.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["canary-tcp", "canary-udp", "link-local", "icmp", "api-server"]);
    assert_eq!(world.dns_udp.load(Ordering::Relaxed), 0, "an egress pod's resolver is not probed");
}

#[test]
fn without_a_listed_host_the_outside_is_not_proven() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners { controls: |c| c.outside = None, ..Manners::default() }));
    let ended = Pod::new(&lab).gate(&quick());
    assert_eq!(ended.evidence.verdict, Verdict::Closed, "{ended:?}");
    assert_eq!(ended.evidence.not_proven, ["outside", "api-server"]);
}

#[test]
fn without_link_local_on_either_side_it_is_closed() {
    let lab = Lab::new();
    lab.fence("");
    for name in ["wa", "wb", "pod"] {
        lab.set(name, &["net.ipv6.conf.all.disable_ipv6=1"]);
    }
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let ended = Pod::new(&lab).gate(&quick());
    assert_eq!(ended.evidence.verdict, Verdict::Closed, "{ended:?}");
}
