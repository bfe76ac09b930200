//! The pod's own lane: accepted, and a `CONNECT` without a password is answered 407. Dials the lane.

use crate::net::dial;
use assistant_proof::{LaneTarget, Outcome, rounds::LaneSeen};
use std::{io, net::SocketAddr, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Time for the connection, and again for the answer.
const WAIT: Duration = Duration::from_millis(500);
/// A host that no lane allows and no resolver knows (RFC 6761), for lanes that allow nothing.
const NO_HOST: &str = "gate.invalid";

/// What the lane does. `host` is one that it allows, as the egress pod says; it never gets further than the 407.
pub async fn attempt(lane: &LaneTarget, host: Option<&str>) -> LaneSeen {
    let target = SocketAddr::V4(lane.address);
    let mut stream = match dial::tcp(target, WAIT).await {
        Ok(stream) => stream,
        Err(error) => {
            let why = format!("{target}: {error}");
            return if dial::outcome(&error, &target) == Outcome::Closed {
                LaneSeen::Refused(why)
            } else {
                LaneSeen::Impossible(why)
            };
        }
    };
    if !lane.password {
        return LaneSeen::Accepted;
    }
    let host = host.unwrap_or(NO_HOST);
    if !is_host(host) {
        return LaneSeen::Odd(format!("the egress pod names {host:?} as its host"));
    }
    let exchange = async {
        stream.write_all(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::with_capacity(64);
        while answer.len() < 16 {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        Ok(answer)
    };
    match dial::within(WAIT, exchange).await {
        Ok(answer) => weigh(&answer),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset || error.kind() == io::ErrorKind::BrokenPipe => {
            LaneSeen::Closed
        }
        Err(error) => LaneSeen::Odd(error.to_string()),
    }
}

/// The status of an HTTP/1 answer.
fn weigh(answer: &[u8]) -> LaneSeen {
    if answer.is_empty() {
        return LaneSeen::Closed;
    }
    let text = String::from_utf8_lossy(answer);
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|digits| digits.parse().ok());
    status.map_or_else(|| LaneSeen::Odd(format!("answered {:?}", text.chars().take(32).collect::<String>())), LaneSeen::Status)
}

/// Foreign text goes into a request line only as a plain host name.
fn is_host(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && !host.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_http() {
        assert_eq!(weigh(b"HTTP/1.1 407 Proxy Authentication Required\r\n"), LaneSeen::Status(407));
        assert_eq!(weigh(b"HTTP/1.0 200 OK\r\n"), LaneSeen::Status(200));
        assert_eq!(weigh(b""), LaneSeen::Closed);
        for odd in [&b"SSH-2.0-OpenSSH_9"[..], b"HTTP/1.1 abc", b"HTTP/1.", b"\xff\xfe\xff\xfe"] {
            assert!(matches!(weigh(odd), LaneSeen::Odd(_)));
        }
    }

    #[test]
    fn only_a_plain_name_goes_into_the_request() {
        assert!(is_host("api.example.org") && is_host("xn--bcher-kva.example"));
        for bad in ["", ".example.org", "a b", "a\r\nX: y", "A.example", &"a".repeat(254)] {
            assert!(!is_host(bad), "{bad:?}");
        }
    }
}
