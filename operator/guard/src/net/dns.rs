//! A small resolver: A records of one absolute name, asked of the name servers of `/etc/resolv.conf`. Own messages, because
//! a static glibc binary has no usable getaddrinfo. Reads a file, sends queries.

use super::dial;
use rustix::io::Errno;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE, rdata::RData};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the name servers are listed.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Most name servers that are asked, as in resolv.conf(5).
const SERVERS: usize = 3;

/// Why a name did not resolve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of name servers.
    #[error("{0} cannot be read")]
    Config(String, #[source] io::Error),
    /// None listed.
    #[error("{0} names no name server")]
    NoServer(String),
    /// Not a name.
    #[error("{0:?} is not a DNS name")]
    Name(String),
    /// The server said no.
    #[error("{server} says {code:?} for {name}")]
    Refused {
        /// Who.
        server: SocketAddr,
        /// The response code.
        code: RCODE,
        /// The asked name.
        name: String,
    },
    /// No IPv4 address.
    #[error("{0} has no IPv4 address")]
    Empty(String),
    /// No server answered; the last error.
    #[error("no name server answered; the last one, {server}")]
    Silent {
        /// Who.
        server: SocketAddr,
        /// How.
        #[source]
        source: io::Error,
    },
}

/// The IPv4 addresses of `name`, which is absolute whether or not it ends in a dot. Every server gets `wait`.
pub async fn resolve(name: &str, resolv_conf: &Path, wait: Duration) -> Result<Vec<Ipv4Addr>, Error> {
    let shown = resolv_conf.display().to_string();
    let text = std::fs::read_to_string(resolv_conf).map_err(|source| Error::Config(shown.clone(), source))?;
    let mut last = Error::NoServer(shown);
    for server in servers(&text) {
        match query(server, name, wait).await {
            Ok(Reply::Addresses(addresses)) if addresses.is_empty() => return Err(Error::Empty(name.into())),
            Ok(Reply::Addresses(addresses)) => return Ok(addresses),
            // A server that fails may have a sound neighbour; one that says "no such name" has not.
            Ok(Reply::Code(code)) => {
                let decided = code == RCODE::NameError;
                last = Error::Refused { server, code, name: name.into() };
                if decided {
                    return Err(last);
                }
            }
            Err(source) => last = Error::Silent { server, source },
        }
    }
    Err(last)
}

enum Reply {
    Addresses(Vec<Ipv4Addr>),
    Code(RCODE),
}

fn servers(resolv_conf: &str) -> impl Iterator<Item = SocketAddr> {
    resolv_conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|rest| rest.trim().parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, 53))
        .take(SERVERS)
}

async fn query(server: SocketAddr, name: &str, wait: Duration) -> io::Result<Reply> {
    let [high, low, ..] = super::random();
    let id = u16::from_be_bytes([high, low]);
    let message = question(id, name).map_err(|_| io::Error::from_raw_os_error(Errno::INVAL.raw_os_error()))?;
    let reply = dial::datagram(server, &message, wait).await?;
    match read(&reply, id, name)? {
        Some(reply) => Ok(reply),
        None => {
            let reply = dial::within(wait, by_tcp(server, &message)).await?;
            read(&reply, id, name)?.ok_or_else(|| strange("cut short by TCP"))
        }
    }
}

/// One query for the A records of `name`, as bytes.
pub fn question(id: u16, name: &str) -> Result<Vec<u8>, Error> {
    let refused = |_| Error::Name(name.into());
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name.trim_end_matches('.')).map_err(refused)?.into_owned();
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().map_err(refused)
}

async fn by_tcp(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = tokio::net::TcpStream::connect(server).await?;
    let length = u16::try_from(message.len()).map_err(|_| strange("too long to ask"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(message).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

/// The reply to our question; `None` when it is cut short and must be asked for by TCP.
fn read(bytes: &[u8], id: u16, name: &str) -> io::Result<Option<Reply>> {
    let packet = Packet::parse(bytes).map_err(|_| strange("not a DNS message"))?;
    let asked = packet.questions.iter().any(|q| q.qname.to_string().eq_ignore_ascii_case(name.trim_end_matches('.')));
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !asked {
        return Err(strange("an answer to another question"));
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(None);
    }
    if packet.rcode() != RCODE::NoError {
        return Ok(Some(Reply::Code(packet.rcode())));
    }
    let addresses = packet.answers.iter().filter_map(|record| match &record.rdata {
        RData::A(a) => Some(Ipv4Addr::from(a.address)),
        _ => None,
    });
    Ok(Some(Reply::Addresses(addresses.collect())))
}

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::{ResourceRecord, rdata::A};

    fn reply(id: u16, name: &str, flags: PacketFlag, addresses: &[[u8; 4]]) -> Vec<u8> {
        let mut packet = Packet::new_reply(id);
        packet.set_flags(flags);
        let name = Name::new(name).unwrap().into_owned();
        packet.questions.push(Question::new(name.clone(), QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
        for address in addresses {
            let rdata = RData::A(A { address: u32::from_be_bytes(*address) });
            packet.answers.push(ResourceRecord::new(name.clone(), CLASS::IN, 5, rdata));
        }
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn name_servers_are_read_in_order_and_at_most_three() {
        let text = "search a b\n# nameserver 9.9.9.9\nnameserver 10.43.0.10\nnameserver\tfd00::a\noptions ndots:5\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n";
        let found: Vec<String> = servers(text).map(|s| s.to_string()).collect();
        assert_eq!(found, ["10.43.0.10:53", "[fd00::a]:53", "1.1.1.1:53"]);
    }

    #[test]
    fn only_the_answer_to_our_question_counts() {
        let sound = reply(7, "w.svc", PacketFlag::empty(), &[[10, 43, 0, 9]]);
        assert!(matches!(read(&sound, 7, "W.svc."), Ok(Some(Reply::Addresses(a))) if a == [Ipv4Addr::new(10, 43, 0, 9)]));
        assert!(read(&sound, 8, "w.svc").is_err(), "another id");
        assert!(read(&sound, 7, "x.svc").is_err(), "another name");
        assert!(read(&question(7, "w.svc").unwrap(), 7, "w.svc").is_err(), "our own question sent back");
        assert!(read(b"\0\0", 7, "w.svc").is_err(), "noise");
        assert!(matches!(read(&reply(7, "w.svc", PacketFlag::TRUNCATION, &[]), 7, "w.svc"), Ok(None)));
    }
}
