//! Runs tests as Rust's own harness shows them: first those that share the node, some at a time, then those that need it alone.
//! Each gets a namespace, its time is printed, and a failure prints what was there. I/O: standard output.

use crate::Outcome;
use crate::diagnosis;
use crate::space::Space;
use crate::world::World;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use std::future::Future;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

/// How many tests that share the node run at a time unless `--test-threads` says otherwise: their waiting overlaps, the machine has few cores.
const AT_A_TIME: usize = 4;

/// All tests.
pub struct Suite {
    shared: Vec<Trial>,
    alone: Vec<Trial>,
    stage: Arc<Stage>,
}

struct Stage {
    runtime: Runtime,
    world: OnceCell<Result<Arc<World>, String>>,
    times: Mutex<Vec<(String, f64)>>,
}

impl Stage {
    fn run<F, Fut>(&self, name: &str, test: F) -> Result<(), Failed>
    where
        F: FnOnce(Space) -> Fut,
        Fut: Future<Output = Outcome>,
    {
        self.runtime.block_on(async {
            let world =
                self.world.get_or_init(|| async { World::start().await.map(Arc::new).map_err(|error| error.to_string()) }).await;
            let world = world.clone().map_err(|error| Failed::from(format!("no node: {error}")))?;
            let space = Space { name: world.take_space().map_err(|error| Failed::from(error.to_string()))?, world };
            let began = Instant::now();
            let outcome = test(space.clone()).await;
            let seconds = began.elapsed().as_secs_f64();
            let word = outcome.as_ref().map_or_else(|error| format!("FAILED: {error}"), |()| "well".to_owned());
            println!("{name} in {} after {seconds:.1} s: {word}", space.name);
            if let Ok(mut times) = self.times.lock() {
                times.push((name.to_owned(), seconds));
            }
            let outcome = match outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(Failed::from(format!("{error}\n{}", diagnosis::of(&space).await))),
            };
            // What is left makes room for others; nobody waits for it.
            for kind in ["AssistantTier", "EgressPolicy"] {
                for object in space.world.cluster.list(kind, &space.name, "").await.unwrap_or_default() {
                    let _ = space.delete(kind, &crate::cluster::text(&object, "/metadata/name")).await;
                }
            }
            outcome
        })
    }
}

impl Suite {
    /// An empty one.
    pub fn new() -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let stage = Stage { runtime, world: OnceCell::new(), times: Mutex::default() };
        Ok(Self { shared: vec![], alone: vec![], stage: Arc::new(stage) })
    }

    /// A test that leaves others alone.
    pub fn shared<F, Fut>(&mut self, name: &'static str, test: F)
    where
        F: FnOnce(Space) -> Fut + Send + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        let stage = self.stage.clone();
        self.shared.push(Trial::test(name, move || stage.run(name, test)));
    }

    /// A test that changes what others stand on: the policy controller, the witnesses, the operator, the kinds.
    pub fn alone<F, Fut>(&mut self, name: &'static str, test: F)
    where
        F: FnOnce(Space) -> Fut + Send + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        let stage = self.stage.clone();
        self.alone.push(Trial::test(name, move || stage.run(name, test)));
    }

    /// Runs what the command line asks for; then the node goes.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        let began = Instant::now();
        arguments.test_threads.get_or_insert(AT_A_TIME);
        let first = libtest_mimic::run(&arguments, self.shared);
        arguments.test_threads = Some(1);
        let second = libtest_mimic::run(&arguments, self.alone);
        let mut good = [&first, &second].iter().all(|conclusion: &&Conclusion| !conclusion.has_failed());
        if let Some(Ok(world)) = self.stage.world.get()
            && let Err(error) = self.stage.runtime.block_on(world.end())
        {
            eprintln!("the node did not go: {error}");
            good = false;
        }
        if let Ok(mut times) = self.stage.times.lock()
            && !times.is_empty()
        {
            times.sort_by(|a, b| b.1.total_cmp(&a.1));
            times.iter().for_each(|(name, seconds)| println!("{seconds:7.1} s  {name}"));
            println!("{:7.1} s  all", began.elapsed().as_secs_f64());
        }
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
