//! `guard egress` with the real Squid, tried on the wire: in a network namespace that the test makes for itself, with a resolver and TLS
//! origins that record what reaches them. Needs root and the package `squid-openssl`; `WITHOUT_SQUID=1` goes without, and says so.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod changes;
mod client;
mod egress;
mod isolation;
mod outside;
mod requests;
mod start;
mod time;
