//! The tools that count the same as a probe of syscope, each as it is used for that.

use super::contender::{Contender, How};
use syscope_tests::binary::syscope;

/// What `bpftrace` does the same with.
const LATENCIES: &str = "tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; } \
    tracepoint:raw_syscalls:sys_exit /@start[tid]/ { \
    @[pid, args->id] = hist(nsecs - @start[tid]); delete(@start[tid]); }";
const COUNTS: &str = "tracepoint:raw_syscalls:sys_enter { @[pid, args->id] = count(); }";
const STACKS: &str = "tracepoint:sched:sched_switch { \
    @at[args->prev_pid] = nsecs; @k[args->prev_pid] = kstack; @u[args->prev_pid] = ustack; \
    $at = @at[args->next_pid]; if ($at) { \
    @waited[args->next_pid, @k[args->next_pid], @u[args->next_pid]] = sum(nsecs - $at); } }";
const OPENS: &str = "tracepoint:syscalls:sys_enter_openat { @path[tid] = args->filename; } \
    tracepoint:syscalls:sys_exit_openat /@path[tid]/ { \
    printf(\"%d %s %d %s\\n\", pid, comm, args->ret, str(@path[tid])); delete(@path[tid]); }";

/// One script of `bpftrace` that does what syscope's four probes do.
pub fn four_jobs() -> String {
    const SAMPLES: &str = "profile:hz:99 { @cpu[pid, kstack, ustack] = count(); }";
    [LATENCIES, OPENS, STACKS, SAMPLES].join(" ")
}

/// `syscope report` with these probes (all, where none is named), for ever.
pub fn syscope_with(name: &str, probes: &str, more: &[&str]) -> Contender {
    let program = syscope().to_str().expect("a path of text");
    let mut command = vec![program, "report", "--quiet", "--budget", "off", "--duration", "1h"];
    if !probes.is_empty() {
        command.extend(["--probes", probes]);
    }
    command.extend(more);
    Contender::beside(name, &command)
}

/// What is attached to system calls.
pub fn calls() -> Vec<Contender> {
    vec![
        Contender::empty("an empty program at entry and exit", &["sys_enter", "sys_exit"]),
        Contender::clock("the same that reads the clock", &["sys_enter", "sys_exit"]),
        syscope_with("syscope, syscalls", "syscalls", &[]),
        syscope_with("syscope, a process outside its filter", "syscalls", &["-p", "1"]),
        syscope_with("syscope, opens", "opens", &[]),
        syscope_with("syscope, off-CPU", "offcpu", &[]),
        syscope_with("syscope, CPU profile", "profile", &[]),
        syscope_with("syscope, everything", "", &[]),
        Contender::beside("`syscount -L`", &["syscount", "-L"]),
        Contender::beside("`bpftrace`, counts", &["bpftrace", "-e", COUNTS]),
        Contender::beside("`bpftrace`, latencies", &["bpftrace", "-e", LATENCIES]),
        Contender::beside("`perf trace -s`", &["perf", "trace", "-s", "-a"]),
        perf_record(),
        Contender::around("`strace -c -f`", &["strace", "-c", "-f", "-o", "/dev/null"]),
    ]
}

/// What is attached to context switches.
pub fn switches() -> Vec<Contender> {
    const HOOKS: &[&str] = &["sched_switch", "sched_wakeup", "sched_wakeup_new"];
    vec![
        Contender::empty("an empty program at switch and wakeup", HOOKS),
        syscope_with("syscope, off-CPU", "offcpu", &[]),
        syscope_with("syscope, everything", "", &[]),
        Contender::beside("`offcputime`", &["offcputime"]),
        Contender::beside("`bpftrace`, stacks", &["bpftrace", "-e", STACKS]),
        perf_record(),
    ]
}

/// What is attached to opens.
pub fn opens() -> Vec<Contender> {
    vec![
        Contender::empty("an empty program at entry and exit", &["sys_enter", "sys_exit"]),
        syscope_with("syscope, opens", "opens", &[]),
        syscope_with("syscope, everything", "", &[]),
        Contender::beside("`opensnoop`", &["opensnoop"]),
        Contender::beside("`bpftrace`, opens", &["bpftrace", "-e", OPENS]),
        Contender::beside("`perf trace -e openat`", &["perf", "trace", "-a", "-e", "openat"]),
        Contender::around("`strace -c -f`", &["strace", "-c", "-f", "-o", "/dev/null"]),
    ]
}

/// What is attached to real work.
pub fn work() -> Vec<Contender> {
    const HOOKS: &[&str] =
        &["sys_enter", "sys_exit", "sched_switch", "sched_wakeup", "sched_wakeup_new"];
    vec![
        Contender::empty("an empty program on all hooks", HOOKS),
        syscope_with("syscope, everything", "", &[]),
        syscope_with("syscope, syscalls", "syscalls", &[]),
        syscope_with("syscope, opens", "opens", &[]),
        syscope_with("syscope, off-CPU", "offcpu", &[]),
        syscope_with("syscope, CPU profile", "profile", &[]),
        Contender::beside("`syscount -L`", &["syscount", "-L"]),
        Contender::beside("`opensnoop`", &["opensnoop"]),
        Contender::beside("`offcputime`", &["offcputime"]),
        Contender::beside("`bpftrace`, counts", &["bpftrace", "-e", COUNTS]),
        Contender::beside("`bpftrace`, latencies", &["bpftrace", "-e", LATENCIES]),
        Contender::beside("`bpftrace`, opens", &["bpftrace", "-e", OPENS]),
        Contender::beside("`bpftrace`, stacks", &["bpftrace", "-e", STACKS]),
        perf_record(),
        Contender::around("`strace -c -f`", &["strace", "-c", "-f", "-o", "/dev/null"]),
    ]
}

/// What is attached to a compile, pair by pair: all that syscope does, and tools that do one of its jobs each.
pub fn pairs() -> Vec<Contender> {
    vec![
        // What the pairs can tell: this is 0.
        Contender { name: "nothing, too".to_owned(), how: How::Nothing },
        syscope_with("syscope, everything", "", &[]),
        Contender::beside("`syscount -L`", &["syscount", "-L"]),
        Contender::beside("`opensnoop`", &["opensnoop"]),
        Contender::beside("`offcputime`", &["offcputime"]),
        perf_record(),
    ]
}

fn perf_record() -> Contender {
    let command = ["perf", "record", "-F", "99", "-e", "cpu-clock", "-g", "-a", "-o", "/dev/null"];
    Contender::beside("`perf record -F 99 -g -a`", &command)
}
