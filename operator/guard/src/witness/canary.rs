//! The canary: records the nonces that reach it and answers each with the witness's letter. Listens on TCP and UDP.

use super::{Witness, limits};
use crate::net::serve;
use assistant_proof::nonce;
use rustix::net::RecvFlags;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// A nonce and the end of its line.
const LINE: usize = nonce::TEXT_BYTES + 1;

/// Answers TCP connections until dropped.
pub async fn tcp(witness: Arc<Witness>, listener: TcpListener) {
    serve::connections(listener, limits::CANARY, |stream, source| one(witness.clone(), stream, source)).await;
}

async fn one(witness: Arc<Witness>, mut stream: TcpStream, source: SocketAddr) {
    let mut line = [0u8; LINE];
    if stream.read_exact(&mut line).await.is_err() {
        return;
    }
    if let Some(answer) = witness.canary_answer(&line, source.ip()) {
        // Whether the answer arrives is the other side's to see; the nonce is recorded.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// Answers datagrams until dropped. Only a well-formed nonce gets an answer, two bytes longer than itself.
pub async fn udp(witness: Arc<Witness>, socket: Arc<UdpSocket>) {
    let mut datagram = [0u8; LINE + 1];
    loop {
        match socket.recv_from(&mut datagram).await {
            Ok((length, source)) => take(&witness, &socket, &datagram[..length], source),
            // An ICMP error about an earlier answer arrives here; the next datagram is another matter.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Takes what has arrived but not been looked at yet, past the runtime's own idea of readiness.
pub fn drain(witness: &Witness, socket: &UdpSocket) {
    let mut datagram = [0u8; LINE + 1];
    // Bounded, so that a flood cannot hold up an answer.
    for _ in 0..256 {
        match rustix::net::recvfrom(socket, &mut datagram[..], RecvFlags::DONTWAIT) {
            Ok((_, length, source)) => {
                if let Some(source) = source.and_then(|s| SocketAddr::try_from(s).ok()) {
                    take(witness, socket, &datagram[..length.min(LINE + 1)], source);
                }
            }
            Err(_) => break,
        }
    }
}

fn take(witness: &Witness, socket: &UdpSocket, datagram: &[u8], source: SocketAddr) {
    if let Some(answer) = witness.canary_answer(datagram, source.ip()) {
        let _ = socket.try_send_to(answer.as_bytes(), source);
    }
}

impl Witness {
    /// Records the nonce of a line and gives the answer; `None` for anything but a nonce and a line end.
    fn canary_answer(&self, line: &[u8], source: IpAddr) -> Option<String> {
        let text = line.strip_suffix(b"\n")?;
        let number = nonce::number(text)?;
        self.memory.lock().expect("no code panics while it holds the memory").record(number, source, self.began.elapsed());
        Some(format!("{} {}\n", self.letter, std::str::from_utf8(text).ok()?))
    }
}

/// Both listeners of a canary at one address.
pub async fn bind(address: SocketAddr) -> io::Result<(TcpListener, Arc<UdpSocket>)> {
    Ok((TcpListener::bind(address).await?, Arc::new(UdpSocket::bind(address).await?)))
}
