//! The only wiring: client, lease, watches, queue, HTTP, shutdown.

use crate::args::Run;
use crate::cluster::watch::Watches;
use crate::cluster::{Cluster, Index, Kind};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::lease::Contender;
use crate::metrics::Metrics;
use crate::queue::{self, Next};
use crate::settings::{Identity, Settings, Unusable};
use crate::work::Work;
use crate::{fence, http, names, policy, tier};
use assistant_crds::{AssistantTier, EgressPolicy};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{NetworkPolicy, ServiceCIDR};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::watcher::Config;
use kube::{Client, Config as ClientConfig};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Longest time one reconcile may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why the process ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The settings are unusable.
    #[error(transparent)]
    Settings(#[from] Unusable),
    /// No way to the API server is configured.
    #[error("API server: {0}")]
    Config(#[from] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("API server: {0}")]
    Client(#[from] kube::Error),
    /// A signal handler or listener failed.
    #[error("{0}: {1}")]
    Io(&'static str, #[source] std::io::Error),
    /// The lease went to another process: this one must not write any more.
    #[error("the lease was lost")]
    LeaseLost,
}

/// Runs until SIGTERM or until the lease is lost.
pub async fn run(args: Run) -> std::result::Result<(), Ended> {
    let settings = Settings::read(&args.settings)?;
    let client = Client::try_from(ClientConfig::infer().await?)?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;

    let metrics = Metrics::default();
    let observed = Observed::start(&client, &settings, &args.namespace, &stop);
    let server = tokio::spawn(http::serve(args.listen, observed.watches.clone(), metrics.clone(), stop.clone()));

    let mut lease = Contender::new(client.clone(), &args.namespace, names::OPERATOR, &args.pod);
    tracing::info!(pod = args.pod, namespaces = ?settings.namespaces, "Waiting for the lease");
    let held = lease.acquire(&stop).await;
    if held {
        metrics.leader.set(1);
        tracing::info!(pod = args.pod, "Leading");
        let identity = Identity { namespace: args.namespace.clone(), pod: args.pod.clone(), api_server: api_server() };
        let leader = Leader { settings, identity, metrics, clock: Timestamp::now, concurrency: args.concurrency };
        let work = leader.work(client, observed, stop.clone());
        let kept = tokio::select! {
            kept = lease.keep(&stop) => kept,
            () = work => {
                // The queue ended because of `stop`: give the lease back so that the next leader need not wait.
                lease.keep(&stop).await
            }
        };
        stop.cancel();
        if !kept {
            return Err(Ended::LeaseLost);
        }
    }
    match tokio::time::timeout(Duration::from_secs(3), server).await {
        Ok(Ok(Err(error))) => Err(Ended::Io("HTTP server", error)),
        _ => Ok(()),
    }
}

/// What the operator sees from its first moment, whether it leads or not.
pub struct Observed {
    /// The watches.
    pub watches: Watches,
    index: Index,
    sender: queue::Sender<Work>,
    receiver: queue::Receiver<Work>,
}

impl Observed {
    /// Starts every watch. They end with `stop`.
    pub fn start(client: &Client, settings: &Settings, namespace: &str, stop: &CancellationToken) -> Self {
        let (sender, receiver) = queue::channel::<Work>();
        let index = Index::new(namespace, settings.model.as_ref().map(|model| model.namespace.clone()));
        let watches = Watches::new(client.clone(), index.clone(), sender.clone(), stop.clone());
        watch(&watches, settings, namespace);
        Self { watches, index, sender, receiver }
    }
}

/// What the holder of the lease works with.
pub struct Leader {
    /// The operator's settings.
    pub settings: Settings,
    /// What the operator's pod knows of itself.
    pub identity: Identity,
    /// Counters.
    pub metrics: Metrics,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// How many objects are worked on at once.
    pub concurrency: usize,
}

impl Leader {
    /// Works on everything until `stop`. Nothing is written before every watch has seen everything once.
    pub async fn work(self, client: Client, observed: Observed, stop: CancellationToken) {
        let Observed { watches, index, sender, receiver } = observed;
        watches.listed().await;
        let reporter = Reporter { controller: names::OPERATOR.to_owned(), instance: Some(self.identity.pod.clone()) };
        let cluster = Cluster::new(client.clone(), index.clone(), sender.clone());
        let recorder = Recorder::new(client, reporter);
        let context = Arc::new(Context::new(cluster, self.settings, self.identity, self.metrics, recorder, self.clock));
        everything(&index, &sender, &context.settings);
        queue::work(receiver, self.concurrency.max(1), move |work| reconcile(context.clone(), work), jitter, stop).await;
    }
}

/// What the watches brought while another process led is worked on once.
fn everything(index: &Index, sender: &queue::Sender<Work>, settings: &Settings) {
    for namespace in &settings.namespaces {
        sender.push(Work::Fence(namespace.clone()));
    }
    use crate::cluster::Resources;
    AssistantTier::names(index).into_iter().for_each(|name| sender.push(Work::Tier(name)));
    EgressPolicy::names(index).into_iter().for_each(|name| sender.push(Work::Policy(name)));
}

fn watch(watches: &Watches, settings: &Settings, own: &str) {
    watches.resources::<AssistantTier>();
    watches.resources::<EgressPolicy>();
    watches.cluster::<Node>(Kind::Node);
    watches.cluster::<ServiceCIDR>(Kind::ServiceRange);
    let managed = || Config::default().labels(&names::managed());
    for namespace in &settings.namespaces {
        watches.namespaced::<Deployment>(Kind::Deployment, namespace, managed());
        watches.namespaced::<Service>(Kind::Service, namespace, managed());
        watches.namespaced::<Secret>(Kind::Secret, namespace, managed());
        watches.namespaced::<PersistentVolumeClaim>(Kind::Claim, namespace, managed());
        watches.namespaced::<Pod>(Kind::Pod, namespace, managed());
        // A persona's ConfigMap is the user's own; a policy that widens a tier would be somebody else's.
        watches.namespaced::<ConfigMap>(Kind::ConfigMap, namespace, Config::default());
        watches.namespaced::<NetworkPolicy>(Kind::NetworkPolicy, namespace, Config::default());
    }
    watches.namespaced::<NetworkPolicy>(Kind::NetworkPolicy, own, Config::default());
    let witness = || Config::default().labels(&format!("{}={}", names::WITNESS_POD.0, names::WITNESS_POD.1));
    watches.namespaced::<Service>(Kind::Service, own, witness());
    watches.namespaced::<Pod>(Kind::Pod, own, witness());
    if let Some(model) = &settings.model {
        watches.namespaced::<Service>(
            Kind::Service,
            &model.namespace,
            Config::default().fields(&format!("metadata.name={}", model.name)),
        );
        let slices = Config::default().labels(&format!("kubernetes.io/service-name={}", model.name));
        watches.namespaced::<EndpointSlice>(Kind::Endpoints, &model.namespace, slices);
    }
}

/// The API server as pods see it, from the variables that every pod gets.
fn api_server() -> Option<SocketAddrV4> {
    let host = std::env::var("KUBERNETES_SERVICE_HOST").ok()?.parse().ok()?;
    let port = std::env::var("KUBERNETES_SERVICE_PORT").ok()?.parse().ok()?;
    Some(SocketAddrV4::new(host, port))
}

fn jitter() -> f64 {
    let mut byte = [0; 1];
    crate::secret::os(&mut byte);
    f64::from(byte[0]) / 255.0
}

fn stop_on_signal(stop: CancellationToken) -> std::result::Result<(), Ended> {
    let on = |kind| signal(kind).map_err(|error| Ended::Io("signal handler", error));
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("Stopping");
        stop.cancel();
    });
    Ok(())
}

/// One reconcile with its deadline, its metrics and its log line.
pub async fn reconcile(context: Arc<Context>, work: Work) -> Next {
    let began = Instant::now();
    let outcome = tokio::time::timeout(DEADLINE, dispatch(&context, &work)).await.unwrap_or(Err(Error::Deadline(DEADLINE)));
    let (label, next) = match outcome {
        Ok(next) => ("ok", next),
        Err(error) => {
            tracing::warn!(%work, class = error.class().label(), %error, "Reconcile failed");
            (error.class().label(), Next::BackOff)
        }
    };
    context.metrics.reconciled(work.kind(), label, began.elapsed());
    tracing::debug!(%work, ?next, took = ?began.elapsed(), "Reconciled");
    next
}

async fn dispatch(context: &Context, work: &Work) -> Result<Next> {
    if let Some(why) = context.cluster.index.malformed(work) {
        tracing::warn!(%work, why, "Left alone: the object cannot be decoded");
        return Ok(Next::Wait);
    }
    match work {
        Work::Tier(name) => tier::reconcile(context, name).await,
        Work::Policy(name) => policy::reconcile(context, name).await,
        Work::Fence(namespace) if context.settings.namespaces.contains(namespace) => {
            fence::reconcile(&context.cluster, namespace).await.map(|()| Next::Wait)
        }
        Work::Fence(_) => Ok(Next::Wait),
    }
}
