//! Lines from a child's pipe, bounded. Reads.

use std::{io, os::fd::OwnedFd};
use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

/// Longest line that is kept whole; of a longer one only the beginning is.
const LINE_BYTES: usize = 4096;

/// Calls `line` for every line until the other side closes.
pub async fn lines(pipe: OwnedFd, mut line: impl FnMut(&[u8])) -> io::Result<()> {
    let mut pipe = Receiver::from_owned_fd(pipe)?;
    let mut chunk = [0u8; 4096];
    let mut kept: Vec<u8> = Vec::with_capacity(512);
    loop {
        let read = pipe.read(&mut chunk).await?;
        if read == 0 {
            if !kept.is_empty() {
                line(&kept);
            }
            return Ok(());
        }
        for byte in &chunk[..read] {
            if *byte == b'\n' {
                line(&kept);
                kept.clear();
            } else if kept.len() < LINE_BYTES {
                kept.push(*byte);
            }
        }
    }
}
