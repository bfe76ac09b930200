//! The two custom resources of the operator and nothing else: `AssistantTier` (an assistant and what it may do) and `EgressPolicy`
//! (which hosts assistants may reach). Types, schema, validation rules, generated YAML and reference. No I/O.
//!
//! Read in this order: [`policy`], [`tier`], then [`text`] (what a host, a name or an amount looks like) and [`rule`] (how a rule
//! reaches the schema). [`schema`] makes the CustomResourceDefinitions, [`reference`] makes `docs/reference.md`.

pub mod parts;
pub mod policy;
pub mod reference;
pub mod rule;
pub mod schema;
pub mod text;
pub mod tier;

pub use policy::{EgressPolicy, EgressPolicySpec, EgressPolicyStatus};
pub use schema::{all, yaml};
pub use tier::{AssistantTier, AssistantTierSpec, AssistantTierStatus};

/// API group. `home.arpa` is reserved for homes (RFC 8375), so nobody can own it.
pub const GROUP: &str = "assistant.home.arpa";
/// API version of both kinds.
pub const VERSION: &str = "v1alpha1";
