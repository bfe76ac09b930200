//! Double of what is outside the fence: the egress pod's control and lane, the cluster's DNS, an API server, an outside host.
//! Listens in the lab's `world` namespace and counts who came.

use crate::lab::{API_SERVER, DNS, EGRESS, Lab, OUTSIDE, POD};
use assistant_proof::{
    Outcome,
    wire::{Controls, DnsControl, OutsideControl, Request},
};
use jiff::Timestamp;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// How the lane double behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// 407 for the listed host, reset for any other: as Squid does.
    Password,
    /// 200 for everything.
    Open,
    /// Accepts, then says nothing.
    Mute,
    /// Nothing listens.
    Absent,
}

/// What the world says and does.
#[derive(Clone)]
pub struct Manners {
    /// Changes the controls answer before it is sent.
    pub controls: fn(&mut Controls),
    pub lane: Lane,
}

impl Default for Manners {
    fn default() -> Self {
        Self { controls: |_| {}, lane: Lane::Password }
    }
}

/// A running world and how often the pod itself reached each part of it.
pub struct World {
    stop: Arc<AtomicBool>,
    pub dns_tcp: Arc<AtomicU32>,
    pub dns_udp: Arc<AtomicU32>,
    pub outside: Arc<AtomicU32>,
    pub api_server: Arc<AtomicU32>,
    pub unlisted: Arc<AtomicU32>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Lab {
    pub fn world(&self, manners: Manners) -> World {
        let world = World {
            stop: Arc::default(),
            dns_tcp: Arc::default(),
            dns_udp: Arc::default(),
            outside: Arc::default(),
            api_server: Arc::default(),
            unlisted: Arc::default(),
        };
        let stop = world.stop.clone();
        let change = manners.controls;
        listen(self, "world", format!("{EGRESS}:3129"), &stop, move |stream| control(stream, change));
        for (address, count) in [
            (format!("{DNS}:53"), &world.dns_tcp),
            (format!("{OUTSIDE}:443"), &world.outside),
            (format!("{API_SERVER}:443"), &world.api_server),
        ] {
            let count = count.clone();
            listen(self, "world", address, &stop, move |stream| {
                count.fetch_add(u32::from(is_pod(&stream)), Ordering::Relaxed);
            });
        }
        let (socket, count, end) = (self.udp("world", format!("{DNS}:53")), world.dns_udp.clone(), stop.clone());
        std::thread::spawn(move || {
            datagrams(&socket, &end, |bytes, source| {
                count.fetch_add(u32::from(source.ip() == POD.parse::<IpAddr>().unwrap()), Ordering::Relaxed);
                Some(bytes.to_vec())
            });
        });
        if manners.lane != Lane::Absent {
            let (unlisted, kind) = (world.unlisted.clone(), manners.lane);
            listen(self, "world", format!("{EGRESS}:3200"), &stop, move |stream| lane(stream, kind, &unlisted));
        }
        world
    }

    pub fn udp(&self, namespace: &str, address: String) -> UdpSocket {
        self.within(namespace, move || UdpSocket::bind(&address).unwrap_or_else(|e| panic!("{address}: {e}")))
    }
}

/// Serves every connection at `address` in a thread until `stop`.
pub fn listen(
    lab: &Lab,
    namespace: &str,
    address: String,
    stop: &Arc<AtomicBool>,
    serve: impl Fn(TcpStream) + Send + Sync + 'static,
) {
    let listener = lab.within(namespace, move || TcpListener::bind(&address).unwrap_or_else(|e| panic!("{address}: {e}")));
    listener.set_nonblocking(true).unwrap();
    let (stop, serve) = (stop.clone(), Arc::new(serve));
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                    let serve = serve.clone();
                    std::thread::spawn(move || serve(stream));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    });
}

/// Answers datagrams until `stop`.
pub fn datagrams(socket: &UdpSocket, stop: &AtomicBool, answer: impl Fn(&[u8], SocketAddr) -> Option<Vec<u8>>) {
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 1500];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, source)) = socket.recv_from(&mut buffer)
            && let Some(reply) = answer(&buffer[..length], source)
        {
            let _ = socket.send_to(&reply, source);
        }
    }
}

/// One line of a request.
pub fn line(stream: &TcpStream) -> Option<String> {
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line).ok()?;
    Some(line)
}

fn is_pod(stream: &TcpStream) -> bool {
    stream.peer_addr().is_ok_and(|peer| peer.ip() == POD.parse::<IpAddr>().unwrap())
}

fn control(mut stream: TcpStream, change: fn(&mut Controls)) {
    let Some(Ok(Request::Controls { v, nonce, lane })) = line(&stream).map(|l| serde_json::from_str(&l)) else { return };
    let mut controls = Controls {
        v,
        at: Timestamp::now(),
        nonce,
        dns: DnsControl { address: format!("{DNS}:53").parse().unwrap(), tcp: Outcome::Through, udp: Outcome::Through },
        outside: Some(OutsideControl { address: format!("{OUTSIDE}:443").parse().unwrap(), outcome: Outcome::Through }),
        plan_digest: "0".repeat(64),
        ready: true,
        lane_host: (lane == Some(3200)).then(|| "listed.example".into()),
    };
    change(&mut controls);
    let _ = writeln!(stream, "{}", serde_json::to_string(&controls).unwrap());
}

fn lane(mut stream: TcpStream, kind: Lane, unlisted: &AtomicU32) {
    let Some(request) = line(&stream) else { return };
    match kind {
        Lane::Open => {
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
        }
        Lane::Mute => std::thread::sleep(Duration::from_secs(1)),
        _ if request.starts_with("CONNECT listed.example:443 ") => {
            let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        }
        _ => {
            unlisted.fetch_add(1, Ordering::Relaxed);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
