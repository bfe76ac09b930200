//! One GET over plain HTTP/1.1 to an address in the cluster, with a deadline and a bound on the answer. Connections are not kept.

use crate::secret::Secret;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest answer, in bytes.
const ANSWER_BYTES: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("{0}: {1}")]
    Connect(SocketAddr, #[source] std::io::Error),
    /// The connection broke, or no HTTP came back.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The answer is too long or broke off.
    #[error("answer: {0}")]
    Body(String),
    /// Another status than 200.
    #[error("answered {0}")]
    Status(StatusCode),
    /// The answer is not what was asked for.
    #[error("answer: {0}")]
    Json(#[from] serde_json::Error),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
}

/// The body of a 200 answer.
pub async fn get(address: SocketAddr, path: &str, bearer: Option<&Secret<String>>, deadline: Duration) -> Result<Bytes, Error> {
    tokio::time::timeout(deadline, exchange(address, path, bearer)).await.unwrap_or(Err(Error::Deadline(deadline)))
}

async fn exchange(address: SocketAddr, path: &str, bearer: Option<&Secret<String>>) -> Result<Bytes, Error> {
    let stream = TcpStream::connect(address).await.map_err(|error| Error::Connect(address, error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut request = Request::get(path).header(header::HOST, address.to_string());
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a path and two headers make a request");
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| Error::Body(error.to_string()))?
        .to_bytes();
    driver.abort();
    if status == StatusCode::OK { Ok(body) } else { Err(Error::Status(status)) }
}
