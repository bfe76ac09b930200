//! The files made from the types are the files in the tree. `UPDATE=1 cargo test -p assistant-crds --test generated` rewrites them.

#![allow(clippy::unwrap_used)] // outside #[test] functions too: what cannot be unwrapped here fails a test

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is one level below the root").to_owned()
}

/// Compares, or writes when `UPDATE` is set.
fn same(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is stale: run UPDATE=1 cargo test -p assistant-crds --test generated", path.display());
}

#[test]
fn definitions() {
    for definition in assistant_crds::all() {
        let file = format!("crds/{}.yaml", definition.spec.names.plural);
        same(&root().join(file), &assistant_crds::yaml(&definition));
    }
}

#[test]
fn reference() {
    same(&root().join("docs/reference.md"), &assistant_crds::reference::markdown());
}

#[test]
fn no_format_the_api_server_warns_about() {
    for definition in assistant_crds::all() {
        let text = serde_json::to_string(&definition).unwrap();
        assert!(!text.contains("\"uint") && !text.contains("\"nullable\""), "{}", definition.spec.names.kind);
    }
}
