//! `guard gate` and `guard witness` on the wire: the real binary in network namespaces made by the test (node, two witnesses,
//! a pod, the world), a real packet filter between them. Needs root, `ip`, `nft`, `setpriv`, `unshare`; without root every test fails
//! and says so. All traffic stays in those namespaces.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test ends where something unexpected happens; its helpers are read beside it"
)]

mod closed;
mod controls;
mod gate;
mod lab;
mod open;
mod pod;
mod witness;
mod witness_double;
mod world;
