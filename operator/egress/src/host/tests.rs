//! One accepted and one refused spelling per rule, and what covers what.

use super::*;
use proptest::prelude::*;

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

#[test]
fn names_and_subtrees_are_accepted() {
    let long = format!("{}.example", vec!["a".repeat(60); 4].join("."));
    for text in [
        "a.example",
        ".a.example",
        "xn--mnchen-3ya.example",
        "1.example",
        "3com.example",
        "a-b.c--d.example",
        "a.xn--p1ai",
        &long,
    ] {
        assert_eq!(host(text).as_str(), text);
    }
}

#[test]
fn each_bad_spelling_is_refused_for_its_own_reason() {
    type Is = fn(&HostRefused) -> bool;
    let cases: &[(&str, Is)] = &[
        ("", |e| matches!(e, HostRefused::Empty)),
        ("https://a.example", |e| matches!(e, HostRefused::Scheme(_))),
        ("https://a.example/x", |e| matches!(e, HostRefused::Scheme(_))),
        ("user@a.example", |e| matches!(e, HostRefused::Userinfo(_))),
        ("a.example/x", |e| matches!(e, HostRefused::Path(_))),
        ("a.example?x", |e| matches!(e, HostRefused::Path(_))),
        ("a.example:443", |e| matches!(e, HostRefused::Port(_))),
        ("*.example.org", |e| matches!(e, HostRefused::Wildcard(_))),
        ("*", |e| matches!(e, HostRefused::Wildcard(_))),
        ("münchen.example", |e| matches!(e, HostRefused::NotAscii(_))),
        ("A.example", |e| matches!(e, HostRefused::Uppercase(_))),
        ("a.example.", |e| matches!(e, HostRefused::TrailingDot(_))),
        (".", |e| matches!(e, HostRefused::EmptyLabel(_))),
        ("..a.example", |e| matches!(e, HostRefused::EmptyLabel(_))),
        ("a..example", |e| matches!(e, HostRefused::EmptyLabel(_))),
        ("a_b.example", |e| matches!(e, HostRefused::Character { found: '_', .. })),
        ("a.example b.example", |e| matches!(e, HostRefused::Character { found: ' ', .. })),
        ("a.example\nacl", |e| matches!(e, HostRefused::Character { found: '\n', .. })),
        ("\"a.example\"", |e| matches!(e, HostRefused::Character { found: '"', .. })),
        ("-a.example", |e| matches!(e, HostRefused::Hyphen { .. })),
        ("a-.example", |e| matches!(e, HostRefused::Hyphen { .. })),
        ("com", |e| matches!(e, HostRefused::SingleLabel(_))),
        (".com", |e| matches!(e, HostRefused::SingleLabel(_))),
        ("localhost", |e| matches!(e, HostRefused::SingleLabel(_))),
        ("203.0.113.7", |e| matches!(e, HostRefused::Address(_))),
        (".203.0.113.7", |e| matches!(e, HostRefused::Address(_))),
        ("10.43.1", |e| matches!(e, HostRefused::Address(_))),
        ("2130706433", |e| matches!(e, HostRefused::Address(_))),
        ("0x7f.0x1", |e| matches!(e, HostRefused::Address(_))),
        ("017700000001", |e| matches!(e, HostRefused::Address(_))),
        ("a.0x", |e| matches!(e, HostRefused::Address(_))),
        ("::1", |e| matches!(e, HostRefused::Address(_))),
        ("::ffff:10.0.0.1", |e| matches!(e, HostRefused::Address(_))),
        ("[::1]", |e| matches!(e, HostRefused::Address(_))),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Host>().unwrap_err();
        assert!(expected(&error), "{text:?}: {error:?}");
    }
    assert_eq!("A.example".parse::<Host>().unwrap_err().to_string(), "\"A.example\" holds capital letters; use lower case");
}

#[test]
fn lengths_are_bounded() {
    assert!(format!("{}.example", "a".repeat(63)).parse::<Host>().is_ok());
    assert!(matches!(format!("{}.example", "a".repeat(64)).parse::<Host>(), Err(HostRefused::LongLabel { length: 64, .. })));
    let name = |last: usize| format!("{}.{}.{}.{}", "a".repeat(63), "a".repeat(63), "a".repeat(63), "a".repeat(last));
    assert_eq!(name(61).len(), 253);
    assert!(name(61).parse::<Host>().is_ok());
    assert!(format!(".{}", name(61)).parse::<Host>().is_ok());
    assert!(matches!(name(62).parse::<Host>(), Err(HostRefused::LongName(254))));
    assert!(matches!("é".repeat(500).parse::<Host>(), Err(HostRefused::LongName(500))));
}

#[test]
fn a_subtree_covers_its_apex_and_all_below_and_nothing_beside() {
    let above = host(".a.example");
    for covered in ["a.example", ".a.example", "x.a.example", ".x.a.example", "y.x.a.example"] {
        assert!(above.covers(&host(covered)), "{covered}");
    }
    for beside in ["b.example", "ba.example", ".ba.example", "a.example.org", ".b.a.examples"] {
        assert!(!above.covers(&host(beside)), "{beside}");
    }
    assert!(host("a.example").covers(&host("a.example")));
    assert!(!host("a.example").covers(&above));
    assert!(!host("a.example").covers(&host("x.a.example")));
}

#[test]
fn a_set_keeps_only_what_nothing_else_covers_parents_first() {
    let set = HostSet::normalised(["z.y.example", "a.x.example", ".x.example", "x.example", "q.example", "q.example"].map(host));
    let names: Vec<&str> = set.as_slice().iter().map(Host::as_str).collect();
    assert_eq!(names, [".x.example", "q.example", "z.y.example"]);
}

#[test]
fn json_is_the_string_and_refuses_as_parsing_does() {
    assert_eq!(serde_json::to_string(&host(".a.example")).unwrap(), "\".a.example\"");
    assert!(serde_json::from_str::<Host>("\"A.example\"").unwrap_err().to_string().contains("lower case"));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_what_it_accepts_is_plain(text in ".{0,80}") {
        if let Ok(host) = text.parse::<Host>() {
            prop_assert!(host.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'));
            prop_assert!(host.name().contains('.'));
            prop_assert!(host.name().parse::<std::net::IpAddr>().is_err());
        }
    }

    #[test]
    fn a_normalised_set_covers_what_went_in_and_nothing_in_it_covers_another(
        texts in prop::collection::vec("\\.?([a-c]\\.){1,3}example", 0..12)
    ) {
        let hosts: Vec<Host> = texts.iter().map(|t| host(t)).collect();
        let set = HostSet::normalised(hosts.clone());
        prop_assert!(hosts.iter().all(|h| set.covers(h)));
        for (i, a) in set.as_slice().iter().enumerate() {
            prop_assert!(hosts.contains(a));
            for b in &set.as_slice()[i + 1..] {
                prop_assert!(!a.covers(b) && !b.covers(a));
            }
        }
    }
}
