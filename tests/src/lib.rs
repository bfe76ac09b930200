//! What the tests on a real node have in common: the node, what is installed on it, a client of its API server, the test client
//! `probe` in any pod's network, and what the make-believe internet recorded. The tests themselves are in `tests/node`.
//!
//! `suite` runs them; `world` is the node with everything on it; `space` is one test's own namespace.

pub mod cluster;
pub mod command;
pub mod diagnosis;
pub mod images;
pub mod install;
pub mod internet;
pub mod manifest;
pub mod node;
pub mod probe;
pub mod space;
pub mod suite;
pub mod wait;
pub mod world;

/// Why a test failed, as a sentence. Everything that has one can become it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What a test, or a step of one, comes to.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Fails with a formatted sentence unless a condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)+) => {
        if !$condition {
            return Err(format!($($sentence)+).into());
        }
    };
}
