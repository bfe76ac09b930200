//! The witness as others see it: what it answers, what it refuses, and that one pod cannot wear it out.

use crate::{
    lab::{EGRESS, Lab, NEIGHBOUR, WITNESS_A, wait_for},
    pod::{Pod, quick},
    world::Manners,
};
use assistant_proof::{
    Outcome, Verdict,
    wire::{Hello, Lane, Round, Seen},
};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

impl Lab {
    /// What witness a's control answers to this line, asked from a namespace.
    fn ask(&self, namespace: &str, line: &str) -> String {
        let line = format!("{line}\n");
        self.within(namespace, move || {
            let mut stream = TcpStream::connect((WITNESS_A, 7070)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.write_all(line.as_bytes()).unwrap();
            let mut reply = String::new();
            let _ = stream.read_to_string(&mut reply);
            reply
        })
    }

    /// What comes back from witness a's canary by UDP within 300 ms.
    fn datagram(&self, namespace: &str, message: &[u8]) -> Option<Vec<u8>> {
        let message = message.to_vec();
        self.within(namespace, move || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            socket.send_to(&message, (WITNESS_A, 7071)).unwrap();
            let mut reply = [0; 100];
            socket.recv(&mut reply).ok().map(|length| reply[..length].to_vec())
        })
    }
}

#[test]
fn a_round_shows_both_canaries_and_both_versions_are_spoken() {
    let lab = Lab::new();
    let _witnesses = lab.witnesses();
    for v in [1, 0] {
        let reply: Round =
            serde_json::from_str(&lab.ask("neighbour", &format!(r#"{{"v":{v},"op":"round","nonce":"{NONCE}"}}"#))).unwrap();
        assert_eq!((reply.v, reply.witness.as_str(), reply.nonce.as_str()), (v, "a", NONCE));
        assert_eq!(
            (reply.tcp, reply.udp, reply.link_local_own),
            (Outcome::Through, Outcome::Through, Outcome::Through),
            "{reply:?}"
        );
        assert_eq!((reply.sibling, reply.sibling_witness.as_deref()), (Some(Ipv4Addr::new(10, 42, 0, 3)), Some("b")));
    }
    let hello: Hello =
        serde_json::from_str(&lab.ask("neighbour", &format!(r#"{{"v":1,"op":"hello","nonce":"{NONCE}"}}"#))).unwrap();
    assert_eq!(hello.own, Ipv4Addr::new(10, 42, 0, 2));
    assert!(lab.ask("neighbour", &format!(r#"{{"v":2,"op":"hello","nonce":"{NONCE}"}}"#)).contains(r#"{"error":"version 2"#));
    assert!(lab.ask("neighbour", &"x".repeat(5000)).is_empty(), "a line without end is cut off");
}

#[test]
fn the_canary_answers_nonces_only_and_control_knows_them() {
    let lab = Lab::new();
    let _a = lab.witness("a", &[]);
    // A datagram may be late on a busy machine, so the control asks more than once.
    let answer = (0..10).find_map(|_| lab.datagram("neighbour", format!("{NONCE}\n").as_bytes()));
    assert_eq!(answer, Some(format!("a {NONCE}\n").into_bytes()));
    for noise in [NONCE.as_bytes(), b"x\n", format!("{}\n", NONCE.to_uppercase()).as_bytes(), &[0; 1000], b""] {
        assert_eq!(lab.datagram("neighbour", noise), None, "{noise:?}");
    }
    let other = "f".repeat(32);
    let asked = format!(r#"{{"v":1,"op":"seen","nonce":"{NONCE}","nonces":["{other}","{NONCE}"]}}"#);
    let seen: Seen = serde_json::from_str(&lab.ask("pod", &asked)).unwrap();
    assert_eq!((seen.seen, seen.complete), (vec![NONCE.to_owned()], true));
}

#[test]
fn only_the_askers_own_lane_ports_are_dialled() {
    let lab = Lab::new();
    let _a = lab.witness("a", &[]);
    let listener = lab.within("neighbour", || TcpListener::bind((NEIGHBOUR, 3207)).unwrap());
    let arrived = Arc::new(AtomicU32::new(0));
    let count = arrived.clone();
    std::thread::spawn(move || {
        while let Ok((_, peer)) = listener.accept() {
            assert_eq!(peer.ip().to_string(), WITNESS_A);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let outcome = |namespace: &str, port: u16| {
        let reply = lab.ask(namespace, &format!(r#"{{"v":1,"op":"lane","nonce":"{NONCE}","port":{port}}}"#));
        serde_json::from_str::<Lane>(&reply).map(|lane| lane.outcome).map_err(|_| reply)
    };
    assert_eq!(outcome("neighbour", 3207), Ok(Outcome::Through));
    assert_eq!(outcome("neighbour", 3208), Ok(Outcome::Closed));
    assert_eq!(outcome("pod", 3207), Ok(Outcome::Closed), "another asker's port is not dialled for it");
    assert!(outcome("neighbour", 10250).is_err_and(|reply| reply.contains("10250")));
    wait_for("one arrival", || arrived.load(Ordering::Relaxed) == 1);
}

#[test]
fn a_pod_that_floods_control_blinds_nobody_else() {
    let lab = Lab::new();
    lab.fence("");
    let (_witnesses, _world) = (lab.witnesses(), lab.world(Manners::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let attempts = Arc::new(AtomicU32::new(0));
    let flood = (0..4).map(|_| {
        let (stop, attempts) = (stop.clone(), attempts.clone());
        let path = format!("/run/netns/{}", lab.namespace("neighbour"));
        std::thread::spawn(move || {
            let namespace = std::fs::File::open(path).unwrap();
            rustix::thread::move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(rustix::thread::LinkNameSpaceType::Network),
            )
            .unwrap();
            let mut held = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // Idle connections, held for as long as the witness lets them.
                if let Ok(stream) = TcpStream::connect((WITNESS_A, 7070)) {
                    held.push(stream);
                }
                attempts.fetch_add(1, Ordering::Relaxed);
                if held.len() > 200 {
                    held.clear();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    });
    let flood: Vec<_> = flood.collect();
    wait_for("a flood", || attempts.load(Ordering::Relaxed) > 500);
    let ended = Pod::new(&lab).gate(&quick());
    stop.store(true, Ordering::Relaxed);
    for thread in flood {
        thread.join().unwrap();
    }
    assert_eq!(ended.evidence.verdict, Verdict::Closed, "{ended:?}");
}

#[test]
fn the_sibling_may_be_a_name() {
    let lab = Lab::new();
    lab.fence("");
    let stop = Arc::new(AtomicBool::new(false));
    let socket = lab.udp("world", format!("{EGRESS}:53"));
    let (end, asked) = (stop.clone(), Arc::new(AtomicU32::new(0)));
    let count = asked.clone();
    // A resolver that knows one name: the question back with one A record for 10.42.0.3.
    std::thread::spawn(move || {
        crate::world::datagrams(&socket, &end, |question, _| {
            assert!(question.windows(9).any(|w| w == b"witness-b"), "another name is asked for");
            count.fetch_add(1, Ordering::Relaxed);
            let mut reply = question.to_vec();
            (reply[2], reply[3], reply[7]) = (0x81, 0x80, 1);
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 42, 0, 3]);
            Some(reply)
        });
    });
    let _b = lab.witness("b", &[]);
    let _a = lab.named_witness_a("witness-b.assistants.svc.cluster.local", EGRESS);
    let _world = lab.world(Manners::default());
    let ended = Pod::new(&lab).gate(&quick());
    assert_eq!(ended.evidence.verdict, Verdict::Closed, "{ended:?}");
    let questions = asked.load(Ordering::Relaxed);
    assert!((1..=8).contains(&questions), "resolved at most once a second, not {questions} times");
    stop.store(true, Ordering::Relaxed);
}

#[test]
fn as_pid_1_it_ends_on_sigterm() {
    let lab = Lab::new();
    let mut child = lab
        .command("wa", "unshare")
        .args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_guard"), "witness"])
        .env("GUARD_WITNESS", r#"{"name":"a","sibling":"10.42.0.3"}"#)
        .env("POD_IP", WITNESS_A)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    lab.wait_for_listener("wa", WITNESS_A, 7070);
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    let began = Instant::now();
    assert!(Command::new("kill").args(["-TERM", children.trim()]).status().unwrap().success());
    assert!(child.wait().unwrap().success(), "it ends by itself and well");
    assert!(began.elapsed() < Duration::from_secs(2));
}
