//! Entries of `credentials` of a tier. Types only, no I/O.

use crate::parts::SecretKeyRef;
use crate::{rule, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account the assistant's tools use; the secret is put in on the wire and never shown to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule::telling(
    "has(self.static) != has(self.oauth)",
    "\"credential '\" + self.name + \"' \" + (has(self.oauth) ? \"has both static and oauth; keep one of them\" : \"has neither static nor oauth; use static for a secret from a Secret, oauth for an account that a person connects\")",
    "a credential has either static or oauth",
)]))]
pub struct Credential {
    /// Name, unique in this tier; MCP servers refer to it.
    #[schemars(schema_with = "text::rule_name")]
    pub name: String,
    /// A secret that is always the same, such as an API token.
    #[serde(default, rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_: Option<StaticCredential>,
    /// An account that a person connects once in the dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
}

/// A secret from a Secret of this namespace, sent to one host in one header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticCredential {
    /// The one host that gets it, e.g. `api.example.org`.
    #[schemars(schema_with = "text::exact_host")]
    pub host: String,
    /// The HTTP header it is sent in, e.g. `X-API-Token`.
    #[schemars(schema_with = "text::header")]
    pub header: String,
    /// Where the secret is.
    pub secret_key_ref: SecretKeyRef,
}

/// An account a person connects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth {
    /// Which service.
    pub app: OAuthApp,
}

/// Services whose accounts can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OAuthApp {
    /// Google Mail.
    Gmail,
    /// Google Calendar.
    GoogleCalendar,
}
