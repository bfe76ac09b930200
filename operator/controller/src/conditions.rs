//! Conditions as the API conventions want them: a list keyed by type, whose transition time moves only when the status does. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The three states of knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Observed at the last transition.
    True,
    /// Observed broken, or refused.
    False,
    /// Not observed.
    Unknown,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        }
    }
}

/// One condition before it has a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Condition type, e.g. `Ready`.
    pub type_: &'static str,
    /// What is known.
    pub status: Status,
    /// CamelCase word, stable API.
    pub reason: String,
    /// One sentence for a person; says what to do next where that helps.
    pub message: String,
}

impl Finding {
    /// Shorthand.
    pub fn new(type_: &'static str, status: Status, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { type_, status, reason: reason.into(), message: message.into() }
    }
}

/// The next list of conditions: exactly the findings, sorted by type, with the transition times of `old` where the status stayed.
pub fn merged(old: &[Condition], findings: &[Finding], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let mut next: Vec<Condition> = findings
        .iter()
        .map(|finding| {
            let status = finding.status.text();
            let since = old
                .iter()
                .find(|condition| condition.type_ == finding.type_ && condition.status == status)
                .map_or_else(|| Time(now), |condition| condition.last_transition_time.clone());
            Condition {
                type_: finding.type_.to_owned(),
                status: status.to_owned(),
                reason: finding.reason.clone(),
                message: finding.message.clone(),
                observed_generation: generation,
                last_transition_time: since,
            }
        })
        .collect();
    next.sort_by(|a, b| a.type_.cmp(&b.type_));
    next
}

/// The condition of that type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_only_with_the_status() {
        let at = |second| Timestamp::from_second(second).expect("a small number is a time");
        let found = |status, reason: &str| vec![Finding::new("Ready", status, reason, "")];
        let first = merged(&[], &found(Status::False, "A"), Some(1), at(1));
        let second = merged(&first, &found(Status::False, "B"), Some(2), at(2));
        assert_eq!((second[0].last_transition_time.0, second[0].reason.as_str()), (at(1), "B"));
        let third = merged(&second, &found(Status::True, "C"), Some(2), at(3));
        assert_eq!(third[0].last_transition_time.0, at(3));
    }
}
