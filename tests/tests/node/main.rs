//! The promises of the project, asked on a real node: what an assistant's pod can reach is asserted at the origin, at the resolver and
//! at the witness. `cargo test -p assistant-tests [NAME]`; needs root. Environment: `TEST_NODE` (use this node and leave it up),
//! `TEST_AGENT_IMAGE` (`agent`: the real ZeroClaw), `TEST_IMAGES=as-built` (build none), `SOAK=1` (large counts).

mod bad_input;
mod bad_tables;
mod deletes;
mod gate;
mod hostile;
mod policy;
mod ready;
mod wire;

use assistant_tests::suite::Suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = match Suite::new() {
        Ok(suite) => suite,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    ready::tests(&mut suite);
    wire::tests(&mut suite);
    gate::tests(&mut suite);
    policy::tests(&mut suite);
    bad_input::tests(&mut suite);
    deletes::tests(&mut suite);
    suite.run()
}
