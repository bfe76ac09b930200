//! Whether an ICMP socket can be opened in this pod. Opens sockets, sends nothing.

use assistant_proof::{Outcome, rounds::Attempt};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with},
};

/// Tries every kind of ICMP socket; `Through`: one could be opened.
pub fn attempt() -> Attempt {
    let kinds = [
        ("an ICMP socket can be opened", AddressFamily::INET, SocketType::DGRAM, ipproto::ICMP),
        ("an ICMPv6 socket can be opened", AddressFamily::INET6, SocketType::DGRAM, ipproto::ICMPV6),
        ("a raw ICMP socket can be opened", AddressFamily::INET, SocketType::RAW, ipproto::ICMP),
        ("a raw ICMPv6 socket can be opened", AddressFamily::INET6, SocketType::RAW, ipproto::ICMPV6),
    ];
    let mut unclear = None;
    for (opened, family, kind, protocol) in kinds {
        match socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol)) {
            Ok(_) => return Attempt { outcome: Outcome::Through, detail: opened.into() },
            // Not permitted, or the kernel does not have it at all.
            Err(
                Errno::ACCESS | Errno::PERM | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT | Errno::INVAL,
            ) => {}
            Err(other) => unclear = Some(format!("socket: {other}")),
        }
    }
    match unclear {
        Some(detail) => Attempt { outcome: Outcome::Inconclusive, detail },
        None => Attempt { outcome: Outcome::Closed, detail: "not permitted".into() },
    }
}
