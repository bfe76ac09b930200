//! `/healthz` (the process is up), `/readyz` (every watch has seen everything once), `/metrics`.

use crate::cluster::watch::Watches;
use crate::metrics::Metrics;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Served {
    watches: Watches,
    metrics: Metrics,
}

async fn ready(State(served): State<Served>) -> impl IntoResponse {
    let (listed, started) = served.watches.progress();
    if started > 0 && listed == started {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{listed} of {started} watches have listed their objects; are the CRDs installed?\n"),
        )
    }
}

async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], served.metrics.text())
}

/// Serves until `stop`.
pub async fn serve(address: SocketAddr, watches: Watches, metrics_of: Metrics, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Served { watches, metrics: metrics_of });
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await
}
