//! The canary from the asking side: a nonce out, `<letter> <nonce>` back. Dials.

use super::dial;
use std::{io, net::SocketAddr, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longest answer of a canary that is looked at, in bytes.
const ANSWER_BYTES: usize = 64;

/// What came back from something that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The canary's own answer to this nonce, with its letter.
    Proper(String),
    /// Anything else, in a few words.
    Other(String),
}

/// Connects and carries the nonce over. `Err` only when the connection was not accepted.
pub async fn tcp(target: SocketAddr, nonce: &str, connect: Duration, answer: Duration) -> io::Result<Answer> {
    let mut stream = dial::tcp(target, connect).await?;
    let exchange = async {
        stream.write_all(format!("{nonce}\n").as_bytes()).await?;
        let mut reply = Vec::with_capacity(ANSWER_BYTES);
        while reply.len() < ANSWER_BYTES && !reply.ends_with(b"\n") {
            if stream.read_buf(&mut reply).await? == 0 {
                break;
            }
        }
        Ok(reply)
    };
    Ok(match dial::within(answer, exchange).await {
        Ok(reply) => weigh(&reply, nonce),
        Err(error) => Answer::Other(format!("accepted, then {error}")),
    })
}

/// Sends the nonce in one datagram. `Err` when nothing came back.
pub async fn udp(target: SocketAddr, nonce: &str, wait: Duration) -> io::Result<Answer> {
    let reply = dial::datagram(target, format!("{nonce}\n").as_bytes(), wait).await?;
    Ok(weigh(&reply, nonce))
}

fn weigh(reply: &[u8], nonce: &str) -> Answer {
    let text = String::from_utf8_lossy(reply);
    match text.strip_suffix('\n').and_then(|line| line.split_once(' ')) {
        Some((letter, echoed)) if echoed == nonce && (letter == "a" || letter == "b") => Answer::Proper(letter.to_owned()),
        _ => Answer::Other(format!("answered {:?}", text.chars().take(50).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canarys_own_answer_is_proper() {
        let nonce = "0123456789abcdef0123456789abcdef";
        assert_eq!(weigh(format!("b {nonce}\n").as_bytes(), nonce), Answer::Proper("b".into()));
        for other in [format!("b {nonce}"), format!("c {nonce}\n"), "b 00\n".into(), nonce.to_owned(), "HTTP/1.1 400\r\n".into()]
        {
            assert!(matches!(weigh(other.as_bytes(), nonce), Answer::Other(_)), "{other}");
        }
    }
}
