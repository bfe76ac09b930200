//! The lease: one holder, taken over only after it has not changed for its time to live, and given back.

use crate::fake_api::FakeApi;
use crate::fake_api::fault::Process;
use crate::fake_api::rights::Rights;
use crate::world::{MODEL, NAMESPACE, OWN};
use assistant_operator::lease::{Contender, PERIOD, TTL};
use assistant_operator::names::OPERATOR;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

fn api() -> FakeApi {
    FakeApi::new(Rights::read(BTreeSet::from([NAMESPACE.to_owned()]), OWN, MODEL))
}

fn contender(api: &FakeApi, process: &Arc<Process>, name: &str) -> Contender {
    Contender::new(api.client(process), OWN, OPERATOR, name)
}

fn holder(api: &FakeApi) -> Option<String> {
    api.with(|store| {
        store.get("Lease", OWN, OPERATOR).and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned))
    })
}

#[tokio::test(start_paused = true)]
async fn one_holds_and_the_other_waits_until_it_is_given_back() {
    let api = api();
    let process = Arc::new(Process::default());
    let (mut first, mut second) = (contender(&api, &process, "a"), contender(&api, &process, "b"));
    let (stop_first, stop_second) = (CancellationToken::new(), CancellationToken::new());
    assert!(first.acquire(&stop_first).await);
    let stop = stop_first.clone();
    let kept = tokio::spawn(async move { first.keep(&stop).await });
    // Far longer than the time to live: a holder that renews keeps it.
    assert!(timeout(TTL * 4, second.acquire(&stop_second)).await.is_err(), "two hold the lease");
    assert_eq!(holder(&api).as_deref(), Some("a"));
    stop_first.cancel();
    assert!(kept.await.expect("it does not panic"), "who was asked to stop did not lose it");
    assert_eq!(holder(&api), None);
    let before = Instant::now();
    assert!(second.acquire(&stop_second).await);
    assert!(before.elapsed() <= PERIOD, "a lease that was given back is free at once");
    assert_eq!(holder(&api).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_followed_after_the_time_to_live_and_not_before() {
    let api = api();
    let (process, dead) = (Arc::new(Process::default()), Arc::new(Process::default()));
    let stop = CancellationToken::new();
    assert!(contender(&api, &dead, "a").acquire(&stop).await);
    dead.end();
    let before = Instant::now();
    let mut second = contender(&api, &process, "b");
    assert!(second.acquire(&stop).await);
    assert!(before.elapsed() >= TTL && before.elapsed() <= TTL + 2 * PERIOD, "after {:?}", before.elapsed());
    assert_eq!(holder(&api).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_gives_up_before_another_may_take_over() {
    let api = api();
    let (process, cut_off) = (Arc::new(Process::default()), Arc::new(Process::default()));
    let stop = CancellationToken::new();
    let mut first = contender(&api, &cut_off, "a");
    assert!(first.acquire(&stop).await);
    let began = Instant::now();
    let cut = tokio::spawn(async move { (first.keep(&CancellationToken::new()).await, began.elapsed()) });
    // Its requests hang from now on: a network partition.
    cut_off.end();
    let mut second = contender(&api, &process, "b");
    assert!(second.acquire(&stop).await);
    let taken = began.elapsed();
    let (kept, gave_up) = cut.await.expect("it does not panic");
    assert!(!kept);
    assert!(gave_up <= taken, "the old holder believed in its lease until {gave_up:?}, the new one took it at {taken:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_at_the_same_moment_one_wins() {
    for _ in 0..20 {
        let api = api();
        let process = Arc::new(Process::default());
        let (mut first, mut second) = (contender(&api, &process, "a"), contender(&api, &process, "b"));
        let (a, b) = tokio::join!(first.try_hold(), second.try_hold());
        assert_ne!(a.expect("no fault"), b.expect("no fault"), "exactly one of them");
        // The same once more, for a lease that is there and free.
        api.with(|store| {
            store.edit(&crate::fake_api::key("Lease", OWN, OPERATOR), |lease| {
                lease["spec"]["holderIdentity"] = serde_json::Value::Null
            })
        });
        let (a, b) = tokio::join!(first.try_hold(), second.try_hold());
        assert_ne!(a.expect("no fault"), b.expect("no fault"), "exactly one of them");
    }
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_is_told() {
    let api = api();
    let process = Arc::new(Process::default());
    let stop = CancellationToken::new();
    let mut first = contender(&api, &process, "a");
    assert!(first.acquire(&stop).await);
    api.with(|store| {
        store.edit(&crate::fake_api::key("Lease", OWN, OPERATOR), |lease| lease["spec"]["holderIdentity"] = "b".into())
    });
    assert!(!timeout(Duration::from_secs(60), first.keep(&stop)).await.expect("it notices"), "it went on");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(holder(&api).as_deref(), Some("b"), "it took back what it had lost");
}
