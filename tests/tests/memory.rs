//! What watching takes of memory, below ceilings that are written down here: about one and a half times what it was
//! when they were last set. What depends on the machine is kept out of it: one quiet process is watched, for
//! what is known of others grows with what they do, and files that are mapped are not counted, for how large
//! programs are depends on how they were built.

use std::path::Path;
use std::thread::{self, available_parallelism};
use std::time::Duration;
use syscope_tests::process::memory_without_files;
use syscope_tests::terminal::Terminal;
use syscope_tests::workload::Workload;
use syscope_tests::{bpf, clock, require_bpf};

/// MB of all maps of the live screen on two CPUs: 64 with the unwind tables of a server. Those with a part for
/// each CPU take so much more for each further one.
const MAPS: u64 = 56;
const MAPS_OF_A_CPU: u64 = 8;
/// MB in memory of both processes of the live screen, mapped parts of maps among it.
const RESIDENT: u64 = 16;
/// How long it runs before it is looked at: what the start has used is given back by then.
const SETTLE: Duration = Duration::from_secs(4);

#[test]
fn an_idle_screen_takes_no_more_memory_than_it_did() {
    let _machine = require_bpf!();
    let quiet = Workload::start(&["getppid", "1", "1"]);
    let terminal = Terminal::start(&["-p", &quiet.pid.to_string()], Path::new("/"), 200, 60);
    terminal.wait_for_text("Syscalls");
    thread::sleep(SETTLE);
    let pid = terminal.pid();
    let (_, maps) = bpf::held_by(pid);
    let family = clock::family(pid);
    assert!(family.len() > 1, "it and its reader of symbols: {family:?}");
    let resident: u64 = family.iter().map(|pid| memory_without_files(*pid)).sum();
    println!("maps: {:.1} MB, resident: {:.1} MB", maps as f64 / 1e6, resident as f64 / 1e6);
    let cpus = available_parallelism().map_or(1, |count| count.get() as u64);
    let ceiling = MAPS + MAPS_OF_A_CPU * cpus.saturating_sub(2);
    assert!(maps <= ceiling * 1_000_000, "maps of {maps} bytes, over {ceiling} MB");
    assert!(resident <= RESIDENT * 1_000_000, "{resident} bytes resident, over {RESIDENT} MB");
}
