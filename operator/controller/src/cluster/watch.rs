//! The watches that feed the memory and wake the queue. Reads only.

use super::index::{Index, Kind, Resources};
use super::record::{Remembered, record};
use crate::queue::Sender;
use crate::work::{Name, Work};
use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Starts watches and counts those that have seen everything once.
#[derive(Clone)]
pub struct Watches {
    client: Client,
    index: Index,
    queue: Sender<Work>,
    stop: CancellationToken,
    started: Arc<AtomicUsize>,
    listed: Arc<AtomicUsize>,
}

impl Watches {
    /// Nothing is watched yet.
    pub fn new(client: Client, index: Index, queue: Sender<Work>, stop: CancellationToken) -> Self {
        Self { client, index, queue, stop, started: Arc::default(), listed: Arc::default() }
    }

    /// How many watches have listed everything once, of how many.
    pub fn progress(&self) -> (usize, usize) {
        (self.listed.load(Ordering::Relaxed), self.started.load(Ordering::Relaxed))
    }

    /// Waits until every watch has listed everything once.
    pub async fn listed(&self) {
        while self.listed.load(Ordering::Relaxed) < self.started.load(Ordering::Relaxed) {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }

    /// Remembers the objects of a kind in one namespace as records.
    pub fn namespaced<K>(&self, kind: Kind, namespace: &str, config: Config)
    where
        K: Remembered
            + Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        self.records(Api::<K>::namespaced(self.client.clone(), namespace), kind, namespace.to_owned(), config);
    }

    /// Remembers the objects of a cluster-scoped kind as records.
    pub fn cluster<K>(&self, kind: Kind)
    where
        K: Remembered + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        self.records(Api::<K>::all(self.client.clone()), kind, String::new(), Config::default());
    }

    fn records<K>(&self, api: Api<K>, kind: Kind, namespace: String, config: Config)
    where
        K: Remembered + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let this = self.clone();
        self.started.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let mut events = watcher(api, config).boxed();
            let mut seen: Option<BTreeSet<String>> = None;
            let mut first = true;
            while let Some(event) = this.next(&mut events, K::kind(&()).as_ref(), &mut first).await {
                match event {
                    Event::Init => seen = Some(BTreeSet::new()),
                    Event::InitApply(object) | Event::Apply(object) => {
                        let name = object.name_any();
                        seen.iter_mut().for_each(|seen| {
                            seen.insert(name.clone());
                        });
                        this.wake(this.index.set(kind, &namespace, &name, Some(record(&object))));
                    }
                    Event::Delete(object) => this.wake(this.index.set(kind, &namespace, &object.name_any(), None)),
                    Event::InitDone => {
                        let gone = this.index.names(kind, &namespace);
                        for name in gone.difference(&seen.take().unwrap_or_default()) {
                            this.wake(this.index.set(kind, &namespace, name, None));
                        }
                        this.done(&mut first);
                    }
                }
            }
        });
    }

    /// Remembers all objects of one of our own kinds. They are decoded one by one, so that one that cannot be read is reported and
    /// does not stop the others.
    pub fn resources<K: Resources + DeserializeOwned + Send + Sync + 'static>(&self) {
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &ApiResource::erase::<K>(&()));
        let this = self.clone();
        self.started.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let mut events = watcher(api, Config::default()).boxed();
            let mut seen: Option<BTreeSet<Name>> = None;
            let mut first = true;
            while let Some(event) = this.next(&mut events, K::kind(&()).as_ref(), &mut first).await {
                match event {
                    Event::Init => seen = Some(BTreeSet::new()),
                    Event::InitApply(object) | Event::Apply(object) => {
                        let name = super::index::name_of(&object);
                        seen.iter_mut().for_each(|seen| {
                            seen.insert(name.clone());
                        });
                        this.decode::<K>(name, object);
                    }
                    Event::Delete(object) => this.forget::<K>(super::index::name_of(&object)),
                    Event::InitDone => {
                        let seen = seen.take().unwrap_or_default();
                        K::names(&this.index)
                            .into_iter()
                            .filter(|name| !seen.contains(name))
                            .for_each(|name| this.forget::<K>(name));
                        this.done(&mut first);
                    }
                }
            }
        });
    }

    fn decode<K: Resources + DeserializeOwned>(&self, name: Name, object: DynamicObject) {
        let decoded = serde_json::to_value(object).and_then(serde_json::from_value::<K>);
        match decoded {
            Ok(object) => {
                self.index.set_malformed(K::work(name.clone()), None);
                self.wake(K::store(&self.index, name, Some(Arc::new(object))));
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %name, %error, "Object cannot be decoded; what ran keeps running");
                let work = K::work(name);
                self.index.set_malformed(work.clone(), Some(error.to_string()));
                self.queue.push(work);
            }
        }
    }

    fn forget<K: Resources>(&self, name: Name) {
        self.index.set_malformed(K::work(name.clone()), None);
        self.wake(K::store(&self.index, name, None));
    }

    fn wake(&self, work: BTreeSet<Work>) {
        work.into_iter().for_each(|work| self.queue.push(work));
    }

    fn done(&self, first: &mut bool) {
        if std::mem::take(first) {
            self.listed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next event; errors are logged and waited out (1 s doubling to 30 s).
    async fn next<K>(
        &self,
        events: &mut (impl futures::Stream<Item = Result<Event<K>, kube::runtime::watcher::Error>> + Unpin),
        kind: &str,
        first: &mut bool,
    ) -> Option<Event<K>> {
        let mut pause = Duration::from_secs(1);
        loop {
            let event = tokio::select! {
                () = self.stop.cancelled() => return None,
                event = events.next() => event?,
            };
            match event {
                Ok(event) => return Some(event),
                Err(error) => {
                    tracing::warn!(kind, %error, "Watch failed, trying again");
                    // A namespace that was deleted took our Role along. What we may not see there is nothing we could serve, and
                    // must not keep the operator from all the others.
                    if forbidden(&error) {
                        self.done(first);
                    }
                    tokio::select! {
                        () = self.stop.cancelled() => return None,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(30));
                }
            }
        }
    }
}

/// The API server's answer is that we may not.
fn forbidden(error: &kube::runtime::watcher::Error) -> bool {
    use kube::runtime::watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status)) => status.is_forbidden(),
        _ => false,
    }
}
