//! Whom a rule speaks of, whose end counts, and what an exception removes.

use super::*;

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn lane(tier: &str, component: Component, server: Option<&str>) -> LaneKey {
    LaneKey { tier: tier.into(), component, server: server.map(Into::into) }
}

fn rule(hosts: &[&str]) -> Rule {
    Rule { name: "r".into(), hosts: hosts.iter().map(|h| host(h)).collect(), ..Rule::default() }
}

fn names(policy: &Policy, lane: &LaneKey) -> Vec<String> {
    policy.allowed(lane).into_iter().map(|h| h.host.to_string()).collect()
}

fn policy(rules: Vec<Rule>) -> Policy {
    Policy { rules, ..Policy::default() }
}

#[test]
fn nothing_is_allowed_that_no_rule_names() {
    assert!(policy(vec![]).allowed(&lane("t", Component::Agent, None)).is_empty());
}

#[test]
fn a_rule_without_selectors_is_for_every_lane_of_every_tier() {
    let policy = policy(vec![rule(&["a.example"])]);
    for component in [Component::Agent, Component::Channels, Component::Sandbox] {
        assert_eq!(names(&policy, &lane("t", component, None)), ["a.example"]);
    }
    assert_eq!(names(&policy, &lane("t", Component::Mcp, Some("s"))), ["a.example"]);
}

#[test]
fn tiers_components_and_servers_restrict() {
    let set = |words: &[&str]| Some(words.iter().map(|w| w.to_string()).collect::<BTreeSet<_>>());
    let tiers = policy(vec![Rule { tiers: set(&["t"]), ..rule(&["a.example"]) }]);
    assert_eq!(names(&tiers, &lane("t", Component::Agent, None)), ["a.example"]);
    assert!(names(&tiers, &lane("u", Component::Agent, None)).is_empty());

    let components = policy(vec![Rule { components: Some([Component::Mcp].into()), ..rule(&["a.example"]) }]);
    assert_eq!(names(&components, &lane("t", Component::Mcp, Some("s"))), ["a.example"]);
    assert!(names(&components, &lane("t", Component::Agent, None)).is_empty());

    let servers = policy(vec![Rule { servers: set(&["s"]), ..rule(&["a.example"]) }]);
    assert_eq!(names(&servers, &lane("t", Component::Mcp, Some("s"))), ["a.example"]);
    assert!(names(&servers, &lane("t", Component::Mcp, Some("other"))).is_empty());
    assert!(names(&servers, &lane("t", Component::Agent, None)).is_empty(), "a rule about servers is not about the agent");

    let both = policy(vec![Rule {
        servers: set(&["s"]),
        components: Some([Component::Agent, Component::Mcp].into()),
        ..rule(&["a.example"])
    }]);
    assert_eq!(names(&both, &lane("t", Component::Agent, None)), ["a.example"]);
    assert!(names(&both, &lane("t", Component::Mcp, Some("other"))).is_empty());
}

#[test]
fn a_workload_has_its_own_hosts_and_no_rule_reaches_it() {
    let policy = Policy {
        rules: vec![rule(&["a.example"])],
        workloads: vec![Workload { name: "w".into(), hosts: vec![host("b.example")] }],
        ..Policy::default()
    };
    assert_eq!(names(&policy, &lane("w", Component::Workload, None)), ["b.example"]);
    assert_eq!(names(&policy, &lane("w", Component::Agent, None)), ["a.example"]);
}

#[test]
fn of_two_grants_the_later_end_counts_and_none_is_latest() {
    let early = Rule { until: at("2026-12-01T00:00:00Z"), ..rule(&["a.example", "b.example"]) };
    let late = Rule { until: at("2026-12-02T00:00:00Z"), ..rule(&["a.example"]) };
    let endless = rule(&["b.example"]);
    let allowed = policy(vec![early, late, endless]).allowed(&lane("t", Component::Agent, None));
    assert_eq!(
        allowed,
        [
            AllowedHost { host: host("a.example"), until: at("2026-12-02T00:00:00Z") },
            AllowedHost { host: host("b.example"), until: None }
        ]
    );
}

#[test]
fn a_covered_entry_goes_only_if_what_covers_it_lasts_as_long() {
    let subtree = Rule { until: at("2026-12-01T00:00:00Z"), ..rule(&[".x.example"]) };
    let agent = lane("t", Component::Agent, None);
    assert_eq!(names(&policy(vec![subtree.clone(), rule(&["a.x.example"])]), &agent), [".x.example", "a.x.example"]);
    assert_eq!(names(&policy(vec![rule(&[".x.example"]), rule(&["a.x.example"])]), &agent), [".x.example"]);
    let both_end = Rule { until: subtree.until, ..rule(&["x.example"]) };
    assert_eq!(names(&policy(vec![subtree, both_end]), &agent), [".x.example"]);
}

#[test]
fn an_exception_removes_what_it_covers_and_leaves_what_holds_it() {
    let policy = Policy {
        rules: vec![rule(&["a.evil.example", "evil.example", ".wide.example", "good.example"])],
        except: vec![host(".evil.example"), host("bad.wide.example")],
        ..Policy::default()
    };
    assert_eq!(names(&policy, &lane("t", Component::Agent, None)), [".wide.example", "good.example"]);
}

#[test]
fn a_preset_adds_its_hosts() {
    let policy = policy(vec![Rule { preset: Some(Preset::Telegram), ..rule(&["a.example"]) }]);
    assert_eq!(names(&policy, &lane("t", Component::Agent, None)), ["a.example", "api.telegram.org"]);
}

#[test]
fn user_names_are_plain_and_of_two_lanes_never_one() {
    assert_eq!(lane("updates", Component::Agent, None).user().unwrap().as_str(), "updates-agent");
    assert_ne!(lane("x-mcp", Component::Agent, None).user().unwrap(), lane("x", Component::Mcp, Some("agent")).user().unwrap());
    for bad in ["", "A", "a b", "a\nb", "REQUIRED", "-a", "a-", "\"a\"", &"a".repeat(129)] {
        assert!(LaneUser::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
}
