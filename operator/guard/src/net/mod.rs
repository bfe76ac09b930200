//! Sockets, names and the line protocol: what the subcommands share of the network. Does I/O.

pub mod ask;
pub mod canary;
pub mod caps;
pub mod dial;
pub mod dns;
pub mod link;
pub mod serve;

use assistant_proof::nonce;

/// A fresh nonce from the system's randomness.
pub fn fresh_nonce() -> String {
    nonce::text(random())
}

/// Sixteen bytes of the system's randomness.
pub fn random() -> [u8; 16] {
    let mut bytes = [0u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("getrandom gives up to 256 bytes whole once the kernel is seeded, and waits until it is");
    assert!(filled == bytes.len(), "getrandom gives up to 256 bytes whole");
    bytes
}

/// The runtime of a subcommand: one thread, as small as it gets.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}
