//! Programs whose behaviour is known exactly, one a kind: what syscope shows of them is compared
//! with what they say they did.
//!
//! Every kind prints `ready PID`, waits for a line on standard input, does its work, prints
//! `done` and the truth as JSON, and stays alive until standard input closes (except those whose
//! end is the point).

mod blocked;
mod churn;
mod compat;
mod crowd;
mod exits;
mod failing;
mod forker;
mod getppid;
mod kernelheavy;
mod madeup;
mod mixed;
mod neighbours;
mod openrow;
mod opens;
mod pingpong;
mod protocol;
mod raw;
mod reexec;
mod sleeper;
mod spin;
mod starved;

use std::env;
use std::str::FromStr;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let kind = args.first().map_or("", String::as_str);
    match kind {
        "getppid" => getppid::run(number(&args, 1), number(&args, 2)),
        "burst" => getppid::burst(number(&args, 1)),
        "failing" => failing::run(),
        "nanosleep" => sleeper::both_calls(number(&args, 1), number(&args, 2)),
        "sleepers" => sleeper::among_ends(number(&args, 1), number(&args, 2)),
        "sleeper" => sleeper::run(number(&args, 1), number(&args, 2)),
        "opens" => opens::run(args[1].as_ref(), number(&args, 2)),
        "openrow" => {
            let threads = if args.len() > 4 { number(&args, 4) } else { 1 };
            openrow::run(&args[1], number(&args, 2), number(&args, 3), threads);
        }
        "starved" => starved::run(number(&args, 1)),
        "rival" => starved::rival(),
        "pingpong" => pingpong::run(number(&args, 1), number(&args, 2)),
        "blocked" => blocked::run(),
        "spinsecs" => spin::run(number(&args, 1)),
        "kernelheavy" => kernelheavy::run(number(&args, 1)),
        "mixed" => mixed::run(args[1].as_ref()),
        "neighbours" => neighbours::run(number(&args, 1)),
        "forker" => forker::run(number(&args, 1), number(&args, 2)),
        "churn" => churn::run(
            args[1].as_ref(),
            number(&args, 2),
            number(&args, 3),
            number(&args, 4),
            args[5].as_ref(),
        ),
        "touch" => churn::touch(number(&args, 1), args[2].as_str().into()),
        "exits" => exits::run(number(&args, 1)),
        "idle" => crowd::idle(number(&args, 1)),
        "storm" => crowd::storm(number(&args, 1), &args[2]),
        "madeup" => {
            let [first, count, rounds, threads] = [1, 2, 3, 4].map(|at| number(&args, at));
            madeup::run(first, count, rounds, threads);
        }
        "reexec" => reexec::run(number(&args, 1)),
        "reexec-again" => reexec::again(number(&args, 1), number(&args, 2)),
        "compat" => compat::run(number(&args, 1), number(&args, 2)),
        "compat-probe" => compat::probe(),
        _ => panic!("no workload of the kind {kind:?}"),
    }
}

fn number<T: FromStr>(args: &[String], index: usize) -> T {
    let text = args.get(index).unwrap_or_else(|| panic!("argument {index} is missing"));
    text.parse().unwrap_or_else(|_| panic!("argument {index} is no number: {text}"))
}
