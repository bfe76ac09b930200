//! Accepting connections under caps and a deadline. Listens.

use super::caps::{Caps, Limits};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::net::{TcpListener, TcpStream};

/// How long one connection may take, from accept to close.
pub const CONNECTION: Duration = Duration::from_secs(2);
/// Pause after a failed accept (no descriptors): others may end meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves every connection in a task of its own until the future is dropped. Who is over the caps is cut off at once.
pub async fn connections<F>(listener: TcpListener, limits: Limits, serve: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let caps = Arc::new(Mutex::new(Caps::new(limits)));
    let began = Instant::now();
    loop {
        let (stream, source) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("accept: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(held) = Held::take(&caps, source, began.elapsed()) else {
            // Reset instead of close: nothing of it stays behind here.
            let _ = stream.set_zero_linger();
            continue;
        };
        let work = serve(stream, source);
        tokio::spawn(async move {
            let _held = held;
            // A connection that is too slow is dropped; there is nobody to tell.
            let _ = tokio::time::timeout(CONNECTION, work).await;
        });
    }
}

/// A place under the caps, given back when dropped (also when the task panics).
struct Held(Arc<Mutex<Caps>>, SocketAddr);

impl Held {
    fn take(caps: &Arc<Mutex<Caps>>, source: SocketAddr, now: Duration) -> Option<Self> {
        let admitted = caps.lock().expect("no code panics while it holds the caps").admit(source.ip(), now);
        admitted.then(|| Self(caps.clone(), source))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(mut caps) = self.0.lock() {
            caps.release(self.1.ip());
        }
    }
}
