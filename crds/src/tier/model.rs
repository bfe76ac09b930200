//! The `model` part of a tier. Types only, no I/O.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The model the assistant talks to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Name of the model at the model service the operator was installed with.
    #[schemars(schema_with = "text::model_name")]
    pub name: String,
    /// `Required`: only models that run in an attested enclave are accepted. `None`: any model, whoever runs it reads along.
    #[serde(default)]
    pub attestation: Attestation,
    /// How much money it may spend. Left out: no limit here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// How many model calls it may make in a minute. Left out: no limit here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub requests_per_minute: Option<i32>,
}

/// Whether the model must run in an attested enclave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Attestation {
    /// It must.
    #[default]
    Required,
    /// It need not.
    None,
}

/// How much money may be spent on model calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// US dollars per period, as text, e.g. `"5"` or `"0.50"`.
    #[serde(rename = "maxUSD")]
    #[schemars(schema_with = "text::dollars")]
    pub max_usd: String,
    /// Length of the period in days.
    #[serde(default = "thirty")]
    #[schemars(range(min = 1, max = 366))]
    pub period_days: i32,
}

fn thirty() -> i32 {
    30
}
