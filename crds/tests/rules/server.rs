//! The same tables on a real API server: what the interpreter here says is what a person will see there.

use super::{KINDS, TRIED, Tried, base};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// A namespace of this run: the one of a run just ended may still be going away.
static NAMESPACE: LazyLock<String> = LazyLock::new(|| format!("crd-rules-{}", std::process::id()));

/// `kubectl <words>` with `input`: whether it was accepted, and what it said. `KUBECTL` names another program with the same arguments.
fn kubectl(words: &[&str], input: &Value) -> (bool, String) {
    let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into());
    let mut child = Command::new(program)
        .args(words)
        .args(["--namespace", &NAMESPACE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl starts; KUBECTL names another");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A place as the interpreter and as the server write it: the key of a map comes behind a dot in one and in brackets in the other.
fn places(place: &str) -> Vec<String> {
    let bracket = place.rsplit_once('.').map(|(map, key)| format!("{map}[{key}]"));
    bracket.into_iter().chain([place.to_string()]).collect()
}

const TRY: [&str; 4] = ["create", "--dry-run=server", "--filename", "-"];

/// Needs a cluster that has both definitions (`kubectl apply --server-side -f crds/`), and leaves nothing there.
#[test]
#[ignore = "needs a cluster: KUBECTL or KUBECONFIG, then --ignored"]
fn a_real_api_server_says_the_same() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": *NAMESPACE}});
    let (made, answer) = kubectl(&["apply", "--filename", "-"], &namespace);
    assert!(made, "{answer}");
    let mut wrong = vec![];
    for Tried { case, bad: refused, .. } in TRIED.iter() {
        let (good, bad) = match case.old() {
            None => (kubectl(&TRY, &case.good()), kubectl(&TRY, &case.bad())),
            Some(old) => {
                let (made, answer) = kubectl(&["create", "--filename", "-"], &old);
                assert!(made, "{case}: the object as it was: {answer}");
                let replace = ["replace", "--dry-run=server", "--filename", "-"];
                let both = (kubectl(&replace, &case.good()), kubectl(&replace, &case.bad()));
                let (gone, answer) = kubectl(&["delete", "--filename", "-"], &old);
                assert!(gone, "{answer}");
                both
            }
        };
        println!("{}", bad.1.trim());
        if !good.0 {
            wrong.push(format!("{case}\n  the right one is refused: {}", good.1));
        }
        // Where a sentence ends the server goes on with a comma or a bracket, so the whole of it is looked for as text.
        let sentence = &refused[0].sentence;
        if bad.0 || !bad.1.contains(sentence) || !places(&case.place).iter().any(|place| bad.1.contains(place)) {
            wrong.push(format!("{case}\n  expected {sentence}\n  found {}", bad.1));
        }
    }
    for kind in KINDS {
        let (fine, answer) = kubectl(&TRY, &base::of(kind));
        assert!(fine && !answer.contains("Warning"), "{answer}");
    }
    let (gone, answer) = kubectl(&["delete", "--wait=false", "--filename", "-"], &namespace);
    assert!(gone, "{answer}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
