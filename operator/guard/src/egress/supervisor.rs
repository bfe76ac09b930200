//! When Squid is started, told to read again, or ended. One path for every cause (a new plan, new passwords, a grant that ended, a
//! Squid that died): read, render, let Squid check, compare with what runs, act. Reads and writes files, starts and ends processes.

use super::{
    certificate,
    children::{Children, Ended},
    files, process,
    state::{RunningPlan, State},
};
use crate::clock::Clock;
use assistant_egress::{Change, Paths, Plan, Reach, conf};
use assistant_proof::EgressSettings;
use jiff::Timestamp;
use rustix::process::Signal;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// The wall clock is looked at this often while a grant has an end: a timer does not see a clock that is set, or a machine that slept.
const CLOCK_CHECK: Duration = Duration::from_secs(30);
/// First pause before Squid is started again; it doubles with every failure.
const BACKOFF: Duration = Duration::from_millis(200);
/// Longest pause.
const BACKOFF_MOST: Duration = Duration::from_secs(10);
/// A Squid that ran this long has no past.
const SOUND: Duration = Duration::from_secs(30);
/// How long Squid may take to open its ports: a large configuration is read twice as long as it is checked.
const LISTEN: Duration = Duration::from_secs(120);
/// How long Squid may take to end when it is asked to.
const END: Duration = Duration::from_millis(4500);

/// The one who decides.
pub struct Supervisor {
    plan_file: PathBuf,
    paths: Paths,
    candidate: PathBuf,
    configuration: PathBuf,
    clock: Clock,
    state: Arc<State>,
    children: Children,
    running: Option<Running>,
    live: Option<Live>,
    /// Failures in a row.
    failures: u32,
    retry_at: Option<Instant>,
}

/// The plan that was accepted last.
struct Running {
    plan: Plan,
    digest: String,
    reach: Reach,
    text: String,
    passwords: Option<String>,
}

/// The process that runs it.
struct Live {
    squid: process::Squid,
    since: Instant,
}

/// Something that could be run.
struct Wanted {
    plan: Plan,
    digest: String,
}

impl Supervisor {
    /// Nothing runs yet.
    pub fn new(settings: &EgressSettings, clock: Clock, state: Arc<State>, children: Children) -> Self {
        let run_dir = Path::new(&settings.run_dir);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Self {
            plan_file: Path::new(&settings.plan_dir).join("plan.json"),
            paths: Paths {
                dummy_certificate: text(run_dir.join(certificate::FILE)),
                htpasswd: text(Path::new(&settings.auth_dir).join("htpasswd")),
                auth_helper: process::AUTH_HELPER.to_owned(),
            },
            candidate: run_dir.join("squid.conf.next"),
            configuration: run_dir.join("squid.conf"),
            clock,
            state,
            children,
            running: None,
            live: None,
            failures: 0,
            retry_at: None,
        }
    }

    /// Runs until dropped.
    pub async fn run(&mut self, mut changes: mpsc::Receiver<()>) {
        loop {
            self.refresh().await;
            let (clock_check, retry) = (self.clock_check(), self.retry_at.map(|at| at.saturating_duration_since(Instant::now())));
            tokio::select! {
                Some(()) = changes.recv() => {}
                ended = ended(&mut self.live) => self.died(ended),
                () = pause(clock_check) => {}
                () = pause(retry) => self.retry_at = None,
            }
        }
    }

    /// Ends Squid: politely, then not.
    pub async fn end(&mut self) {
        self.state.set_ready(false);
        if let Some(Live { mut squid, .. }) = self.live.take() {
            squid.process.signal(Signal::TERM);
            if tokio::time::timeout(END, squid.process.ended()).await.is_err() {
                squid.process.signal(Signal::KILL);
                squid.process.ended().await;
            }
        }
    }

    /// Brings what runs in line with the files and the clock.
    async fn refresh(&mut self) {
        // While Squid is being held back after a failure, a new plan must wait as well, or it would undo the backoff.
        if self.live.is_none() && self.retry_at.is_some() {
            return;
        }
        let mut complaint = match self.read() {
            Err(error) => Some(error),
            Ok(wanted) => self.apply(wanted).await.err(),
        };
        if complaint.is_some() {
            // The plan that runs goes on, but its grants end nevertheless.
            if let Some(wanted) = self.outdated()
                && let Err(error) = self.apply(wanted).await
            {
                // What has ended must not go on because something here is broken.
                self.kill().await;
                self.failed();
                complaint = Some(error);
            }
        }
        self.state.update(|view| {
            if view.error != complaint
                && let Some(error) = &complaint
            {
                eprintln!("guard egress: {error}");
            }
            view.error = complaint;
        });
    }

    /// The plan that was accepted last, where Squid does not do what it says now.
    fn outdated(&self) -> Option<Wanted> {
        let running = self.running.as_ref()?;
        let right = self.live.is_some() && conf(&running.plan, self.clock.now(), &self.paths) == running.text;
        (!right).then(|| Wanted { plan: running.plan.clone(), digest: running.digest.clone() })
    }

    fn read(&self) -> Result<Wanted, String> {
        let bytes = files::read(&self.plan_file)?;
        let plan = Plan::from_json(&bytes).map_err(|error| error.to_string())?;
        Ok(Wanted { plan, digest: Plan::digest_of(&bytes) })
    }

    /// Makes Squid run this plan as it is now. `Err`: it does not, and what ran goes on, unless Squid itself has gone.
    async fn apply(&mut self, wanted: Wanted) -> Result<(), String> {
        let now = self.clock.now();
        let reach = wanted.plan.reach(now);
        let text = conf(&wanted.plan, now, &self.paths);
        let passwords = self.passwords(&reach)?;

        let same = self.running.as_ref().is_some_and(|old| old.text == text && old.passwords == passwords);
        if !(same && self.live.is_some()) {
            if !same {
                std::fs::write(&self.candidate, &text)
                    .map_err(|e| format!("{} cannot be written: {e}", self.candidate.display()))?;
                process::check(&self.children, &self.candidate).await?;
                std::fs::rename(&self.candidate, &self.configuration)
                    .map_err(|e| format!("{} cannot be written: {e}", self.configuration.display()))?;
            }
            let change = self.running.as_ref().map(|old| old.reach.change_to(&reach));
            let ports = reach.ports();
            self.state.set_ready(false);
            self.accept(wanted, reach, text, passwords, now);
            match (&mut self.live, change) {
                (Some(live), Some(Change::Same | Change::Wider)) => {
                    self.state.update(|view| view.reloads += 1);
                    // The port that reaches nothing is opened as well.
                    live.squid.reload(ports.len() + 1).await;
                }
                _ => {
                    // Only its end cuts the tunnels of a Squid.
                    self.kill().await;
                    self.start()?;
                }
            }
            self.await_ports(&ports).await
        } else {
            self.accept(wanted, reach, text, passwords, now);
            Ok(())
        }
    }

    fn accept(&mut self, wanted: Wanted, reach: Reach, text: String, passwords: Option<String>, now: Timestamp) {
        let shown = Arc::new(RunningPlan::new(&wanted.plan, wanted.digest.clone(), now));
        let before = self.state.view().running;
        self.state.decisions().retain(|lane| {
            let owner = shown.lanes.get(&lane);
            owner.is_some() && before.as_ref().is_none_or(|before| before.lanes.get(&lane) == owner)
        });
        self.state.update(|view| view.running = Some(shown));
        self.running = Some(Running { plan: wanted.plan, digest: wanted.digest, reach, text, passwords });
    }

    /// A digest of the password file; `None` where no lane has a password.
    fn passwords(&self, reach: &Reach) -> Result<Option<String>, String> {
        if !reach.has_users() {
            return Ok(None);
        }
        files::read(Path::new(&self.paths.htpasswd)).map(|bytes| Some(Plan::digest_of(&bytes)))
    }

    fn start(&mut self) -> Result<(), String> {
        match process::start(&self.children, &self.configuration, &self.state) {
            Ok(squid) => {
                self.live = Some(Live { squid, since: Instant::now() });
                self.state.update(|view| view.starts += 1);
                Ok(())
            }
            Err(error) => {
                self.failed();
                Err(format!("Squid cannot be started: {error}"))
            }
        }
    }

    /// Waits until the ports listen, unless Squid ends before.
    async fn await_ports(&mut self, ports: &[u16]) -> Result<(), String> {
        let outcome = tokio::select! {
            ended = ended(&mut self.live) => Err(Some(ended)),
            listening = process::listening(ports, LISTEN) => listening.map_err(|error| {
                eprintln!("guard egress: {error}");
                None
            }),
        };
        match outcome {
            Ok(()) => {
                self.state.set_ready(true);
                Ok(())
            }
            // The retry is set up; nothing else can be done with this plan now.
            Err(Some(ended)) => {
                self.died(ended);
                Ok(())
            }
            Err(None) => {
                self.kill().await;
                self.failed();
                Ok(())
            }
        }
    }

    fn died(&mut self, ended: Ended) {
        eprintln!("guard egress: Squid {ended}");
        if self.live.take().is_some_and(|live| live.since.elapsed() >= SOUND) {
            self.failures = 0;
        }
        self.failed();
    }

    fn failed(&mut self) {
        self.state.set_ready(false);
        let pause = BACKOFF.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_MOST);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(Instant::now() + pause);
    }

    async fn kill(&mut self) {
        if let Some(Live { mut squid, .. }) = self.live.take() {
            squid.process.signal(Signal::KILL);
            squid.process.ended().await;
        }
    }

    /// How long until the clock must be looked at; `None` where no grant is left that could end or begin.
    fn clock_check(&self) -> Option<Duration> {
        let running = self.running.as_ref()?;
        let now = self.clock.now();
        // Before the plan's issue every grant counts as ended, until the clock is set right.
        let early = now < running.plan.issued_at && running.plan.has_deadlines();
        let next = running.plan.next_deadline(now);
        let until = next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default() + Duration::from_millis(1));
        (early || next.is_some()).then(|| until.unwrap_or(CLOCK_CHECK).min(CLOCK_CHECK))
    }
}

/// The end of Squid; never where none runs.
async fn ended(live: &mut Option<Live>) -> Ended {
    match live {
        Some(live) => live.squid.process.ended().await,
        None => std::future::pending().await,
    }
}

async fn pause(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
