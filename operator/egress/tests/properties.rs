//! No rendered configuration allows a host that no rule names, and each allows what its rules name. Pure.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod common;

use assistant_egress::{Component, Host, LaneKey, Policy, conf};
use common::evaluator::{Configuration, Request, Verdict};
use common::{host, keys, now, paths, planned, policy};
use proptest::prelude::*;
use std::net::IpAddr;

/// Whether the rules name this host for this lane now; written anew from the words of the documentation, not from the code.
fn named(policy: &Policy, lane: &LaneKey, name: &str) -> bool {
    let covers = |entry: &Host| match entry.as_str().strip_prefix('.') {
        Some(parent) => name == parent || name.ends_with(entry.as_str()),
        None => entry.as_str() == name,
    };
    if policy.except.iter().any(covers) {
        return false;
    }
    if lane.component == Component::Workload {
        return policy.workloads.iter().any(|w| w.name == lane.tier && w.hosts.iter().any(covers));
    }
    policy.rules.iter().any(|rule| {
        let mcp = lane.component == Component::Mcp;
        let server = match (&rule.servers, &lane.server) {
            (None, _) => true,
            (Some(servers), Some(server)) if mcp => servers.contains(server),
            (Some(_), _) => rule.components.is_some() && !mcp,
        };
        rule.until.is_none_or(|until| until > now())
            && rule.tiers.as_ref().is_none_or(|t| t.contains(&lane.tier))
            && rule.components.as_ref().is_none_or(|c| c.contains(&lane.component))
            && server
            && rule.all_hosts().iter().any(covers)
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => host().prop_map(|h| h.name().to_owned()),
        1 => prop::sample::select(&["203.0.113.9", "::1", "10.43.1", "q.example", "api.telegram.org", "xx.example"][..]).prop_map(str::to_owned),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    let all = ["203.0.113.9", "2001:db8::9", "10.42.0.9", "10.43.0.1", "::1", "::ffff:10.0.0.1", "198.51.100.1", "2001:db8:2::1"];
    prop_oneof![3 => Just("203.0.113.9"), 1 => prop::sample::select(all.to_vec())].prop_map(|text| text.parse().unwrap())
}

fn request() -> impl Strategy<Value = (usize, Request)> {
    (
        0..keys().len(),
        prop_oneof![9 => Just("CONNECT"), 1 => Just("GET")],
        name(),
        prop_oneof![9 => Just(443_u16), 1 => Just(80)],
        prop_oneof![7 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))],
        [address(), address()],
        prop_oneof![5 => Just(None), 3 => name().prop_map(|n| Some(Some(n))), 1 => Just(Some(None))],
    )
        .prop_map(|(lane, method, host, port, user, addresses, sni)| {
            let key = &keys()[lane];
            let user = match user {
                None => key.user().ok(),
                Some(true) => keys()[(lane + 1) % keys().len()].user().ok(),
                Some(false) => None,
            };
            let sni = sni.unwrap_or_else(|| Some(host.clone()));
            (lane, Request { lane: 0, method, host, port, user: user.map(Into::into), addresses, sni })
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn only_what_a_rule_names_goes_through(policy in policy(), requests in prop::collection::vec(request(), 40)) {
        let plan = planned(&policy);
        let text = conf(&plan, now(), &paths("/run"));
        let configuration = Configuration::read(&text);
        for (lane, mut request) in requests {
            let key = &keys()[lane];
            let planned_lane = plan.lane(key).unwrap();
            request.lane = planned_lane.port;
            prop_assert!(configuration.listens(request.lane));
            let verdict = configuration.decide(&request);

            let authenticated = planned_lane.user.as_ref().is_none_or(|user| request.user.as_deref() == Some(user.as_str()));
            let public = request.addresses.iter().all(|a| !assistant_egress::is_private(*a, &plan.local_ranges));
            let names = named(&policy, key, &request.host);
            let same_name = request.sni.as_deref() == Some(request.host.as_str());
            let good = request.method == "CONNECT" && request.port == 443 && authenticated && public && names;
            if good && same_name {
                prop_assert_eq!(verdict, Verdict::Tunnelled, "{:?}\n{}", request, text);
            }
            if verdict == Verdict::Tunnelled {
                prop_assert!(good, "{:?}\n{}", request, text);
                prop_assert!(named(&policy, key, request.sni.as_deref().unwrap()), "the ClientHello's name: {:?}\n{}", request, text);
            }
            if !names {
                // Refused before a resolver or the password helper hears of it.
                prop_assert_eq!(verdict, Verdict::Refused);
            }
        }
    }
}

#[test]
fn the_evaluator_splices_where_no_rule_fits_as_squid_does() {
    let text = "acl any src all\nacl step1 at_step SslBump1\nhttp_access allow any\nssl_bump peek step1";
    let address = "203.0.113.9".parse().unwrap();
    let request = Request {
        lane: 3200,
        method: "CONNECT",
        host: "q.example".into(),
        port: 443,
        user: None,
        addresses: [address; 2],
        sni: None,
    };
    assert_eq!(Configuration::read(text).decide(&request), Verdict::Tunnelled);
}
