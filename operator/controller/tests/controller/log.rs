//! What the operator logs while tests run: kept, shown when a test fails, and searched for what must not be said.

use std::io;
use std::sync::{Mutex, Once, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

struct Keep;

impl io::Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keep {
    type Writer = Keep;
    fn make_writer(&'a self) -> Keep {
        Keep
    }
}

/// Starts keeping, once a process.
pub fn keep() {
    ONCE.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("warn,assistant_operator=debug");
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(Keep).init();
    });
}

/// The last lines of all tests of this process.
pub fn tail(lines: usize) -> String {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&kept);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The lines that hold this text.
pub fn lines_with(text: &str) -> Vec<String> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&kept).lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}
