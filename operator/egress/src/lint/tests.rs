//! Which hosts are warned about, and in what words.

use super::*;
use crate::{Preset, Rule, Workload};

fn of(hosts: &[&str]) -> Vec<String> {
    let hosts = hosts.iter().map(|h| h.parse().unwrap()).collect();
    warnings(&Policy { rules: vec![Rule { name: "r".into(), hosts, ..Rule::default() }], ..Policy::default() })
}

#[test]
fn every_row_is_a_host() {
    for (name, text) in SHARED {
        assert!(name.parse::<Host>().is_ok(), "{name}");
        assert!(text.len() > 20, "{name}");
    }
}

#[test]
fn a_shared_host_is_named_with_its_rule() {
    let rules = vec![Rule { name: "telegram".into(), preset: Some(Preset::Telegram), ..Rule::default() }];
    let found = warnings(&Policy { rules, ..Policy::default() });
    assert_eq!(found, ["rule telegram: anyone's bot on api.telegram.org can receive data"]);
}

#[test]
fn hosts_of_ones_own_are_not_warned_about() {
    assert_eq!(of(&["gmail.googleapis.com", "oauth2.googleapis.com", "serv.amazingmarvin.com", "api.example.org"]), [""; 0]);
}

#[test]
fn a_subtree_is_warned_about_for_what_it_holds_or_for_its_labels() {
    assert_eq!(of(&[".googleapis.com"]), ["rule r: anyone's bucket on storage.googleapis.com can receive data"]);
    assert!(of(&["x.r2.cloudflarestorage.com"])[0].contains("bucket"));
    assert!(of(&[".example.org"])[0].contains("choose the label"));
}

#[test]
fn the_nearest_row_speaks() {
    assert!(of(&["github.com"])[0].contains("anyone's repository can receive data"));
    assert!(of(&["api.github.com"])[0].contains("gist or issue"));
}

#[test]
fn the_same_sentence_comes_once_and_workloads_are_looked_at() {
    assert_eq!(of(&["api.telegram.org", "api.telegram.org"]).len(), 1);
    let workloads = vec![Workload { name: "w".into(), hosts: vec!["ntfy.sh".parse().unwrap()] }];
    assert_eq!(warnings(&Policy { workloads, ..Policy::default() }), ["workload w: anyone's topic can receive data"]);
}
