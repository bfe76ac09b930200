//! The controller of the Secure Assistant operator. Read in this order:
//!
//! [`run`] wires everything; [`cluster`] remembers what exists and is the only writer; [`queue`] decides what is worked on;
//! [`fence`], [`policy`] and [`tier`] are the three reconciles, the latter two each as gather → plan → build → apply → report;
//! [`pods`] and [`network`] hold what all our pods and policies have in common; [`names`] holds every name.

pub mod args;
mod build_parts;
pub mod cluster;
pub mod conditions;
pub mod context;
pub mod error;
pub mod fence;
mod http;
mod http_client;
pub mod lease;
pub mod metrics;
pub mod model;
pub mod names;
mod network;
mod pods;
pub mod policy;
pub mod queue;
pub mod run;
pub mod secret;
pub mod settings;
pub mod tier;
pub mod work;
