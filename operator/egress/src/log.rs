//! One line of Squid's access log as a decision. Pure. The line is foreign: the client chose the host and the SNI in it.

use crate::Host;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What Squid decided about one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// When the request ended.
    pub at: Timestamp,
    /// Port of the lane.
    pub lane: u16,
    /// The host that was asked for; `None` where it is no valid host name. Never with a leading dot.
    pub host: Option<Host>,
    /// Port that was asked for.
    pub port: Option<u16>,
    /// The name in the ClientHello where it is a valid host name and another than `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<Host>,
    /// Whether a tunnel stood.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// Bytes through the tunnel, both ways together.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// Why Squid decided as it did. A closed set, fit for a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Allowed, the tunnel stood.
    Allowed,
    /// No, a wrong or another lane's password.
    Password,
    /// The host is not on the lane's list.
    NotListed,
    /// The host is excepted.
    Excepted,
    /// Another method than CONNECT.
    NotConnect,
    /// Another port than 443.
    NotPort443,
    /// An address instead of a name.
    Address,
    /// The name resolves to a private or local address.
    PrivateAddress,
    /// The ClientHello names no host.
    NoSni,
    /// The ClientHello names another host.
    WrongSni,
    /// What came through the tunnel was not TLS.
    NotTls,
    /// Too many connections from one pod.
    Connections,
    /// Allowed, but the name did not resolve.
    Unresolved,
    /// Allowed, but the host did not answer or ended the connection.
    Unreachable,
    /// The client went away before a decision or was not understood.
    Other,
}

impl Decision {
    /// Reads one line. `None` where it is no decision about a lane (noise, another port, an interim line, broken). Never panics, whatever the bytes.
    pub fn parse(line: &[u8]) -> Option<Decision> {
        let value: Value = serde_json::from_str(String::from_utf8_lossy(line).trim()).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("-");
        let number = |key: &str| text(key).parse::<u64>().unwrap_or(0);
        let lane: u16 = text("lp").parse().ok()?;
        if !crate::PORTS.contains(&lane) {
            return None;
        }
        let host = name(text("host"));
        let sni = name(text("sni")).filter(|sni| Some(sni) != host.as_ref());
        // The 200 to an accepted CONNECT has a line of its own; the verdict comes with the line of the tunnel.
        let accepted = text("sq").starts_with("NONE") && text("status") == "200" && text("bump") != "terminate";
        if accepted && text("why") == "-" && text("err") == "-" {
            return None;
        }
        let reason = reason(&text);
        Some(Decision {
            at: timestamp(text("ts"))?,
            lane,
            host,
            port: text("port").parse().ok(),
            sni,
            allowed: reason == Reason::Allowed,
            reason,
            bytes: number("in").saturating_add(number("out")),
            milliseconds: number("ms"),
        })
    }
}

fn reason<'a>(text: &impl Fn(&'static str) -> &'a str) -> Reason {
    // The annotation is the rule itself speaking. The status is no help: a refused CONNECT logs 200, a good tunnel of Squid 5 logs 500.
    match text("why") {
        "connections" => return Reason::Connections,
        "method" => return Reason::NotConnect,
        "port" => return Reason::NotPort443,
        "address" => return Reason::Address,
        "except" => return Reason::Excepted,
        "list" => return Reason::NotListed,
        "private" => return Reason::PrivateAddress,
        "nosni" => return Reason::NoSni,
        "sni" => return Reason::WrongSni,
        _ => {}
    }
    match (text("sq"), text("bump"), text("err")) {
        ("TCP_TUNNEL", "splice" | "peek", "-" | "ERR_NONE" | "ERR_CLIENT_GONE") => Reason::Allowed,
        ("TCP_DENIED" | "TCP_DENIED_ABORTED", _, _) if text("status") == "407" => Reason::Password,
        (_, _, "ERR_DNS_FAIL") => Reason::Unresolved,
        (_, _, "ERR_PROTOCOL_UNKNOWN") => Reason::NotTls,
        (_, _, error) if error.starts_with("ERR_CONNECT") || error.starts_with("ERR_READ") || error.starts_with("ERR_SECURE") => {
            Reason::Unreachable
        }
        ("TCP_TUNNEL", "splice", _) => Reason::Allowed,
        _ => Reason::Other,
    }
}

/// A name as a client may spell it: any case, trailing dots. No leading dot survives, since a client asks for one host.
fn name(text: &str) -> Option<Host> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    (!name.starts_with('.')).then(|| name.parse().ok()).flatten()
}

/// Seconds with three decimals since 1970.
fn timestamp(text: &str) -> Option<Timestamp> {
    let (seconds, milliseconds) = text.split_once('.')?;
    let (seconds, milliseconds): (i64, i64) = (seconds.parse().ok()?, milliseconds.parse().ok()?);
    Timestamp::from_millisecond(seconds.checked_mul(1000)?.checked_add(milliseconds)?).ok()
}

#[cfg(test)]
mod tests;
