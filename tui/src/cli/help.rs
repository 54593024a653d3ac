//! What `--help` teaches.

use crate::probes::PROBES;
use std::fmt::Write;

/// Below the options of `syscope -h`.
pub(super) fn short() -> &'static str {
    "Needs root (or the capabilities that `syscope doctor` names). In the live screen, ? shows the \
     keys.\n`syscope --help` tells more: panes, keys, filter, examples, exit statuses."
}

/// Below the options of `syscope --help`.
pub(super) fn long() -> String {
    let mut text = String::from("Panes (keys 1 to 4):\n");
    for (index, probe) in PROBES.iter().filter(|probe| !probe.title.is_empty()).enumerate() {
        writeln!(text, "  {} {:<12} {}", index + 1, probe.title, probe.about)
            .expect("a string takes all");
    }
    text.push_str(TOPICS);
    text
}

const TOPICS: &str = "
Keys:
  Tab, 1-4       focus a pane              Enter, Esc   into the selected row, and back
  arrows, hjkl   move (PgUp PgDn g G)      z            the focused pane alone
  /              filter                    f            filter to the selected process
  s, r           sort column, reverse      Space        pause the view
  c              clear the counters        t            profile: flame graph or functions
  e              export a flame graph      w            profile: CPU, or wall-clock time
                                           ?, q         help, quit
  < > , .        back in time: 10 s, one   [ ]          mark a range: everything shows just that
                 reading; End: now         R, W         record from now on; save the last minutes

Filter (--filter, and / in the live screen):
  word  \"two words\"      name or command line contains it
  pid:123  pid:123,456   these processes
  tree:123               this process and all its descendants
  comm:nginx  comm:ngin* the name is exactly this; the kernel keeps 15 bytes of a name
  cmd:--verbose          the command line contains it
  !comm:cron             not this
  a b   a or b   (a or b) c

Examples:
  sudo syscope                                the whole machine, live
  sudo syscope -c nginx                       what nginx is doing
  sudo syscope -p 1234 --follow-forks         a process and its descendants
  sudo syscope report -d 5                    all four tables as text, after 5 seconds
  sudo syscope report -d 5 --json | jq .opens
  sudo syscope flame -d 10 -o out.svg         a flame graph of the CPUs
  sudo syscope flame --off-cpu -p 1234 -o wait.svg
  syscope flame --diff a.syscope b.syscope -o diff.svg
                                              what takes more in b than in a, and what less
  sudo syscope record -o x.syscope -- make    record a command, from its start to its end
  syscope replay x.syscope                    the recording in the four panes
  sudo syscope trace opens -c nginx           every open, a line each
  syscope demo                                a tour, without privilege
  syscope doctor                              what is missing, and the command that mends it

Environment:
  NO_COLOR   set to anything: no colours
  RUST_LOG   what --log writes, for example syscope=debug

Exit status:
  0   all went well
  1   it could not run or could not finish; standard error says why
  2   the command line is wrong";

pub(super) const REPORT: &str = "\
Examples:
  sudo syscope report -d 5
  sudo syscope report -d 30 -c postgres --top 5
  sudo syscope report -d 5 --json > report.json
  syscope report --from incident.syscope --range 10s..20s

The tables go to standard output, progress to standard error. What was lost or could not run is said
at the end of the text, and under `health` in the JSON document.";

pub(super) const FLAME: &str = "\
Examples:
  sudo syscope flame -d 10 -o out.svg
  sudo syscope flame --off-cpu -p 1234 -o wait.svg
  sudo syscope flame --wall -c nginx -o wall.svg
  sudo syscope flame -c postgres -o - --format folded | less -S
  syscope flame --from incident.syscope --range 10s..20s -o out.svg
  syscope flame --from incident.syscope -o cpu.pb.gz && go tool pprof -http=: cpu.pb.gz
  syscope flame --from incident.syscope -o cpu.speedscope.json
  syscope flame --diff before.syscope after.syscope -o diff.svg
  syscope flame --diff incident.syscope --range-a ..30s --range-b 30s..1m -o diff.svg

Formats:
  .svg              a picture with search and zoom, for a browser
  .folded           text: a stack a line, and its weight (samples; with --off-cpu and --wall ns)
  .pb.gz            pprof's profile.proto: functions, inlined ones, lines, build ids; processes and
                    threads are labels (`go tool pprof -tagroot=comm,pid` shows them as frames).
                    Off the CPU: -sample_index=waits, blocked, runqueue, off_cpu (all of it);
                    with --wall: running, blocked, runqueue, wall (all of it)
  .speedscope.json  for https://www.speedscope.app, which also opens .pb.gz

A wall-clock flame graph (--wall) shows where all time of the threads passed, those that still wait
included. The uppermost boxes say what they did there: [running] (each sample of the CPU stands for
the time between two), [waiting for a CPU] and [blocked: sleeping], [blocked: disk] or [stopped].
Threads of a process are not kept apart.

A differential flame graph (--diff A B) has the boxes and widths of B. The numbers of A are scaled so
that both have the same total: a longer capture is no difference, a larger share is. A box is red
where more is in the function itself than in A, and blue where less; to see what only A has, swap
them. Processes are matched by name. In .folded, a line ends in the numbers of A and of B, as measured.

An existing output is replaced only when the new one is complete.";

pub(super) const DOCTOR: &str = "\
Needs no privilege: run it as the user that is to run syscope. `sudo syscope doctor --watch 5` also watches
for 5 seconds, and says what that cost.
Exit status: 0 when every probe can run, 1 when one cannot.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  syscope completions bash > /etc/bash_completion.d/syscope
  syscope completions zsh > \"${fpath[1]}/_syscope\"
  syscope completions fish > ~/.config/fish/completions/syscope.fish";

pub(super) const RECORD: &str = "\
Examples:
  sudo syscope record -o incident.syscope               until Ctrl-C
  sudo syscope record -o web.syscope -d 60 -c nginx
  sudo syscope record -o build.syscope -- make -j2      from its first instruction to its end
  ssh root@web syscope record -o - -d 60 > web.syscope

  syscope replay incident.syscope                       the four panes, with a timeline
  syscope report --from incident.syscope --range 10s..20s

A recording cut short (kill -9, a full disk) opens up to its last whole second.

A recording holds secrets: the paths of files that were opened, and the command lines of processes,
which may have passwords in them. --no-cmdline leaves command lines out. The file is created for its
owner only (mode 0600); under sudo that is the user who called it.

The command runs with the environment that syscope has, in the same folder, on the same terminal.
Ctrl-C reaches the command, and syscope ends with it; SIGTERM is passed on to it. When --duration ends
before the command does, the recording ends, and syscope waits for the command.

Exit status:
  0         recorded; Ctrl-C is the way to end a recording without --duration
  1, 2      as for every command
  126, 127  the command could not be executed, was not found: there is no recording then
  130       Ctrl-C ended it before --duration
  else      that of the command; 128 and the number of the signal that ended it";

pub(super) const REPLAY: &str = "\
Examples:
  syscope replay incident.syscope
  syscope replay incident.syscope --at 12:03:10
  syscope replay incident.syscope --speed 4 --filter comm:nginx

Needs no privilege but to read the file.";

pub(super) const DEMO: &str = "\
Needs no privilege: everything that is shown was recorded on a real machine before.";

pub(super) const TRACE: &str = "\
WHAT is one of:
  opens            time, PID, TID, name of the thread, result (descriptor or error), duration,
                   flags, path
  exec             time, PID, PID of its parent, name, command line (ends in \u{2026} where it was cut)
  syscalls-failed  time, PID, TID, name of the thread, system call, duration, error

Only the probe that WHAT needs is attached. Filters look at processes as they are at the time of the
event (exec: with the new program).

JSON Lines: every object has `type`, and `time_ns` (since 1970; opens and calls: when they began).
  open    pid tid comm path flags duration_ns, and fd or errno; `unresolved`: true where the path is
          relative and its directory not known, `cut`, `unreadable` likewise
  exec    pid parent comm cmdline
  failed  pid tid comm syscall errno error duration_ns
  lost    lost: events missing here, and why: ring_full map_full skipped_runs overrun
Lines and lost events together are all that happened. Lost events are told on standard error too,
at the end. A `lost` may be more than was missed: where the kernel applies only a part of the filter
it counts what that part lets through; for exec it counts forks and ends too.

Ctrl-C, SIGTERM, -d and a closed pipe are normal ends: the exit status is 0. A second Ctrl-C does
not wait for a reader that is slow.

Examples:
  sudo syscope trace -c nginx
  sudo syscope trace exec -d 60 > execs.txt
  sudo syscope trace opens -p 1234 --follow-forks | grep ENOENT
  sudo syscope trace syscalls-failed --json | jq -r 'select(.errno == \"EACCES\") | .comm'";
