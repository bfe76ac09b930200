//! The queue under paused time.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn backoff_doubles_and_is_bounded() {
    assert_eq!(backoff(0, 0.5), Duration::from_millis(500));
    assert_eq!(backoff(3, 0.5), Duration::from_secs(4));
    assert_eq!(backoff(40, 0.5), Duration::from_secs(128));
    assert!(backoff(3, 0.0) < backoff(3, 1.0));
}

async fn run(calls: Arc<AtomicU32>, pushes: u32, outcome: fn(u32) -> Next, seconds: u64) {
    let (sender, receiver) = channel();
    let stop = CancellationToken::new();
    let worker = tokio::spawn(work(
        receiver,
        2,
        move |_: &str| {
            let n = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                outcome(n)
            }
        },
        || 0.5,
        stop.clone(),
    ));
    for _ in 0..pushes {
        sender.push("one");
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.cancel();
    worker.await.expect("the queue ends without a panic");
}

#[tokio::test(start_paused = true)]
async fn many_pushes_while_running_are_one_more_run() {
    let calls = Arc::new(AtomicU32::new(0));
    run(calls.clone(), 50, |_| Next::Wait, 5).await;
    assert!(calls.load(Ordering::SeqCst) <= 2, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_panic_is_a_failure() {
    let calls = Arc::new(AtomicU32::new(0));
    // Starts at 0, 0.6, 1.7, 3.8, 7.9 s ...: five within ten seconds.
    run(calls.clone(), 1, |n| if n == 1 { panic!("on purpose") } else { Next::BackOff }, 10).await;
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn after_runs_again_without_a_change() {
    let calls = Arc::new(AtomicU32::new(0));
    run(calls.clone(), 1, |n| if n == 0 { Next::After(Duration::from_secs(3)) } else { Next::Wait }, 10).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
