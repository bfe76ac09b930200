//! Which fence stands and which may end, and what they look like. Pure.

use crate::cluster::Record;
use crate::{names, network};
use assistant_proof::WITNESS_CONTROL_PORT;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The fence that must stand.
    pub stand: Option<String>,
    /// The fences whose finalizer may go.
    pub end: Vec<String>,
}

/// `fences`: all fences that are there, also those being deleted.
pub fn plan(needed: bool, fences: &[(String, Record)]) -> Plan {
    if !needed {
        return Plan { stand: None, end: fences.iter().map(|(name, _)| name.clone()).collect() };
    }
    if let Some((stand, _)) = fences.iter().find(|(_, fence)| !fence.deleting) {
        let end = fences.iter().map(|(name, _)| name).filter(|name| *name != stand).cloned().collect();
        return Plan { stand: Some(stand.clone()), end };
    }
    // All that are there are being deleted: the next name first, their end after it has been seen.
    let taken = |name: &String| fences.iter().any(|(other, _)| other == name);
    let numbered = (2..).map(|n| format!("{}-{n}", names::FENCE));
    let next = std::iter::once(names::FENCE.to_owned()).chain(numbered).find(|name| !taken(name));
    Plan { stand: next, end: Vec::new() }
}

fn metadata(namespace: &str, name: &str, finalizers: Option<Vec<String>>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(names::labels(&[(names::MANAGED_BY, names::OPERATOR)])),
        finalizers,
        ..ObjectMeta::default()
    }
}

/// Denies everything, both ways, to every fenced pod. It has no owner: it outlives every tier.
pub fn fence(namespace: &str, name: &str) -> NetworkPolicy {
    let metadata = metadata(namespace, name, Some(vec![names::FENCE_FINALIZER.to_owned()]));
    network::policy(metadata, names::selector(&[(names::FENCED, "true")]), vec![], vec![])
}

/// Lets every fenced pod ask the witnesses, and nothing more: their canaries stay closed, which is what the gate proves.
pub fn witness(namespace: &str, operator_namespace: &str) -> NetworkPolicy {
    let peer = network::pods_in(operator_namespace, names::selector(&[names::WITNESS_POD]));
    let rule = network::to(vec![peer], vec![network::tcp(i32::from(WITNESS_CONTROL_PORT))]);
    let metadata = metadata(namespace, names::WITNESS_POLICY, None);
    network::policy(metadata, names::selector(&[(names::FENCED, "true")]), vec![], vec![rule])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::record::record;

    fn there(names: &[(&str, bool)]) -> Vec<(String, Record)> {
        names
            .iter()
            .map(|(name, deleting)| ((*name).to_owned(), Record { deleting: *deleting, ..record(&fence("ns", name)) }))
            .collect()
    }

    #[test]
    fn first_fence_has_the_plain_name() {
        assert_eq!(plan(true, &[]), Plan { stand: Some("assistants-fence".into()), end: vec![] });
    }

    #[test]
    fn a_fence_being_deleted_is_followed_before_it_may_end() {
        let dying = there(&[("assistants-fence", true)]);
        assert_eq!(plan(true, &dying), Plan { stand: Some("assistants-fence-2".into()), end: vec![] });
        let followed = there(&[("assistants-fence", true), ("assistants-fence-2", false)]);
        assert_eq!(
            plan(true, &followed),
            Plan { stand: Some("assistants-fence-2".into()), end: vec!["assistants-fence".into()] }
        );
        let both = there(&[("assistants-fence", true), ("assistants-fence-2", true)]);
        assert_eq!(plan(true, &both).stand.as_deref(), Some("assistants-fence-3"));
    }

    #[test]
    fn nothing_left_ends_all() {
        assert_eq!(
            plan(false, &there(&[("assistants-fence", false)])),
            Plan { stand: None, end: vec!["assistants-fence".into()] }
        );
    }

    #[test]
    fn the_fence_allows_nothing() {
        let spec = fence("ns", "f").spec.expect("a fence has a spec");
        assert_eq!((spec.ingress, spec.egress), (None, None));
        assert_eq!(spec.policy_types.as_deref(), Some(&["Ingress".to_owned(), "Egress".to_owned()][..]));
    }
}
