//! Faults that a test asks for, at the n-th write of the operator.

use super::store::Refused;
use std::sync::atomic::{AtomicBool, Ordering};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The API server answers with this code and does nothing.
    Refuse(u16),
    /// The connection breaks before the API server sees the request.
    LostRequest,
    /// The API server does it, and the connection breaks before the answer.
    LostAnswer,
    /// The operator's process ends before the request is sent.
    DieBefore,
    /// The operator's process ends after the API server has done it.
    DieAfter,
}

/// The `Status` of a refusal.
pub fn refusal(code: u16) -> Refused {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        other => panic!("no reason for code {other}"),
    };
    Refused(code, reason, format!("fault {code} that the test asked for"))
}

/// One process of the operator. Once it is dead, nothing it sends arrives.
#[derive(Debug, Default)]
pub struct Process {
    dead: AtomicBool,
}

impl Process {
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
    pub fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }
}
