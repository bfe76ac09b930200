//! A client of a lane: CONNECT, then TLS that trusts nothing but the origin's own certificate. Dials loopback.

use super::outside::Outside;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// How an attempt ended short of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// Cut before an answer to the CONNECT.
    Reset,
    /// Another answer than 200.
    Status(u16),
    /// 200, then cut before a handshake.
    Cut,
    /// 200, then a certificate that is not the origin's.
    Certificate(String),
}

pub struct Client<'a> {
    pub outside: &'a Outside,
    pub lane: u16,
    /// Name and password.
    pub password: Option<(&'a str, &'a str)>,
}

/// Speaks with an origin through a lane.
pub struct Tunnel(StreamOwned<ClientConnection, TcpStream>);

impl Client<'_> {
    pub fn open(&self, host: &str) -> Result<Tunnel, Failure> {
        self.open_as(&format!("{host}:443"), Some(host))
    }

    /// With another name in the ClientHello, or none.
    pub fn open_as(&self, target: &str, sni: Option<&str>) -> Result<Tunnel, Failure> {
        let stream = self.connect(target)?;
        let mut roots = RootCertStore::empty();
        roots.add(self.outside.certificate.clone()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.enable_sni = sni.is_some();
        let name = ServerName::try_from(sni.unwrap_or("allowed.example").to_owned()).unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        while tls.conn.is_handshaking() {
            if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
                return Err(match error.kind() {
                    ErrorKind::InvalidData => Failure::Certificate(error.to_string()),
                    _ => Failure::Cut,
                });
            }
        }
        Ok(Tunnel(tls))
    }

    /// Only the CONNECT.
    pub fn connect(&self, target: &str) -> Result<TcpStream, Failure> {
        let mut stream = self.dial()?;
        let authorization = self.password.map_or(String::new(), |(user, password)| {
            format!("Proxy-Authorization: Basic {}\r\n", base64(format!("{user}:{password}").as_bytes()))
        });
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
        match status(&mut stream, &request)? {
            200 => Ok(stream),
            status => Err(Failure::Status(status)),
        }
    }

    /// Any request; the status of its answer.
    pub fn raw(&self, request: &str) -> Result<u16, Failure> {
        status(&mut self.dial()?, request)
    }

    fn dial(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", self.lane)).map_err(|_| Failure::Refused)?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Ok(stream)
    }
}

fn status(stream: &mut TcpStream, request: &str) -> Result<u16, Failure> {
    stream.write_all(request.as_bytes()).map_err(|_| Failure::Reset)?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return Err(Failure::Reset),
        }
    }
    Ok(String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().parse().unwrap())
}

impl Tunnel {
    /// Whether the origin still echoes. An open tunnel answers at once; a cut one says so.
    pub fn lives(&mut self) -> bool {
        self.0.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut echo = [0; 4];
        self.0.write_all(b"ping").is_ok() && self.0.flush().is_ok() && self.0.read_exact(&mut echo).is_ok() && &echo == b"ping"
    }
}

pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let number = chunk.iter().chain([0, 0].iter()).take(3).fold(0u32, |n, b| n << 8 | u32::from(*b));
        (0..4).map(move |i| (number >> (18 - 6 * i) & 63) as usize).map(|d| char::from(ALPHABET[d])).collect::<String>()
    };
    bytes
        .chunks(3)
        .map(|chunk| {
            let text = digits(chunk);
            format!("{}{}", &text[..chunk.len() + 1], &"=="[..3 - chunk.len()])
        })
        .collect()
}
