//! What this pod, which may, reaches now: its resolver by TCP and UDP, and one listed host. Shared by all who ask within a second, so
//! that a hundred gates cost one dial. Reads resolv.conf, sends queries, dials.

use super::state::RunningPlan;
use crate::net::{self, dial, dns};
use assistant_egress::{Host, is_private};
use assistant_proof::{
    Outcome,
    wire::{DnsControl, OutsideControl},
};
use ipnet::IpNet;
use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV4},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    task::JoinSet,
    time::Instant,
};

/// For how long what was reached counts as reached now.
const SHARED: Duration = Duration::from_secs(1);
/// For one exchange with the resolver.
const ASK: Duration = Duration::from_millis(800);
/// For one dial. With a resolution before it this stays within the two seconds of the protocol.
const DIAL: Duration = Duration::from_millis(900);
/// Hosts that are tried in one probe.
const TRIED: usize = 4;
/// Asked for where no exact host is listed. The answer may be "no such name"; that it comes is what counts.
const ANY_NAME: &str = "kubernetes.default.svc.cluster.local";

/// What was reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The resolver; `None` where resolv.conf names none with an IPv4 address.
    pub dns: Option<DnsControl>,
    /// A listed host; `None` where none resolves to a public IPv4 address.
    pub outside: Option<OutsideControl>,
}

/// Probes, at most one at a time.
pub struct Probe {
    resolv_conf: Box<Path>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    reached: Option<(Instant, String, Reached)>,
    /// Where among the listed hosts the next probe begins.
    first: usize,
}

impl Probe {
    /// With the resolver of this file.
    pub fn new(resolv_conf: &Path) -> Self {
        Self { resolv_conf: resolv_conf.into(), last: Mutex::default() }
    }

    /// What is reached within this second. A result belongs to the plan whose host it dialled.
    pub async fn reached(&self, running: &Arc<RunningPlan>) -> Reached {
        let mut last = self.last.lock().await;
        if let Some((at, digest, reached)) = &last.reached
            && at.elapsed() < SHARED
            && *digest == running.digest
        {
            return reached.clone();
        }
        let hosts = running.reach.exact_hosts();
        let name = hosts.first().map_or(ANY_NAME, Host::as_str);
        let (dns, outside) = tokio::join!(self.dns(name), self.outside(&hosts, last.first, &running.local_ranges));
        if outside.as_ref().is_none_or(|outside| outside.outcome != Outcome::Through) {
            // Others may do better next time.
            last.first = last.first.wrapping_add(TRIED) % hosts.len().max(1);
        }
        let reached = Reached { dns, outside };
        last.reached = Some((Instant::now(), running.digest.clone(), reached.clone()));
        reached
    }

    async fn dns(&self, name: &str) -> Option<DnsControl> {
        let address = first_server(&std::fs::read_to_string(&self.resolv_conf).ok()?)?;
        let [high, low, ..] = net::random();
        let id = [high, low];
        let message = dns::question(u16::from_be_bytes(id), name).ok()?;
        let target = SocketAddr::V4(address);
        let (tcp, udp) = tokio::join!(by_tcp(target, &message), dial::datagram(target, &message, ASK));
        let outcome = |reply: io::Result<Vec<u8>>| match reply {
            Ok(reply) if reply.starts_with(&id) => Outcome::Through,
            Ok(_) => Outcome::Inconclusive,
            Err(error) => dial::outcome(&error, &target),
        };
        Some(DnsControl { address, tcp: outcome(tcp), udp: outcome(udp) })
    }

    async fn outside(&self, hosts: &[Host], first: usize, local: &[IpNet]) -> Option<OutsideControl> {
        let mut asked = JoinSet::new();
        let tried: Vec<String> = hosts.iter().cycle().skip(first).take(TRIED.min(hosts.len())).map(Host::to_string).collect();
        for (i, host) in tried.into_iter().enumerate() {
            let resolv_conf = self.resolv_conf.clone();
            asked.spawn(async move {
                let addresses = tokio::time::timeout(ASK, dns::resolve(&host, &resolv_conf, ASK)).await;
                (i, addresses.ok().and_then(Result::ok).unwrap_or_default())
            });
        }
        let mut found = asked.join_all().await;
        found.sort();
        // A name that resolves to a private address is one that Squid refuses; it says nothing about the outside.
        let public = |addresses: &Vec<_>| addresses.iter().all(|a| !is_private(IpAddr::V4(*a), local));
        let address = found.iter().filter(|(_, addresses)| public(addresses)).find_map(|(_, addresses)| addresses.first())?;
        let address = SocketAddrV4::new(*address, 443);
        let outcome = dial::knock(address.into(), DIAL).await.outcome;
        Some(OutsideControl { address, outcome })
    }
}

fn first_server(resolv_conf: &str) -> Option<SocketAddrV4> {
    let servers = resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    servers.filter_map(|rest| rest.trim().parse().ok()).map(|address| SocketAddrV4::new(address, 53)).next()
}

async fn by_tcp(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let mut stream = dial::tcp(server, ASK).await?;
    let exchange = async {
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut reply = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut reply).await?;
        Ok(reply)
    };
    dial::within(ASK, exchange).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ipv4_server_is_the_one() {
        let text = "search a.b\nnameserver fd00::a\nnameserver 10.43.0.10\nnameserver 1.1.1.1\n";
        assert_eq!(first_server(text), Some("10.43.0.10:53".parse().unwrap()));
        assert_eq!(first_server("nameserver fd00::a\n"), None);
    }
}
