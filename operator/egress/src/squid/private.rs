//! Ranges that no lane reaches: private, local and special addresses, and those of the cluster. Pure.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses that are not the public internet (IANA special-purpose registries, <https://www.iana.org/assignments/iana-ipv4-special-registry>
/// and `…ipv6-special-registry`). The documentation ranges are left out: nobody answers there, and a test internet may.
const PRIVATE: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
    "::1/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// The ranges that are always refused. `::ffff:0:0/96` is not among them: Squid reads it as all of IPv4, and compares a mapped
/// address as IPv4 anyway.
pub fn private_ranges() -> Vec<IpNet> {
    PRIVATE.iter().map(|range| range.parse().expect("a test parses every row of the table")).collect()
}

/// [`private_ranges`] and `local`, without ranges that another one holds, none of them touching the mapped addresses.
pub(super) fn denied_ranges(local: &[IpNet]) -> Vec<IpNet> {
    let mut all: Vec<IpNet> = private_ranges().into_iter().chain(local.iter().flat_map(without_mapped)).collect();
    all.sort_by_key(|range| (matches!(range, IpNet::V6(_)), range.prefix_len(), range.addr()));
    let mut kept: Vec<IpNet> = Vec::with_capacity(all.len());
    for range in all {
        if !kept.iter().any(|wider| wider.contains(&range)) {
            kept.push(range);
        }
    }
    kept.sort();
    kept
}

/// A range as Squid must be told: a range of mapped addresses as the IPv4 range it stands for, and a wider IPv6 range in pieces around
/// the mapped ones, since Squid would take a range that holds them for all of IPv4.
fn without_mapped(range: &IpNet) -> Vec<IpNet> {
    let IpNet::V6(v6) = range.trunc() else { return vec![range.trunc()] };
    let mapped = mapped();
    if mapped.contains(&v6) {
        let Some(v4) = v6.network().to_ipv4_mapped() else { return Vec::new() };
        return Ipv4Net::new(v4, v6.prefix_len() - 96).map(IpNet::V4).into_iter().collect();
    }
    if !v6.contains(&mapped) {
        return vec![IpNet::V6(v6)];
    }
    // Halve towards the mapped range; the half that does not hold it is kept whole.
    let mut pieces = Vec::new();
    let mut rest = v6;
    while rest != mapped {
        let Ok(halves) = rest.subnets(rest.prefix_len() + 1) else { break };
        let (with, without): (Vec<Ipv6Net>, Vec<Ipv6Net>) = halves.partition(|half| half.contains(&mapped));
        pieces.extend(without.into_iter().map(IpNet::V6));
        let Some(next) = with.first() else { break };
        rest = *next;
    }
    pieces
}

fn mapped() -> Ipv6Net {
    Ipv6Net::new(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96).expect("96 is a prefix length of IPv6")
}

/// Whether an address is one that no lane reaches.
pub fn is_private(address: std::net::IpAddr, local: &[IpNet]) -> bool {
    let address = match address {
        std::net::IpAddr::V6(v6) if v6 == Ipv6Addr::UNSPECIFIED => return true,
        other => other.to_canonical(),
    };
    denied_ranges(local).iter().any(|range| range.contains(&address))
}

#[cfg(test)]
mod tests;
