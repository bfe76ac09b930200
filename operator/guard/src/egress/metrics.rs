//! The counters as Prometheus reads them. Labels come from closed sets: lanes of the plan and reasons. Pure.

use super::{
    decisions::Decisions,
    state::{RunningPlan, View},
};
use std::fmt::Write;

/// The whole page.
pub fn page(view: &View, ready: bool, decisions: &Decisions) -> String {
    let mut text = String::with_capacity(2048);
    let running = view.running.as_deref();
    let mut single = |name: &str, kind: &str, help: &str, value: i64| {
        head(&mut text, name, kind, help);
        let _ = writeln!(text, "{name} {value}");
    };
    single("guard_egress_ready", "gauge", "Squid listens on every port of its plan.", ready.into());
    single("guard_egress_plan_error", "gauge", "The newest plan is not the one that runs.", view.error.is_some().into());
    let issued = running.map_or(0, |running| running.issued_at.as_second());
    single("guard_egress_plan_issued_timestamp_seconds", "gauge", "When the plan that runs was issued.", issued);
    let lanes = running.map_or(0, |running| running.lanes.len());
    single("guard_egress_lanes", "gauge", "Lanes of the plan that runs.", i64::try_from(lanes).unwrap_or(i64::MAX));
    let starts = i64::try_from(view.starts).unwrap_or(i64::MAX);
    single("guard_egress_squid_starts_total", "counter", "Starts of Squid.", starts);
    let reloads = i64::try_from(view.reloads).unwrap_or(i64::MAX);
    single("guard_egress_squid_reloads_total", "counter", "Reloads of Squid that left its tunnels alone.", reloads);

    head(&mut text, "guard_egress_decisions_total", "counter", "Decisions by lane and reason.");
    for (lane, counts) in decisions.counts() {
        for (reason, count) in &counts.by_reason {
            let _ = writeln!(text, "guard_egress_decisions_total{{{},reason=\"{reason:?}\"}} {count}", labels(*lane, running));
        }
    }
    head(&mut text, "guard_egress_tunnel_bytes_total", "counter", "Bytes through tunnels that have ended, both ways.");
    for (lane, counts) in decisions.counts() {
        let _ = writeln!(text, "guard_egress_tunnel_bytes_total{{{}}} {}", labels(*lane, running), counts.bytes);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn labels(lane: u16, running: Option<&RunningPlan>) -> String {
    let key = running.and_then(|running| running.lanes.get(&lane));
    let (tier, component, server) = match key {
        Some(key) => (key.tier.as_str(), format!("{:?}", key.component), key.server.as_deref().unwrap_or_default()),
        None => ("", String::new(), ""),
    };
    format!("lane=\"{lane}\",tier=\"{}\",component=\"{component}\",server=\"{}\"", escaped(tier), escaped(server))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use assistant_egress::{Component, Decision, LaneKey, Reason, WantedLane, plan};
    use jiff::Timestamp;
    use std::sync::Arc;

    #[test]
    fn lanes_and_reasons_are_the_only_labels() {
        let key = LaneKey { tier: "t\"\n".into(), component: Component::Mcp, server: Some("s".into()) };
        let wanted = WantedLane { key, user: None, hosts: vec![] };
        let plan = plan(None, [wanted], &[], &Default::default(), &[], Timestamp::from_second(5).unwrap()).unwrap();
        let running = RunningPlan::new(&plan, String::new(), Timestamp::from_second(5).unwrap());
        let view = View { running: Some(Arc::new(running)), error: Some("x".into()), starts: 2, reloads: 3 };
        let mut decisions = Decisions::default();
        let mut decision = Decision {
            at: Timestamp::UNIX_EPOCH,
            lane: 3200,
            host: "secret.example".parse().ok(),
            port: Some(443),
            sni: None,
            allowed: false,
            reason: Reason::NotListed,
            bytes: 7,
            milliseconds: 1,
        };
        decisions.add(&decision);
        decision.lane = 3999;
        decisions.add(&decision);
        let page = page(&view, true, &decisions);
        for line in [
            "guard_egress_ready 1",
            "guard_egress_plan_error 1",
            "guard_egress_plan_issued_timestamp_seconds 5",
            "guard_egress_lanes 1",
            "guard_egress_squid_starts_total 2",
            "guard_egress_squid_reloads_total 3",
            "guard_egress_decisions_total{lane=\"3200\",tier=\"t\\\"\\n\",component=\"Mcp\",server=\"s\",reason=\"NotListed\"} 1",
            "guard_egress_tunnel_bytes_total{lane=\"3200\",tier=\"t\\\"\\n\",component=\"Mcp\",server=\"s\"} 7",
            "guard_egress_decisions_total{lane=\"3999\",tier=\"\",component=\"\",server=\"\",reason=\"NotListed\"} 1",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
        assert!(!page.contains("secret.example"));
    }
}
