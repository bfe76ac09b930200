//! Plan and passwords as the kubelet mounts them, and when they change. Reads files, watches directories.

use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use std::{io, os::fd::OwnedFd, path::Path, time::Duration};
use tokio::sync::mpsc;

/// Largest plan that is read; a ConfigMap holds at most 1 MiB.
const PLAN_BYTES: u64 = 2 << 20;
/// After the first sign of a change more follow: the kubelet swaps a link and removes the old files.
const SETTLE: Duration = Duration::from_millis(50);
/// How often the files are looked at where the kernel gives no watch.
const UNWATCHED: Duration = Duration::from_secs(10);

/// Reads a file whole.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > PLAN_BYTES {
        return Err(format!("{} has {size} bytes; {PLAN_BYTES} is the most", path.display()));
    }
    std::fs::read(path).map_err(failed)
}

/// A message whenever something in the directories may have changed. The directories themselves are watched, because the kubelet
/// replaces a link in them; the file behind a path is another one afterwards.
pub fn watch(directories: &[&str]) -> mpsc::Receiver<()> {
    // One place: a change that nobody has looked at yet stands for all that follow.
    let (sender, receiver) = mpsc::channel(1);
    if let Err(error) = watched(directories).and_then(|watch| follow(watch, sender.clone())) {
        // Nodes bound the watches of one uid. A plan must arrive nevertheless.
        eprintln!("guard egress: no watch on {}: {error}; looking every {} s", directories.join(", "), UNWATCHED.as_secs());
        tokio::spawn(every(UNWATCHED, sender));
    }
    receiver
}

fn watched(directories: &[&str]) -> io::Result<OwnedFd> {
    let fd = inotify::init(CreateFlags::CLOEXEC)?;
    let signs = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::ONLYDIR;
    for directory in directories {
        inotify::add_watch(&fd, *directory, signs)?;
    }
    Ok(fd)
}

/// Waits for events in a small thread of its own: they are rare, and the runtime takes no foreign descriptor without unsafe code.
fn follow(watch: OwnedFd, sender: mpsc::Sender<()>) -> io::Result<()> {
    let wait = move || {
        let mut buffer = [0u8; 4096];
        loop {
            match rustix::io::read(&watch, &mut buffer) {
                Err(Errno::INTR) => continue,
                Err(error) => {
                    eprintln!("guard egress: the watch ended: {error}; looking every {} s", UNWATCHED.as_secs());
                    std::thread::sleep(UNWATCHED);
                }
                Ok(_) => std::thread::sleep(SETTLE),
            }
            if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("watch".into()).stack_size(64 << 10).spawn(wait).map(|_| ())
}

async fn every(pause: Duration, sender: mpsc::Sender<()>) {
    loop {
        tokio::time::sleep(pause).await;
        if sender.send(()).await.is_err() {
            return;
        }
    }
}
