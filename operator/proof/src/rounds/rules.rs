//! What a pod must show, from the gate's settings, checked once. Pure.

use crate::{GateSettings, PodKind};

/// Most closed targets: their names must fit into the evidence.
const CLOSED_TARGETS: usize = 16;
/// Longest name of a closed target, in bytes.
const TARGET_NAME: usize = 40;

/// Checked rules of one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Which column of the probe table applies.
    pub kind: PodKind,
    /// `Some(true)`: the pod's lane asks for a password, `Some(false)`: it does not, `None`: the pod has no lane.
    pub lane_password: Option<bool>,
    /// Clean rounds in a row.
    pub rounds: u32,
    /// What they span at least, in milliseconds.
    pub span_milliseconds: u64,
    /// When to give up, in seconds.
    pub deadline_seconds: u32,
}

impl Rules {
    /// Checks the settings; the error is a sentence that names the field, what was found and what is allowed.
    pub fn new(settings: &GateSettings) -> Result<Self, String> {
        within("rounds", settings.rounds, 1, 1000)?;
        within("spanMilliseconds", settings.span_milliseconds, 0, 300_000)?;
        within("intervalMilliseconds", settings.interval_milliseconds, 50, 10_000)?;
        within("deadlineSeconds", settings.deadline_seconds, 1, 600)?;
        let least = u64::from(settings.rounds - 1) * u64::from(settings.interval_milliseconds);
        let deadline = u64::from(settings.deadline_seconds) * 1000;
        if least.max(settings.span_milliseconds.into()) >= deadline {
            return Err(format!(
                "rounds {} every {} ms over at least {} ms take longer than deadlineSeconds {}; the deadline must be longer",
                settings.rounds, settings.interval_milliseconds, settings.span_milliseconds, settings.deadline_seconds
            ));
        }
        if settings.witnesses[0] == settings.witnesses[1] {
            return Err(format!("witnesses are both {}; two different addresses are needed", settings.witnesses[0]));
        }
        match (settings.kind, settings.egress_control, &settings.lane) {
            (PodKind::Tier, None, _) => return Err("egressControl is missing; a pod of a tier needs it as control".into()),
            (PodKind::Egress, Some(_), _) => return Err("egressControl is set; an egress pod has none".into()),
            (PodKind::Egress, None, Some(_)) => return Err("lane is set; an egress pod has none".into()),
            _ => {}
        }
        if settings.closed.len() > CLOSED_TARGETS {
            return Err(format!("closed has {} targets; at most {CLOSED_TARGETS} are allowed", settings.closed.len()));
        }
        for (n, target) in settings.closed.iter().enumerate() {
            if target.name.is_empty() || target.name.len() > TARGET_NAME {
                return Err(format!("closed[{n}].name is {:?}; 1 to {TARGET_NAME} characters are allowed", target.name));
            }
            if settings.closed[..n].iter().any(|earlier| earlier.name == target.name) {
                return Err(format!("closed[{n}].name is {:?} a second time; names must differ", target.name));
            }
        }
        Ok(Self {
            kind: settings.kind,
            lane_password: settings.lane.as_ref().map(|lane| lane.password),
            rounds: settings.rounds,
            span_milliseconds: settings.span_milliseconds.into(),
            deadline_seconds: settings.deadline_seconds,
        })
    }
}

fn within(field: &str, found: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(format!("{field} is {found}; {least} to {most} is allowed")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClosedTarget, LaneTarget};
    use std::net::SocketAddrV4;

    fn address(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    fn settings() -> GateSettings {
        GateSettings {
            kind: PodKind::Tier,
            witnesses: [address("10.43.0.2:7070"), address("10.43.0.3:7070")],
            egress_control: Some(address("10.43.0.4:3129")),
            lane: Some(LaneTarget { address: address("10.43.0.4:3200"), password: true }),
            closed: vec![ClosedTarget { name: "api-server".into(), address: "10.43.0.1:443".parse().unwrap() }],
            rounds: 10,
            span_milliseconds: 1000,
            interval_milliseconds: 250,
            deadline_seconds: 30,
        }
    }

    #[test]
    fn the_usual_settings_are_taken() {
        assert_eq!(Rules::new(&settings()).unwrap().lane_password, Some(true));
    }

    #[test]
    fn what_can_never_be_proven_is_refused_by_name() {
        type Change = fn(&mut GateSettings);
        let cases: [(&str, Change); 10] = [
            ("rounds", |s| s.rounds = 0),
            ("intervalMilliseconds", |s| s.interval_milliseconds = 0),
            ("deadlineSeconds", |s| s.deadline_seconds = 0),
            ("deadline", |s| s.deadline_seconds = 2),
            ("witnesses", |s| s.witnesses[1] = s.witnesses[0]),
            ("egressControl", |s| s.egress_control = None),
            ("egressControl", |s| s.kind = PodKind::Egress),
            ("lane", |s| (s.kind, s.egress_control) = (PodKind::Egress, None)),
            ("closed[1].name", |s| s.closed.push(s.closed[0].clone())),
            ("closed has 17", |s| {
                s.closed =
                    (0..17).map(|n| ClosedTarget { name: n.to_string(), address: "10.0.0.1:1".parse().unwrap() }).collect();
            }),
        ];
        for (named, change) in cases {
            let mut settings = settings();
            change(&mut settings);
            let error = Rules::new(&settings).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }
}
