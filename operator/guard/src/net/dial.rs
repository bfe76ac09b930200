//! Attempts to reach an address, and what an error of the system says about it. Dials.

use assistant_proof::{Outcome, rounds::Attempt};
use rustix::io::Errno;
use std::{io, net::SocketAddr, time::Duration};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// What an error says: refused, unreachable and timed out are what a closed path looks like; everything else (no local
/// port, no buffer, no descriptor, a filter inside this pod) says nothing about the path.
pub fn outcome(error: &io::Error, target: &SocketAddr) -> Outcome {
    if error.kind() == io::ErrorKind::TimedOut {
        return Outcome::Closed;
    }
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::TIMEDOUT) => Outcome::Closed,
        // How Linux reports ICMPv6 "administratively prohibited" and "reject route"; IPv4 reports the same as unreachable.
        Some(Errno::ACCESS) if target.is_ipv6() => Outcome::Closed,
        _ => Outcome::Inconclusive,
    }
}

/// An error as evidence.
pub fn attempt(error: &io::Error, target: &SocketAddr) -> Attempt {
    Attempt { outcome: outcome(error, target), detail: format!("{target}: {error}") }
}

/// A new TCP connection. It is reset when dropped, so that no half of it lives on in a connection table.
pub async fn tcp(target: SocketAddr, wait: Duration) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_zero_linger()?;
    within(wait, socket.connect(target)).await
}

/// Whether a TCP connection is accepted; nothing is sent on it.
pub async fn knock(target: SocketAddr, wait: Duration) -> Attempt {
    match tcp(target, wait).await {
        Ok(_) => Attempt { outcome: Outcome::Through, detail: format!("{target} accepted a connection") },
        Err(error) => attempt(&error, &target),
    }
}

/// Sends one datagram from a new socket and waits for one back.
pub async fn datagram(target: SocketAddr, message: &[u8], wait: Duration) -> io::Result<Vec<u8>> {
    let any: SocketAddr = if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    socket.send(message).await?;
    let mut reply = vec![0; 1500];
    let length = within(wait, socket.recv(&mut reply)).await?;
    reply.truncate(length);
    Ok(reply)
}

/// `work`, or a timed-out error.
pub async fn within<T>(wait: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(wait, work).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} ms", wait.as_millis()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(errno: Errno, target: &str) -> Outcome {
        outcome(&io::Error::from_raw_os_error(errno.raw_os_error()), &target.parse().unwrap())
    }

    #[test]
    fn only_refused_unreachable_and_timed_out_are_closed() {
        for errno in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::TIMEDOUT] {
            assert_eq!(of(errno, "10.0.0.1:1"), Outcome::Closed, "{errno}");
        }
        let inconclusive = [
            Errno::ADDRNOTAVAIL,
            Errno::ADDRINUSE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::MFILE,
            Errno::NFILE,
            Errno::PERM,
            Errno::ACCESS,
            Errno::INVAL,
            Errno::AFNOSUPPORT,
            Errno::AGAIN,
            Errno::CONNRESET,
        ];
        for errno in inconclusive {
            assert_eq!(of(errno, "10.0.0.1:1"), Outcome::Inconclusive, "{errno}");
        }
        assert_eq!(of(Errno::ACCESS, "[fe80::1]:1"), Outcome::Closed);
        assert_eq!(of(Errno::ADDRNOTAVAIL, "[fe80::1]:1"), Outcome::Inconclusive);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_wait_that_ends_is_closed() {
        let error = within::<()>(Duration::from_millis(1), std::future::pending()).await.unwrap_err();
        assert_eq!(outcome(&error, &"10.0.0.1:1".parse().unwrap()), Outcome::Closed);
    }
}
