//! The controller against a fake API server and a double of the cluster beside it. Loopback only: the controller dials egress pods
//! and the model, so the doubles listen in 127.0.0.0/8.

#[path = "../cluster_double/mod.rs"]
mod cluster_double;
#[path = "../fake_api/mod.rs"]
mod fake_api;

mod birth;
mod endings;
mod golden;
mod interruption;
mod lanes;
mod lease;
mod log;
mod mask;
mod proofs;
mod quiet;
mod refusals;
mod rights_used;
mod world;
