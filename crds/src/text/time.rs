//! Moments in time. Schema functions; pure.

use super::text;
use crate::rule;
use schemars::{Schema, SchemaGenerator};

/// A moment with its zone.
///
/// Not `format: date-time`: the API server takes forms there that RFC 3339 does not know, and one such object would stop us from reading it.
pub fn time(_: &mut SchemaGenerator) -> Schema {
    let shape = "self.matches('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$')";
    // Days a month does not have, and 29 February outside leap years.
    let day = "!self.matches('^[0-9]{4}-((02-3[01])|((04|06|09|11)-31))T') && (!self.matches('^[0-9]{4}-02-29T') || (int(self.substring(0, 4)) % 4 == 0 && (int(self.substring(0, 4)) % 100 != 0 || int(self.substring(0, 4)) % 400 == 0)))";
    text(
        40,
        &[
            rule::telling(
                shape,
                "\"time '\" + self + \"' is not a time with a zone; write it like 2026-12-01T00:00:00Z\"",
                "a time is written like 2026-12-01T00:00:00Z, with a zone",
            ),
            rule::telling(
                &format!("!({shape}) || ({day})"),
                "\"time '\" + self + \"' names a day that its month does not have\"",
                "a time names a day that its month has",
            ),
        ],
    )
}
