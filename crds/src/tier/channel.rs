//! The `channels` part of a tier. Types only, no I/O.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How people talk to the assistant. Every channel names who is listened to; nobody else is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    /// A Telegram bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram: Option<Telegram>,
    /// A Signal account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// A WhatsApp account, linked like WhatsApp Web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<WhatsApp>,
    /// A Matrix account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
}

/// A Telegram bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telegram {
    /// Numeric Telegram user ids that are listened to, as text, e.g. `"123456789"`.
    #[schemars(schema_with = "text::telegram_users")]
    pub allow_from: Vec<String>,
}

/// A Signal account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// Phone numbers that are listened to, e.g. `"+4915112345678"`.
    #[schemars(schema_with = "text::phones")]
    pub allow_from: Vec<String>,
}

/// A WhatsApp account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatsApp {
    /// Phone numbers that are listened to, e.g. `"+4915112345678"`.
    #[schemars(schema_with = "text::phones")]
    pub allow_from: Vec<String>,
}

/// A Matrix account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// Matrix users that are listened to, e.g. `"@me:example.org"`.
    #[schemars(schema_with = "text::matrix_users")]
    pub allow_from: Vec<String>,
}
