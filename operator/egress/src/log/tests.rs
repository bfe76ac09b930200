//! Lines as Squid 5.7 and 6.13 write them, and lines as nobody should.

use super::*;
use proptest::prelude::*;

fn line(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = serde_json::json!({
        "ts": "1800000000.250", "ms": "12", "lp": "3200", "user": "-", "client": "10.42.0.9", "status": "200", "sq": "TCP_TUNNEL",
        "dst_ip": "203.0.113.80", "method": "CONNECT", "host": "a.example", "port": "443", "sni": "a.example", "bump": "splice",
        "in": "100", "out": "2000", "err": "-", "why": "-"
    });
    for (key, value) in fields {
        all[*key] = Value::from(*value);
    }
    serde_json::to_vec(&all).unwrap()
}

fn reason_of(fields: &[(&str, &str)]) -> Reason {
    Decision::parse(&line(fields)).unwrap().reason
}

#[test]
fn a_tunnel_is_allowed_with_its_bytes_whatever_the_status() {
    let decision = Decision::parse(&line(&[("status", "500")])).unwrap();
    assert_eq!(
        decision,
        Decision {
            at: Timestamp::from_millisecond(1_800_000_000_250).unwrap(),
            lane: 3200,
            host: "a.example".parse().ok(),
            port: Some(443),
            sni: None,
            allowed: true,
            reason: Reason::Allowed,
            bytes: 2100,
            milliseconds: 12,
        }
    );
}

#[test]
fn the_rule_that_refused_names_itself() {
    let denied = ("sq", "TCP_DENIED");
    for (why, reason) in [
        ("connections", Reason::Connections),
        ("method", Reason::NotConnect),
        ("port", Reason::NotPort443),
        ("address", Reason::Address),
        ("except", Reason::Excepted),
        ("list", Reason::NotListed),
        ("private", Reason::PrivateAddress),
        ("nosni", Reason::NoSni),
        ("sni", Reason::WrongSni),
    ] {
        assert_eq!(reason_of(&[denied, ("why", why), ("bump", "bump")]), reason);
        assert!(crate::squid::conf_reasons().contains(&why), "{why} is written by no rule");
    }
    assert_eq!(reason_of(&[denied, ("status", "407")]), Reason::Password);
    assert_eq!(reason_of(&[("sq", "NONE"), ("err", "ERR_DNS_FAIL")]), Reason::Unresolved);
    assert_eq!(reason_of(&[("sq", "TCP_TUNNEL"), ("bump", "terminate"), ("why", "sni")]), Reason::WrongSni);
}

#[test]
fn the_interim_line_of_an_accepted_connect_is_no_decision_and_a_terminated_one_is() {
    let interim = [("sq", "NONE_NONE"), ("status", "200"), ("dst_ip", "-")];
    assert_eq!(Decision::parse(&line(&interim)), None);
    for (key, value, reason) in
        [("why", "sni", Reason::WrongSni), ("bump", "terminate", Reason::Other), ("err", "ERR_PROTOCOL_UNKNOWN", Reason::NotTls)]
    {
        assert_eq!(reason_of(&[&interim[..], &[(key, value)]].concat()), reason);
    }
}

#[test]
fn only_valid_names_survive_in_lower_case() {
    let decision = |host: &str| Decision::parse(&line(&[("host", host), ("sni", "-")])).unwrap().host.map(|h| h.to_string());
    assert_eq!(decision("A.Example.."), Some("a.example".into()));
    for bad in ["-", "203.0.113.1", "a b", "x\",\"lp\":\"3201", ".a.example", "bot123:secret", "ü.example", "\u{7}"] {
        assert_eq!(decision(bad), None, "{bad:?}");
    }
    assert_eq!(Decision::parse(&line(&[("sni", "other.example")])).unwrap().sni, "other.example".parse().ok());
}

#[test]
fn what_is_no_line_of_a_lane_is_nothing() {
    for bad in [
        &line(&[("lp", "3130")])[..],
        &line(&[("ts", "soon")]),
        &line(&[("ts", "99999999999999999999.000")]),
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
    ] {
        assert_eq!(Decision::parse(bad), None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Decision::parse(&bytes);
    }

    #[test]
    fn any_values_are_survived_and_hosts_stay_plain(host in ".{0,60}", sni in ".{0,60}", other in ".{0,20}", key in 0..8_usize) {
        let key = ["ts", "ms", "status", "sq", "port", "bump", "in", "err"][key];
        if let Some(decision) = Decision::parse(&line(&[("host", &host), ("sni", &sni), (key, &other)])) {
            for name in [decision.host, decision.sni].into_iter().flatten() {
                prop_assert!(name.as_str().parse::<Host>().is_ok() && !name.is_subtree());
            }
        }
    }

    #[test]
    fn a_broken_byte_anywhere_is_survived(at in 0..300_usize, byte in any::<u8>()) {
        let mut line = line(&[]);
        let at = at % line.len();
        line[at] = byte;
        let _ = Decision::parse(&line);
    }
}
