//! What can go wrong in a reconcile, and what follows from it. No I/O.

use std::time::Duration;

/// A failed step of a reconcile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the API server failed. kube's text already carries the cause.
    #[error("{verb} {kind} {name}: {source}")]
    Api {
        /// What was asked, e.g. `create`.
        verb: &'static str,
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        name: String,
        /// The answer.
        source: Box<kube::Error>,
    },
    /// An object of that name exists and is not ours.
    #[error("{kind} {name} already exists and does not belong to this object; delete or rename it, or choose another name")]
    NameTaken {
        /// Kind of the foreign object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The reconcile took longer than it may.
    #[error("not finished within {0:?}")]
    Deadline(Duration),
    /// A bug: something that the code says cannot happen.
    #[error("internal error: {0}")]
    Bug(String),
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The API server refused what we may not do.
    Denied,
    /// Somebody wrote in between, or our view was old.
    Conflict,
    /// A name is taken.
    Taken,
    /// Everything that may pass by itself.
    Transient,
}

impl Class {
    /// The value of the `class` metric label.
    pub fn label(self) -> &'static str {
        match self {
            Class::Denied => "denied",
            Class::Conflict => "conflict",
            Class::Taken => "taken",
            Class::Transient => "transient",
        }
    }
}

impl Error {
    /// What follows from it.
    pub fn class(&self) -> Class {
        match self {
            Error::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => Class::Conflict,
                kube::Error::Api(status) if status.is_forbidden() || status.is_invalid() => Class::Denied,
                _ => Class::Transient,
            },
            Error::NameTaken { .. } => Class::Taken,
            Error::Deadline(_) | Error::Bug(_) => Class::Transient,
        }
    }

    /// CamelCase word for a condition.
    pub fn reason(&self) -> &'static str {
        match self.class() {
            Class::Denied => "ApiDenied",
            Class::Conflict => "ApiConflict",
            Class::Taken => "NameTaken",
            Class::Transient => "ApiError",
        }
    }
}

/// The result of a step.
pub type Result<T> = std::result::Result<T, Error>;
