//! The pod's own network interface, as `/proc/net` shows it. Reads files.

use std::{fs, io, net::Ipv6Addr};

/// An interface and its link-local address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Name, e.g. `eth0`.
    pub name: String,
    /// The first link-local IPv6 address; `None`: IPv6 is off here.
    pub address: Option<LinkLocal>,
}

/// A link-local address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLocal {
    /// `fe80::…`
    pub address: Ipv6Addr,
    /// Index of its interface, the scope of the address.
    pub scope: u32,
    /// Duplicate detection has not ended: the address cannot be used yet, but soon.
    pub tentative: bool,
}

/// The interface of the default route, else the first one that is up and not loopback; `None`: there is none.
pub fn default_link() -> io::Result<Option<Link>> {
    let routes = fs::read_to_string("/proc/net/route")?;
    // Absent when the kernel runs without IPv6.
    let addresses = match fs::read_to_string("/proc/net/if_inet6") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    Ok(route_interface(&routes).map(|name| Link { name: name.to_owned(), address: link_local(&addresses, name) }))
}

/// Whether the kernel speaks no IPv6 on this interface.
pub fn is_off(interface: &str) -> bool {
    match fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6")) {
        Ok(text) => text.trim() == "1",
        // No such file: a kernel without IPv6. Any other failure says nothing.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Columns: Iface Destination Gateway Flags …; a default route has destination 0.
fn route_interface(routes: &str) -> Option<&str> {
    let rows = || routes.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows()
        .find(|row| row.get(1) == Some(&"00000000") && row.get(7) == Some(&"00000000"))
        .or_else(|| rows().find(|row| row.first().is_some_and(|name| *name != "lo")))
        .and_then(|row| row.first().copied())
}

/// Columns: address, index, prefix length, scope, flags (all hex), name. Scope 20 is link, flag 40 is tentative.
fn link_local(addresses: &str, interface: &str) -> Option<LinkLocal> {
    addresses.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, index, _, "20", flags, name] = fields[..] else { return None };
        if name != interface {
            return None;
        }
        Some(LinkLocal {
            address: u128::from_str_radix(address, 16).ok()?.into(),
            scope: u32::from_str_radix(index, 16).ok()?,
            tentative: u32::from_str_radix(flags, 16).ok()? & 0x40 != 0,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth1\t0000320A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
        eth0\t00000000\t01002A0A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";

    #[test]
    fn the_default_route_names_the_interface() {
        assert_eq!(route_interface(ROUTES), Some("eth0"));
        let without: String = ROUTES.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(route_interface(&without), Some("eth1"));
        assert_eq!(route_interface("Iface\n"), None);
    }

    #[test]
    fn a_link_local_address_and_whether_it_is_ready() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n\
            fe80000000000000a8bbccfffedd0001 02 40 20 80     eth0\n\
            fe80000000000000a8bbccfffedd0002 03 40 20 c0     eth1\n";
        let found = link_local(text, "eth0").unwrap();
        assert_eq!((found.address.to_string().as_str(), found.scope, found.tentative), ("fe80::a8bb:ccff:fedd:1", 2, false));
        assert!(link_local(text, "eth1").unwrap().tentative);
        assert_eq!(link_local(text, "eth2"), None);
        assert_eq!(link_local(text, "lo"), None);
    }
}
