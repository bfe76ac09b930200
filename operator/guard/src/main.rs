//! `guard [--clock-offset-seconds N] gate|witness|egress`: one static binary, one process per job, settings from the environment.
//! Parses the command line and hands over; everything else is in the module of the subcommand.

mod clock;
mod egress;
mod gate;
mod net;
mod witness;

use clock::Clock;
use std::process::ExitCode;

/// What ends a process whose command line or settings make no sense (`EX_USAGE` of sysexits).
pub const UNUSABLE: u8 = 64;

const USAGE: &str = "usage: guard [--clock-offset-seconds N] gate|witness|egress";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    match parse(&arguments) {
        Ok((clock, Job::Gate)) => gate::run(clock),
        Ok((clock, Job::Witness)) => witness::run(clock),
        Ok((clock, Job::Egress)) => egress::run(clock),
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// The subcommands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Gate,
    Witness,
    Egress,
}

/// Reads the command line (without the program's own name).
fn parse(arguments: &[String]) -> Result<(Clock, Job), String> {
    let mut clock = Clock::default();
    let mut rest = arguments.iter();
    let job = loop {
        match rest.next().map(String::as_str) {
            Some("--clock-offset-seconds") => {
                let value = rest.next().ok_or("--clock-offset-seconds needs a number of seconds, e.g. -30")?;
                clock = offset(value)?;
            }
            Some(option) if option.starts_with("--clock-offset-seconds=") => {
                clock = offset(&option["--clock-offset-seconds=".len()..])?;
            }
            Some("gate") => break Job::Gate,
            Some("witness") => break Job::Witness,
            Some("egress") => break Job::Egress,
            Some(other) => return Err(format!("{other:?} is neither an option nor a subcommand")),
            None => return Err("a subcommand is missing".into()),
        }
    };
    match rest.next() {
        Some(extra) => Err(format!("{extra:?} after the subcommand: settings come from the environment, not from arguments")),
        None => Ok((clock, job)),
    }
}

fn offset(value: &str) -> Result<Clock, String> {
    value.parse().ok().and_then(Clock::shifted).ok_or_else(|| {
        format!("--clock-offset-seconds is {value:?}; a whole number of seconds between -10^9 and 10^9 is allowed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_subcommand_stands_alone() {
        for (line, job) in [("gate", Job::Gate), ("witness", Job::Witness), ("egress", Job::Egress)] {
            assert_eq!(parse(&words(line)), Ok((Clock::default(), job)));
        }
    }

    #[test]
    fn the_clock_can_be_shifted_both_ways() {
        assert_eq!(parse(&words("--clock-offset-seconds -30 gate")), Ok((Clock::shifted(-30).unwrap(), Job::Gate)));
        assert_eq!(parse(&words("--clock-offset-seconds=7 witness")), Ok((Clock::shifted(7).unwrap(), Job::Witness)));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (line, named) in [
            ("", "missing"),
            ("floor", "floor"),
            ("gate --now", "--now"),
            ("--clock-offset-seconds", "needs"),
            ("--clock-offset-seconds soon gate", "soon"),
            ("--clock-offset-seconds 9223372036854775807 gate", "9223372036854775807"),
        ] {
            let error = parse(&words(line)).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
