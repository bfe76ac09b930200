//! Watch streams: the history from a version on, seen through the selectors of the watch.

use super::FakeApi;
use super::resource::{Query, Target};
use super::store::Change;
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use std::io;

/// Whether a list or watch sees the object.
pub fn selects(target: &Target, query: &Query, object: &Value) -> bool {
    let meta = &object["metadata"];
    (target.namespace.is_empty() || meta["namespace"] == target.namespace.as_str())
        && query.name.as_ref().is_none_or(|name| meta["name"] == name.as_str())
        && query.labels.iter().all(|(key, value)| meta["labels"].get(key).is_some_and(|found| found == value.as_str()))
}

fn event(target: &Target, query: &Query, change: &Change) -> Option<Value> {
    if change.key.kind != target.served.kind {
        return None;
    }
    let sees = |object: &Option<Value>| object.clone().filter(|object| selects(target, query, object));
    let (kind, mut object) = match (sees(&change.old), sees(&change.new)) {
        (None, None) => return None,
        (None, Some(new)) => ("ADDED", new),
        (Some(_), Some(new)) => ("MODIFIED", new),
        (Some(old), None) => ("DELETED", old),
    };
    object["metadata"]["resourceVersion"] = json!(change.version.to_string());
    Some(json!({"type": kind, "object": object}))
}

/// The body of a watch: one line of JSON an event, until the client goes away.
pub fn body(api: FakeApi, target: Target, query: Query) -> UnsyncBoxBody<Bytes, io::Error> {
    let changes = api.changes();
    let since = query.since;
    let lines = stream::unfold((api, changes, since, target, query), |(api, mut changes, mut since, target, query)| async move {
        loop {
            changes.borrow_and_update();
            let (lines, newest) = {
                let state = api.lock();
                let from = state.store.history.partition_point(|change| change.version <= since);
                let lines: String = state.store.history[from..]
                    .iter()
                    .filter_map(|change| event(&target, &query, change))
                    .map(|event| format!("{event}\n"))
                    .collect();
                (lines, state.store.version())
            };
            since = newest;
            if !lines.is_empty() {
                return Some((Ok(Frame::data(Bytes::from(lines))), (api, changes, since, target, query)));
            }
            if changes.changed().await.is_err() {
                return None;
            }
        }
    });
    BodyExt::boxed_unsync(StreamBody::new(lines.boxed()))
}
