//! One case: where a value is put into the base object, one that is right, one that is wrong, and what is said about the wrong one.

use super::base;
use serde_json::Value;
use std::fmt;

/// See the file's comment. `Null` takes the value out.
pub struct Case {
    pub kind: &'static str,
    at: String,
    old: Option<Value>,
    good: Value,
    bad: Value,
    /// Where the refusal is expected.
    pub place: String,
    /// Part of the sentence.
    pub says: &'static str,
}

impl Case {
    /// `at` is a JSON pointer into the base object of `kind`.
    pub fn new(kind: &'static str, at: &str, good: Value, bad: Value, says: &'static str) -> Self {
        Self { kind, at: at.into(), old: None, good, bad, place: place(at), says }
    }

    /// The refusal is expected at the object that many steps above `at`.
    pub fn above(mut self, steps: usize) -> Self {
        let mut pointer = self.at.as_str();
        for _ in 0..steps {
            pointer = pointer.rsplit_once('/').unwrap().0;
        }
        self.place = place(pointer);
        self
    }

    /// The refusal is expected at this place below `at`.
    pub fn below(mut self, place: &str) -> Self {
        self.place += place;
        self
    }

    /// The value was `old` before.
    pub fn before(mut self, old: Value) -> Self {
        self.old = Some(old);
        self
    }

    pub fn good(&self) -> Value {
        put(base::of(self.kind), &self.at, self.good.clone())
    }

    pub fn bad(&self) -> Value {
        put(base::of(self.kind), &self.at, self.bad.clone())
    }

    pub fn old(&self) -> Option<Value> {
        self.old.clone().map(|old| put(base::of(self.kind), &self.at, old))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} right {} wrong {}", self.kind, self.at, self.good, self.bad)
    }
}

/// `/spec/rules/0/name` as the API server writes it: `spec.rules[0].name`.
fn place(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |path, step| match (path.is_empty(), step.parse::<usize>()) {
        (_, Ok(index)) => format!("{path}[{index}]"),
        (true, _) => step.into(),
        (false, _) => format!("{path}.{step}"),
    })
}

fn put(mut object: Value, at: &str, value: Value) -> Value {
    let (parent, last) = at.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/");
    match object.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not in the base object")) {
        Value::Object(map) if value.is_null() => drop(map.remove(&last)),
        Value::Object(map) => drop(map.insert(last, value)),
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    object
}

/// A sentence without the value it quotes, so that two values with one reason count once.
pub fn without_value(sentence: &str) -> String {
    match (sentence.find('\''), sentence.rfind("' ")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &sentence[..from], &sentence[to + 1..]),
        _ => sentence.into(),
    }
}
