//! Who may talk to an assistant. Schema functions; pure.

use super::{set, text};
use crate::rule;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

fn people(check: &str, reasons: &[(&str, &str)], otherwise: &str, sentence: &str) -> Schema {
    let mut all = vec![("self.contains('*')", "would let anybody talk to the assistant; name each one")];
    all.extend(reasons);
    set(64, text(128, &[rule::because("allowFrom", check, &all, otherwise, sentence)]), &[somebody()])
}

fn somebody() -> Value {
    rule::fixed(
        "size(self) > 0",
        "allowFrom is empty, so nobody could talk to the assistant; name at least one, or leave the channel out",
    )
}

/// Telegram users.
pub fn telegram_users(_: &mut SchemaGenerator) -> Schema {
    people(
        "self.matches('^[1-9][0-9]{0,18}$')",
        &[("self.startsWith('@')", "is a user name, which can change hands; write the numeric user id, e.g. 123456789")],
        "is not a Telegram user id; write the number, e.g. 123456789",
        "an entry is the numeric id of a Telegram user, e.g. 123456789",
    )
}

/// Phone numbers.
pub fn phones(_: &mut SchemaGenerator) -> Schema {
    people(
        "self.matches('^[+][1-9][0-9]{6,14}$')",
        &[("self.matches('^[0-9]')", "has no country code; begin with + and the country code, e.g. +4915112345678")],
        "is not a phone number; write + and digits only, e.g. +4915112345678",
        "an entry is a phone number with its country code, e.g. +4915112345678",
    )
}

/// Matrix users.
pub fn matrix_users(_: &mut SchemaGenerator) -> Schema {
    people(
        "self.matches('^@[a-z0-9._=/+-]+:[a-z0-9][a-z0-9.-]*(:[0-9]+)?$')",
        &[],
        "is not a Matrix user; write it like @me:example.org",
        "an entry is a Matrix user, e.g. @me:example.org",
    )
}
