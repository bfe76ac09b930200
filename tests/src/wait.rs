//! Waits that end: at the thing waited for, or at a deadline with the last thing that was seen. I/O: none of its own.

use crate::Outcome;
use std::future::Future;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(150);

/// What one look came to.
pub enum Look<T> {
    /// This is what was waited for.
    Found(T),
    /// Not yet; the sentence says what was there instead.
    NotYet(String),
}

/// Looks until it is found. An error of a look counts as "not yet": a server may be restarting.
pub async fn until<T, F, Fut>(what: &str, limit: Duration, mut look: F) -> Outcome<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Outcome<Look<T>>>,
{
    let began = Instant::now();
    let mut last = String::from("nothing was seen");
    loop {
        match tokio::time::timeout(limit, look()).await {
            Ok(Ok(Look::Found(found))) => return Ok(found),
            Ok(Ok(Look::NotYet(seen))) => last = seen,
            Ok(Err(error)) => last = format!("looking failed: {error}"),
            Err(_) => last = format!("a look did not end; before it: {last}"),
        }
        if began.elapsed() >= limit {
            return Err(format!("waited {limit:?} for {what}; last seen: {last}").into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks again and again for as long as `limit`; fails at once when a look fails.
pub async fn throughout<F, Fut>(limit: Duration, mut look: F) -> Outcome
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Outcome>,
{
    let began = Instant::now();
    while began.elapsed() < limit {
        look().await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
