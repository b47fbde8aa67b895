//! `stepwell-simulator`: runs seeds and prints, for each that fails, the command that runs it again.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use stepwell_simulator::command_line::{Arguments, replay};
use stepwell_simulator::{Outcome, run_checked, shrink};

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = writeln!(out, "{error}");
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let is_over = || arguments.hours.is_some_and(|hours| begun.elapsed().as_secs_f64() >= hours * 3600.0);
    let (mut seeds, mut failed, mut crashes, mut executions, mut events, mut rounds) = (0_u64, 0, 0, 0, 0, 0);
    for seed in (arguments.seeds.0..arguments.seeds.1).take_while(|_| !is_over()) {
        seeds += 1;
        let mut options = arguments.options(seed);
        let mut outcome = run_checked(seed, &options, arguments.plant, arguments.verbose);
        if outcome.violation.is_some() && arguments.shrink {
            options = shrink::shrink(seed, &options, arguments.plant);
            outcome = run_checked(seed, &options, arguments.plant, arguments.verbose);
        }
        print(&mut out, &outcome);
        if outcome.violation.is_some() {
            failed += 1;
            let _ = writeln!(out, "seed {seed}:{options}\n{}\n", replay(seed, &options, arguments.plant));
        }
        crashes += outcome.crashes;
        executions += outcome.executions;
        events += outcome.events;
        rounds += outcome.rounds;
    }
    let _ = writeln!(
        out,
        "{seeds} seeds, {failed} failed; {executions} executions, {events} events, {crashes} crashes, {rounds} rounds"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(out: &mut impl Write, outcome: &Outcome) {
    for line in &outcome.lines {
        let _ = writeln!(out, "{line}");
    }
    if let Some(violation) = &outcome.violation {
        let _ = writeln!(out, "{} does not hold: {}", violation.property, violation.what);
    }
}
