//! The asking side of the line protocol: one line of JSON out, one back, over a new connection. Dials.

use super::dial;
use assistant_proof::{
    Outcome,
    rounds::Heard,
    wire::{self, Request},
};
use serde::de::DeserializeOwned;
use std::{io, net::SocketAddrV4, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Asks `target` and waits at most `wait` for the whole exchange.
pub async fn ask<T: DeserializeOwned>(target: SocketAddrV4, request: &Request, wait: Duration) -> Heard<T> {
    let exchange = async {
        let mut stream = TcpStream::connect(target).await?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        read_line(&mut stream, wire::REPLY_BYTES).await
    };
    match dial::within(wait, exchange).await {
        Ok(line) => parse(&line),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Heard::Garbled(error.to_string()),
        Err(error) => {
            // Accepted and then cut is silence of the other side; only the attempt to connect can fail in this pod.
            let cut = [
                io::ErrorKind::ConnectionReset,
                io::ErrorKind::BrokenPipe,
                io::ErrorKind::UnexpectedEof,
                io::ErrorKind::ConnectionAborted,
            ];
            match dial::outcome(&error, &target.into()) {
                Outcome::Inconclusive if !cut.contains(&error.kind()) => Heard::Impossible(format!("{target}: {error}")),
                _ => Heard::Silent(format!("{target}: {error}")),
            }
        }
    }
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Heard<T> {
    match serde_json::from_slice(line) {
        Ok(answer) => Heard::Answer(answer),
        Err(error) => match serde_json::from_slice::<wire::Failure>(line) {
            Ok(failure) => Heard::Declined(failure.error),
            Err(_) => Heard::Garbled(error.to_string()),
        },
    }
}

/// One line of at most `most` bytes, without its end. `InvalidData` when it is longer, `UnexpectedEof` when it does not end.
pub async fn read_line(stream: &mut TcpStream, most: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(256);
    loop {
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            return Ok(line);
        }
        if line.len() > most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of more than {most} bytes")));
        }
        if stream.read_buf(&mut line).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without a whole line"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_a_refusal_and_noise_are_told_apart() {
        let hello = br#"{"v":1,"witness":"a","at":"2026-01-01T00:00:00Z","nonce":"n","self":"10.0.0.1","instance":"i"}"#;
        assert!(matches!(parse::<wire::Hello>(hello), Heard::Answer(h) if h.witness == "a"));
        assert_eq!(parse::<wire::Hello>(br#"{"error":"no"}"#), Heard::Declined("no".into()));
        assert!(matches!(parse::<wire::Hello>(b"SSH-2.0"), Heard::Garbled(_)));
        assert!(matches!(parse::<wire::Hello>(br#"{"v":1}"#), Heard::Garbled(_)));
    }
}
