//! How a trace ends, and how soon a line comes.

use super::*;

#[test]
fn nothing_is_left_after_an_interrupt_or_a_kill() {
    let _machine = require_bpf!();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let watch = Watch::start(&["trace", "opens"]);
        let held = Objects::held_by(watch.pid());
        assert_eq!(held.still_there(), held, "all of it is seen from outside");
        watch.signal(signal);
        let ended = watch.end();
        assert_eq!(ended.status.success(), signal != Signal::SIGKILL, "{ended:?}");
        let gone = || Some(()).filter(|()| held.still_there().is_empty());
        let gone = wait::poll(Duration::from_secs(2), gone);
        assert!(gone.is_some(), "{signal}: left in the kernel: {:?}", held.still_there());
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly_even_when_nothing_happens() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["openrow", "/nonexistent/", "5", "0"]);
    let mut child = spawn(&["trace", "-p", &workload.pid.to_string()]);
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    errors.read_line(&mut String::new()).expect("it says that it watches");
    workload.go();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    for _ in 0..3 {
        out.read_line(&mut String::new()).expect("lines come");
    }
    drop(out);
    assert_ends_quietly(child, errors);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly_in_the_middle_of_a_stream() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["openrow", "/nonexistent/", "50000", "20000"]);
    let mut child = spawn(&["trace", "-p", &workload.pid.to_string(), "--json"]);
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    errors.read_line(&mut String::new()).expect("it says that it watches");
    workload.go();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("lines come");
    drop(out);
    assert_ends_quietly(child, errors);
}

fn assert_ends_quietly(mut child: Child, mut errors: impl Read) {
    let ended = wait::poll(Duration::from_secs(2), || child.try_wait().expect("a child"));
    let Some(status) = ended else {
        let _ = child.kill();
        panic!("it goes on without a reader");
    };
    let mut said = String::new();
    errors.read_to_string(&mut said).expect("a pipe");
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[test]
fn it_ends_when_its_time_is_over() {
    let _machine = require_bpf!();
    let start = Instant::now();
    let watch = Watch::start(&["trace", "-d", "300ms", "--json"]);
    let begun = Instant::now();
    let ended = watch.end();
    assert!(ended.status.success(), "{ended:?}");
    // How long it takes to begin depends on what else the machine does.
    let (took, after) = (start.elapsed(), begun.elapsed());
    assert!(took.as_millis() >= 300 && after.as_millis() < 5_000, "{took:?} {after:?}");
    Lines::parse(&ended.stdout);
}

#[test]
fn it_ends_with_the_last_of_the_processes_that_were_asked_for() {
    let _machine = require_bpf!();
    let mut short = Workload::start(&["openrow", "/nonexistent/", "7", "0"]);
    let mut long = Workload::start(&["openrow", "/nonexistent/", "5", "0"]);
    let pids = [&short, &long].map(|workload| workload.pid.to_string());
    let watch = Watch::start(&["trace", "-p", &pids[0], "-p", &pids[1], "--json", "-d", "20"]);
    short.go();
    short.done();
    drop(short);
    thread::sleep(Duration::from_millis(300));
    long.go();
    long.done();
    drop(long);
    let ended = watch.end();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(Lines::parse(&ended.stdout).events.len(), 12);
    assert!(ended.stderr.contains("what was asked for (-p) has ended"), "{}", ended.stderr);
}

#[test]
fn a_line_comes_at_once() {
    let _machine = require_bpf!();
    let mut child = spawn(&["trace", "-p", &std::process::id().to_string()]);
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    errors.read_line(&mut String::new()).expect("it says that it watches");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("the head line");
    let mut delays = Vec::new();
    for round in 0..7 {
        let path = format!("/nonexistent/syscope/at-once-{round}");
        let start = Instant::now();
        File::open(&path).expect_err("it does not exist");
        while !line.contains(&path) {
            line.clear();
            out.read_line(&mut line).expect("lines come");
        }
        delays.push(start.elapsed());
    }
    delays.sort();
    // Others load this machine too: the median is what the program is to blame for.
    assert!(delays[3] < Duration::from_millis(200), "{delays:?}");
    let _ = child.kill();
    let _ = child.wait();
}
