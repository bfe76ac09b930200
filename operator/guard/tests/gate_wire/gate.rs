//! The gate as a process: its deadline, signals, settings, and a pod in which no probe can be made.

use crate::{
    lab::Lab,
    pod::{Pod, hasty, tier},
    world::Manners,
};
use assistant_proof::{GateSettings, Verdict, reason};
use std::{
    net::{TcpListener, UdpSocket},
    time::Duration,
};

#[test]
fn with_all_local_ports_taken_nothing_is_known() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    lab.set("pod", &["net.ipv4.ip_local_port_range=40000 40003"]);
    let _taken = lab.within("pod", || {
        let ports = || 40000..=40003u16;
        let tcp: Vec<TcpListener> = ports().map(|p| TcpListener::bind(("0.0.0.0", p)).unwrap()).collect();
        let udp: Vec<UdpSocket> = ports().map(|p| UdpSocket::bind(("0.0.0.0", p)).unwrap()).collect();
        (tcp, udp)
    });
    let ended = Pod::new(&lab).gate(&hasty());
    assert_eq!((ended.code, ended.evidence.reason.as_str()), (2, reason::PROBE_IMPOSSIBLE), "{ended:?}");
}

#[test]
fn with_no_local_port_for_udp_nothing_is_known() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    lab.set("pod", &["net.ipv4.ip_local_port_range=40000 40200"]);
    let _taken = lab.within("pod", || (40000..=40200u16).map(|p| UdpSocket::bind(("0.0.0.0", p)).unwrap()).collect::<Vec<_>>());
    let ended = Pod::new(&lab).gate(&hasty());
    assert_eq!((ended.code, ended.evidence.reason.as_str()), (2, reason::PROBE_IMPOSSIBLE), "{ended:?}");
    assert!(ended.evidence.message.contains("UDP"), "{ended:?}");
}

#[test]
fn an_error_of_the_pod_itself_proves_nothing() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    // A filter inside the pod makes the send fail with EPERM: the datagram never met the fence.
    lab.nft(
        "pod",
        "add table ip own; add chain ip own out { type filter hook output priority 0; }; add rule ip own out udp dport 7071 drop",
    );
    let ended = Pod::new(&lab).gate(&hasty());
    assert_eq!((ended.code, ended.evidence.reason.as_str()), (2, reason::PROBE_IMPOSSIBLE), "{ended:?}");
    assert!(ended.evidence.message.contains("not permitted"), "{ended:?}");
}

#[test]
fn ends_at_once_when_told_to() {
    let lab = Lab::new();
    let _world = lab.world(Manners::default());
    let gate = Pod::new(&lab);
    let running = gate.start(&tier(), &[]);
    std::thread::sleep(Duration::from_millis(500));
    running.terminate();
    let ended = running.end();
    assert_eq!((ended.code, ended.evidence.reason.as_str()), (2, reason::INTERRUPTED), "{ended:?}");
    assert!(ended.took < Duration::from_secs(2), "took {:?}", ended.took);
}

#[test]
fn unusable_settings_are_named_in_the_evidence() {
    let lab = Lab::new();
    let ended = Pod::new(&lab).gate(&GateSettings { rounds: 0, ..tier() });
    assert_eq!((ended.code, ended.evidence.verdict), (64, Verdict::Inconclusive));
    assert_eq!(ended.evidence.reason, reason::SETTINGS_UNUSABLE);
    assert!(ended.evidence.message.contains("rounds is 0"), "{ended:?}");
}
