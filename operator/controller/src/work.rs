//! What a reconcile can be about. No I/O.

use std::fmt;

/// A key of the work queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// An AssistantTier.
    Tier(Name),
    /// An EgressPolicy.
    Policy(Name),
    /// The fence of a namespace.
    Fence(String),
}

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Name {
    /// From its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Work {
    /// The value of the `kind` metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Tier(_) => "AssistantTier",
            Work::Policy(_) => "EgressPolicy",
            Work::Fence(_) => "Fence",
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Tier(name) | Work::Policy(name) => write!(f, "{} {name}", self.kind()),
            Work::Fence(namespace) => write!(f, "Fence {namespace}"),
        }
    }
}
