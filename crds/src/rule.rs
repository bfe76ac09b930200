//! A validation rule on its way into the schema (`x-kubernetes-validations`). Pure.

use serde_json::{Value, json};

/// A rule whose sentence is the same whatever was found.
///
/// `check` is CEL on `self`; `sentence` names the field and what is allowed.
pub fn fixed(check: &str, sentence: &str) -> Value {
    json!({"rule": check, "message": sentence})
}

/// A rule whose sentence says what was found.
///
/// `found` is a CEL expression on `self` that yields the sentence; `sentence` is shown where that expression fails, and in the reference.
pub fn telling(check: &str, found: &str, sentence: &str) -> Value {
    json!({"rule": check, "messageExpression": found, "message": sentence})
}

/// The first rule on the name of an object itself: it becomes part of other names, which Kubernetes limits to 63 characters.
pub const OWN_NAME_LENGTH: (&str, &str) =
    ("size(self.metadata.name) <= 40", "metadata.name is too long; at most 40 characters are allowed");

/// The second: a name with a dot, or with a digit in front, could not be the name of a Service.
pub const OWN_NAME_LETTERS: (&str, &str) = (
    "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
    "metadata.name is not usable; use lower-case letters, digits and hyphens, begin with a letter and end with a letter or a digit",
);

/// A rule on one text that has its own sentence for each usual mistake.
///
/// `noun` is what the text is, `reasons` are pairs of a CEL condition and what to say if it holds (the first that holds is said), `otherwise`
/// is said if none does, `sentence` is what is allowed at all. The sentences hold neither double quotes nor question marks: they end up between
/// double quotes, and a test counts question marks to see that every reason was tried.
pub fn because(noun: &str, check: &str, reasons: &[(&str, &str)], otherwise: &str, sentence: &str) -> Value {
    let chain: String = reasons.iter().map(|(when, say)| format!("{when} ? \"{say}\" : ")).collect();
    telling(check, &format!("\"{noun} '\" + self + \"' \" + ({chain}\"{otherwise}\")"), sentence)
}
