//! From a witness's link-local address to one this pod can dial. Reads `/proc/net`, opens a socket.

use crate::net::link;
use assistant_proof::{Outcome, WITNESS_CANARY_PORT, rounds::Attempt};
use rustix::net::{AddressFamily, SocketType, netdevice};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

/// Where to dial, or why there is nothing to dial.
pub fn target(address: Ipv6Addr) -> Result<SocketAddr, Attempt> {
    let unclear = |detail: String| Attempt { outcome: Outcome::Inconclusive, detail };
    let link = link::default_link().map_err(|e| unclear(format!("/proc/net: {e}")))?;
    let Some(link) = link else { return Err(unclear("this pod has no network interface".into())) };
    let scope = match link.address {
        // In a moment it will be usable: closed now says nothing about then.
        Some(own) if own.tentative => {
            return Err(unclear("this pod's own link-local address is still being checked for duplicates".into()));
        }
        Some(own) => own.scope,
        None if link::is_off(&link.name) => {
            return Err(Attempt { outcome: Outcome::Closed, detail: "IPv6 is off in this pod".into() });
        }
        None => rustix::net::socket(AddressFamily::INET6, SocketType::DGRAM, None)
            .and_then(|socket| netdevice::name_to_index(socket, &link.name))
            .map_err(|e| unclear(format!("{}: {e}", link.name)))?,
    };
    Ok(SocketAddrV6::new(address, WITNESS_CANARY_PORT, 0, scope).into())
}
