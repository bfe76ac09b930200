//! The internet of a test: a resolver that records every query and TLS origins that record what reaches them and echo it. Listens.

use super::isolation::{LOCAL_RANGE, ORIGIN, OTHER_ORIGIN, PRIVATE};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

/// Every name that the origins answer for.
pub const NAMES: [&str; 7] = [
    "allowed.example",
    "other.example",
    "a.wild.example",
    "b.wild.example",
    "bad.wild.example",
    "ends.example",
    "private.example",
];

/// The recording internet.
#[derive(Clone)]
pub struct Outside {
    pub certificate: CertificateDer<'static>,
    records: Arc<Mutex<BTreeMap<String, Ipv4Addr>>>,
    queries: Arc<Mutex<Vec<String>>>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

/// One connection at an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub address: Ipv4Addr,
    /// `None`: no TLS came, or none that named a host.
    pub sni: Option<String>,
}

impl Outside {
    pub fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config =
            Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap());
        let origin: Ipv4Addr = ORIGIN.parse().unwrap();
        let outside = Outside {
            certificate,
            records: Arc::new(Mutex::new(NAMES.iter().map(|name| ((*name).to_owned(), origin)).collect())),
            queries: Arc::default(),
            arrivals: Arc::default(),
        };
        outside.point("other.example", OTHER_ORIGIN);
        outside.point("private.example", PRIVATE);
        for address in [ORIGIN, OTHER_ORIGIN, PRIVATE, LOCAL_RANGE] {
            let listener = TcpListener::bind((address, 443)).unwrap();
            let (outside, config) = (outside.clone(), config.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let (outside, config) = (outside.clone(), config.clone());
                    std::thread::spawn(move || outside.origin(address.parse().unwrap(), stream.unwrap(), config));
                }
            });
        }
        outside.resolver();
        outside
    }

    /// What a name resolves to from now on.
    pub fn point(&self, name: &str, address: &str) {
        self.records.lock().unwrap().insert(name.to_owned(), address.parse().unwrap());
    }

    pub fn queries(&self) -> Vec<String> {
        self.queries.lock().unwrap().clone()
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().clone()
    }

    fn origin(&self, address: Ipv4Addr, stream: TcpStream, config: Arc<ServerConfig>) {
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        while tls.conn.is_handshaking() && tls.conn.complete_io(&mut tls.sock).is_ok() {}
        let sni = tls.conn.server_name().map(str::to_owned);
        self.arrivals.lock().unwrap().push(Arrival { address, sni });
        let mut buffer = [0; 1024];
        while let Ok(read) = tls.read(&mut buffer) {
            if read == 0 || tls.write_all(&buffer[..read]).and_then(|()| tls.flush()).is_err() {
                return;
            }
        }
    }

    fn resolver(&self) {
        let udp = UdpSocket::bind("127.0.0.1:53").unwrap();
        let outside = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                udp.send_to(&outside.answer(&buffer[..length]), from).unwrap();
            }
        });
        let tcp = TcpListener::bind("127.0.0.1:53").unwrap();
        let outside = self.clone();
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_ok() {
                    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut message).unwrap();
                    let reply = outside.answer(&message);
                    stream.write_all(&[&u16::try_from(reply.len()).unwrap().to_be_bytes(), &reply[..]].concat()).unwrap();
                }
            }
        });
    }

    fn answer(&self, message: &[u8]) -> Vec<u8> {
        let query = Packet::parse(message).unwrap();
        let question = query.questions[0].clone();
        let name = question.qname.to_string();
        self.queries.lock().unwrap().push(name.clone());
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
        match self.records.lock().unwrap().get(&name) {
            None => *reply.rcode_mut() = RCODE::NameError,
            Some(address) if question.qtype == QTYPE::TYPE(TYPE::A) => {
                let rdata = RData::A(A { address: u32::from(*address) });
                reply.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 1, rdata));
            }
            Some(_) => {}
        }
        reply.questions.push(question);
        reply.build_bytes_vec().unwrap()
    }
}
