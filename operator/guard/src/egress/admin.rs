//! The admin port: HTTP/1.1 for the operator, behind a bearer token. One request a connection. Listens; reads the token file.

use super::{decisions, metrics, secret::Secret, state::State};
use crate::net::{caps::Limits, serve};
use assistant_proof::ADMIN_PORT;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Most bytes of a request's head.
const HEAD_BYTES: usize = 4096;
/// Most headers of a request.
const HEADERS: usize = 32;
/// Decisions that `/audit` shows unless asked for more or fewer.
const AUDIT: usize = 100;
/// Only the operator comes here, and whoever scrapes metrics.
const LIMITS: Limits = Limits { open: 32, open_per_source: 8, per_second: 20, burst: 40, sources: 128 };

/// An answer.
struct Answer {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

/// Opens the port.
pub async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, ADMIN_PORT)).await
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, state: Arc<State>, token_file: PathBuf) {
    let token_file: Arc<Path> = token_file.into();
    serve::connections(listener, LIMITS, |stream, _| one(stream, state.clone(), token_file.clone())).await;
}

async fn one(mut stream: TcpStream, state: Arc<State>, token_file: Arc<Path>) {
    let Some(answer) = read(&mut stream, &state, &token_file).await else { return };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.kind,
        answer.body.len()
    );
    // An asker that has gone needs no answer.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&answer.body).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream, state: &State, token_file: &Path) -> Option<Answer> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES {
            return Some(text("431 Request Header Fields Too Large", "the request's head is longer than 4,096 bytes"));
        }
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(answer(&head, state, token_file))
}

fn answer(head: &[u8], state: &State, token_file: &Path) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    if !matches!(request.parse(head), Ok(httparse::Status::Complete(_))) {
        return text("400 Bad Request", "not an HTTP request");
    }
    let mut tokens = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("authorization"));
    let offered = tokens.next().and_then(|h| h.value.strip_prefix(b"Bearer ")).filter(|_| tokens.next().is_none());
    // Read each time, so that a new token counts as soon as the kubelet has mounted it.
    match (Secret::read(token_file), offered) {
        (Ok(token), Some(offered)) if token.is(offered) => {}
        (Ok(_), _) => return text("401 Unauthorized", "a bearer token is needed"),
        (Err(error), _) => {
            eprintln!("guard egress: admin token: {error}");
            return text("503 Service Unavailable", "the admin token cannot be read");
        }
    }
    if request.method != Some("GET") {
        return text("405 Method Not Allowed", "GET is the only method");
    }
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/healthz" => healthz(state),
        "/metrics" => Answer {
            status: "200 OK",
            kind: "text/plain; version=0.0.4",
            body: metrics::page(&state.view(), *state.ready().borrow(), &state.decisions()).into_bytes(),
        },
        "/audit" => audit(state, query),
        _ => text("404 Not Found", "there is /healthz, /metrics and /audit?limit=N"),
    }
}

fn healthz(state: &State) -> Answer {
    let view = state.view();
    let running = view.running.as_deref();
    let body = json!({
        "planDigest": running.map(|r| r.digest.as_str()),
        "ready": *state.ready().borrow(),
        "lanes": running.map(|r| r.reach.ports()).unwrap_or_default(),
        "error": view.error,
    });
    Answer { status: "200 OK", kind: "application/json", body: body.to_string().into_bytes() }
}

fn audit(state: &State, query: &str) -> Answer {
    let limit = match query.split('&').filter_map(|pair| pair.strip_prefix("limit=")).next_back().map(str::parse::<usize>) {
        None => AUDIT,
        Some(Ok(limit)) if (1..=decisions::KEPT).contains(&limit) => limit,
        Some(_) => return text("400 Bad Request", "limit is a number between 1 and 10000"),
    };
    let running = state.view().running;
    let none = BTreeMap::new();
    let decisions = state.decisions();
    match serde_json::to_vec(&decisions.newest(limit, running.as_ref().map_or(&none, |r| &r.lanes))) {
        Ok(body) => Answer { status: "200 OK", kind: "application/json", body },
        Err(error) => text("500 Internal Server Error", &error.to_string()),
    }
}

fn text(status: &'static str, sentence: &str) -> Answer {
    Answer { status, kind: "text/plain", body: format!("{sentence}\n").into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Token(PathBuf);

    impl Token {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("guard-admin-{name}-{}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            Token(path)
        }
    }

    impl Drop for Token {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn status(request: &str, token: &Token) -> String {
        answer(request.as_bytes(), &State::default(), &token.0).status.to_owned()
    }

    #[test]
    fn only_the_token_opens() {
        let token = Token::new("opens", "abc\n");
        let with = |header: &str| status(&format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{header}\r\n"), &token);
        assert_eq!(with("Authorization: Bearer abc\r\n"), "200 OK");
        assert_eq!(with("authorization: Bearer abc\r\n"), "200 OK");
        for bad in [
            "",
            "Authorization: Bearer abd\r\n",
            "Authorization: Bearer \r\n",
            "Authorization: Basic abc\r\n",
            "Authorization: abc\r\n",
            "Authorization: Bearer abc\r\nAuthorization: Bearer abc\r\n",
        ] {
            assert_eq!(with(bad), "401 Unauthorized", "{bad:?}");
        }
        let empty = Token::new("empty", "");
        assert_eq!(status("GET /healthz HTTP/1.1\r\nAuthorization: Bearer \r\n\r\n", &empty), "503 Service Unavailable");
    }

    #[test]
    fn paths_methods_and_limits() {
        let token = Token::new("paths", "abc");
        let of = |line: &str| status(&format!("{line} HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n"), &token);
        for good in ["GET /healthz", "GET /metrics", "GET /audit", "GET /audit?limit=5", "GET /audit?limit=10000"] {
            assert_eq!(of(good), "200 OK", "{good}");
        }
        for bad in ["GET /audit?limit=0", "GET /audit?limit=10001", "GET /audit?limit=x"] {
            assert_eq!(of(bad), "400 Bad Request", "{bad}");
        }
        assert_eq!(of("GET /"), "404 Not Found");
        assert_eq!(of("POST /healthz"), "405 Method Not Allowed");
        assert_eq!(status("nonsense\r\n\r\n", &token), "400 Bad Request");
    }

    #[test]
    fn before_a_plan_nothing_is_claimed() {
        let body = healthz(&State::default()).body;
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"error":null,"lanes":[],"planDigest":null,"ready":false}"#);
    }
}
