//! The gate's settings from the environment, checked. Reads environment variables.

use assistant_proof::{GateSettings, rounds::Rules};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// What a gate works with.
#[derive(Debug)]
pub struct Gate {
    /// As given.
    pub settings: GateSettings,
    /// Checked.
    pub rules: Rules,
    /// Distance between the starts of two rounds.
    pub interval: Duration,
    /// The pod's own address, where the downward API gave it.
    pub own: Option<Ipv4Addr>,
    /// Name and address of each closed target, with the node's address filled in.
    pub closed: Vec<(String, SocketAddr)>,
}

/// Reads `GUARD_GATE`, `NODE_IP` and `POD_IP`; the error is a sentence for a person.
pub fn read() -> Result<Gate, String> {
    let text = std::env::var("GUARD_GATE").map_err(|_| "GUARD_GATE is not set; it holds the gate's settings as JSON")?;
    check(&text, std::env::var("NODE_IP").ok().as_deref(), std::env::var("POD_IP").ok().as_deref())
}

fn check(text: &str, node: Option<&str>, own: Option<&str>) -> Result<Gate, String> {
    let settings: GateSettings = serde_json::from_str(text).map_err(|e| format!("GUARD_GATE: {e}"))?;
    let rules = Rules::new(&settings).map_err(|e| format!("GUARD_GATE: {e}"))?;
    let own =
        own.filter(|o| !o.is_empty()).map(|o| o.parse().map_err(|_| format!("POD_IP is {o:?}; an IPv4 address is allowed")));
    let closed = settings.closed.iter().map(|target| {
        let address = if target.address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
            let node =
                node.ok_or_else(|| format!("NODE_IP is not set, but the closed target {:?} is on the node", target.name))?;
            let node: IpAddr = node.parse().map_err(|_| format!("NODE_IP is {node:?}; an IP address is allowed"))?;
            SocketAddr::new(node, target.address.port())
        } else {
            target.address
        };
        Ok((target.name.clone(), address))
    });
    Ok(Gate {
        interval: Duration::from_millis(settings.interval_milliseconds.into()),
        own: own.transpose()?,
        closed: closed.collect::<Result<_, String>>()?,
        rules,
        settings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"kind":"Egress","witnesses":["10.0.0.1:7070","10.0.0.2:7070"],
        "closed":[{"name":"kubelet","address":"0.0.0.0:10250"},{"name":"api-server","address":"10.43.0.1:443"}],
        "rounds":10,"spanMilliseconds":1000,"intervalMilliseconds":250,"deadlineSeconds":30}"#;

    #[test]
    fn the_nodes_address_is_filled_in() {
        let gate = check(TEXT, Some("192.0.2.9"), Some("10.42.0.5")).unwrap();
        let closed: Vec<String> = gate.closed.iter().map(|(name, address)| format!("{name} {address}")).collect();
        assert_eq!(closed, ["kubelet 192.0.2.9:10250", "api-server 10.43.0.1:443"]);
        assert_eq!(gate.own, Some(Ipv4Addr::new(10, 42, 0, 5)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, node, own, named) in [
            (TEXT, None, None, "NODE_IP"),
            (TEXT, Some("node-1"), None, "node-1"),
            (TEXT, Some("192.0.2.9"), Some("pod"), "POD_IP"),
            ("{}", None, None, "kind"),
            (&TEXT.replace("\"rounds\":10", "\"rounds\":0"), Some("192.0.2.9"), None, "rounds"),
            (&TEXT.replace("\"rounds\"", "\"round\""), Some("192.0.2.9"), None, "round"),
        ] {
            let error = check(text, node, own).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }
}
