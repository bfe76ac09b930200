//! Runs a program with a deadline and keeps what it said. I/O: processes.

use crate::Outcome;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What came of a program that ended in time.
#[derive(Clone, Debug)]
pub struct Done {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

impl Done {
    /// Its standard output, or a failure with its standard error unless it ended with 0.
    pub fn good(self, what: &str) -> Outcome<String> {
        if self.code == Some(0) {
            return Ok(self.stdout);
        }
        Err(format!("{what} ended with {:?}: {}{}", self.code, self.stderr.trim(), self.stdout.trim()).into())
    }
}

/// Runs it without standard input; kills it at the deadline, which is a failure.
pub async fn run(mut command: Command, limit: Duration) -> Outcome<Done> {
    tokio::task::spawn_blocking(move || run_blocking(&mut command, limit)).await?
}

fn run_blocking(command: &mut Command, limit: Duration) -> Outcome<Done> {
    let named = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{named}: {error}"))?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Err(format!("{named} did not end within {limit:?}").into());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let text =
        |reader: std::thread::JoinHandle<String>| reader.join().map_err(|_| format!("{named}: its output could not be read"));
    Ok(Done { code: status.code(), stdout: text(stdout)?, stderr: text(stderr)? })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
