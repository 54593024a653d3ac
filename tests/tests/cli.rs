//! The command line: what works without privilege, what is refused and how.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use syscope::probes::PROBES;
use syscope_tests::binary::syscope;
use syscope_tests::machine::{is_root, skip};
use syscope_tests::workload::Workload;
use syscope_tests::{binary, require_bpf};
use tempfile::TempDir;

/// A user without any privilege.
const NOBODY: u32 = 65534;

/// The program where everybody can run it, run as a user without privilege.
struct Unprivileged {
    _dir: TempDir,
    program: PathBuf,
}

impl Unprivileged {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("room for a program");
        let program = dir.path().join("syscope");
        binary::copy(syscope(), &program);
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), everybody.clone()).expect("it is ours");
        fs::set_permissions(&program, everybody).expect("it is ours");
        Self { _dir: dir, program }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir("/").stdin(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().expect("it starts")
    }
}

#[test]
fn help_version_and_completions_work_without_privilege() {
    let nobody = Unprivileged::new();
    for (args, expected) in [
        (&["--help"][..], "report"),
        (&["-h"], "report"),
        (&["help"], "report"),
        (&["report", "--help"], "--json"),
        (&["flame", "--help"], "--off-cpu"),
        (&["flame", "--help"], "--diff before.syscope after.syscope"),
        (&["flame", "--help"], ".speedscope.json"),
        (&["record", "--help"], "secrets"),
        (&["replay", "--help"], "--speed"),
        (&["demo", "--help"], "privilege"),
        (&["trace", "--help"], "syscalls-failed"),
        (&["doctor", "--help"], "Usage"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["completions", "bash"], "complete "),
        (&["completions", "zsh"], "#compdef syscope"),
        (&["completions", "fish"], "complete -c syscope"),
    ] {
        let output = nobody.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert!(text(&output.stdout).contains(expected), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn texts_that_cannot_be_written_are_an_error_like_any_other() {
    for args in [&["completions", "zsh"][..], &["--help"], &["report", "-h"], &["--version"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let output = Command::new(syscope()).args(args).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("cannot write to standard output"), "{args:?}: {output:?}");
    }
}

/// Of errors that cannot be told the status is all that is left.
#[test]
fn errors_that_cannot_be_written_have_their_status() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    for (args, expected) in [
        (&["--nonsense"][..], 2),
        (&["-p", "1", "report"], 2),
        (&["--help"], 1),
        (&["replay", "/nonexistent.syscope"], 1),
    ] {
        let mut command = Command::new(syscope());
        let status = command.args(args).stdout(full()).stderr(full()).status().expect("it runs");
        assert_eq!(status.code(), Some(expected), "{args:?}");
    }
}

#[test]
fn completions_for_bash_are_a_script_that_bash_takes() {
    let nobody = Unprivileged::new();
    let output = nobody.run(&["completions", "bash"]);
    let script = tempfile::NamedTempFile::new().expect("room");
    fs::write(script.path(), &output.stdout).expect("room");
    let Ok(bash) = Command::new("bash").arg("-n").arg(script.path()).output() else {
        return skip("there is no bash here");
    };
    assert!(bash.status.success(), "{bash:?}");
}

#[test]
fn doctor_without_privilege_says_what_is_missing_for_every_probe() {
    let nobody = Unprivileged::new();
    let output = nobody.run(&["doctor"]);
    assert!(!output.status.success(), "no probe can run: {output:?}");
    let rows = text(&output.stdout);
    for probe in PROBES {
        assert!(rows.contains(probe.name), "no row of {}: {rows}", probe.name);
    }
    assert!(rows.contains("CAP_BPF"), "the missing capability by name: {rows}");
    assert!(rows.contains("sudo"), "the command that mends it: {rows}");
    assert_no_backtrace(&output);
}

#[test]
fn doctor_as_root_finds_that_everything_runs() {
    let _machine = require_bpf!();
    let output = run(&["doctor"]);
    assert!(output.status.success(), "{output:?}");
    let rows = text(&output.stdout);
    assert!(PROBES.iter().all(|probe| rows.contains(probe.name)), "{rows}");
}

#[test]
fn without_privilege_one_line_says_how_to_get_it() {
    let nobody = Unprivileged::new();
    for args in [
        &["report", "-d", "1"][..],
        &["flame", "-d", "1", "-o", "-"],
        &["record", "-d", "1", "-o", "-"],
        &["record", "-o", "/tmp/x.syscope", "--", "id"],
    ] {
        let output = nobody.run(args);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let errors = text(&output.stderr);
        assert_eq!(errors.trim().lines().count(), 1, "one line: {errors}");
        assert!(errors.contains("sudo "), "{errors}");
        assert!(errors.contains("setcap "), "{errors}");
        let program = nobody.program.to_str().expect("plain text");
        assert!(errors.contains(program), "the command is exact: {errors}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_no_backtrace(&output);
    }
}

#[test]
fn the_setcap_command_it_names_is_enough() {
    let _machine = require_bpf!();
    let nobody = Unprivileged::new();
    let errors = nobody.run(&["report", "-d", "1"]).stderr;
    let errors = text(&errors);
    let command = errors.split("setcap ").nth(1).expect("it names the command");
    let capabilities = command.split_ascii_whitespace().next().expect("capabilities follow");
    let capabilities = capabilities.trim_matches(['\'', '"']);
    let Ok(status) = Command::new("setcap").arg(capabilities).arg(&nobody.program).status() else {
        return skip("there is no setcap here");
    };
    assert!(status.success(), "setcap does not take {capabilities:?}");
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let output = nobody.run(&["report", "-d", "2", "--json", "-p", &load.pid.to_string()]);
    assert!(output.status.success(), "{output:?}");
    let report = syscope_tests::report::Report::parse(&output.stdout);
    assert!(!report.document.syscalls.is_empty());
    // The files of others can be opened, though not through `map_files`.
    let stacks = &report.raw["health"]["stacks"];
    let [samples, complete] = ["samples", "complete"].map(|key| stacks[key].as_u64());
    assert!(complete > Some(0) && complete >= samples.map(|n| n * 9 / 10), "{stacks:#}");
    let unwind = &report.raw["health"]["unwind"];
    assert!(unwind["tables"].as_u64() > Some(1) && unwind["unopened"] == 0, "{unwind:#}");
    for probe in ["syscalls", "opens", "offcpu", "profile"] {
        assert!(report.health(probe).events > 0, "{probe}: {:#}", report.raw["health"]);
    }
}

#[test]
fn a_command_does_not_get_the_capabilities_of_the_recorder() {
    let _machine = require_bpf!();
    let nobody = Unprivileged::new();
    let capabilities = "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep";
    let Ok(status) = Command::new("setcap").arg(capabilities).arg(&nobody.program).status() else {
        return skip("there is no setcap here");
    };
    assert!(status.success(), "setcap does not take {capabilities:?}");
    let dir = tempfile::tempdir().expect("room");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let file = dir.path().join("x.syscope");
    let name = file.to_str().expect("plain text");
    let output = nobody.run(&["record", "-o", name, "--", "grep", "CapEff", "/proc/self/status"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "CapEff:\t0000000000000000\n");
    let report = nobody.run(&["report", "--json", "--from", name]);
    assert!(report.status.success(), "no privilege is needed to read one's own: {report:?}");
    let report = syscope_tests::report::Report::parse(&report.stdout);
    assert!(report.document.opens.events.iter().any(|open| open.path.ends_with("/status")));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_attached() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let no_dir = dir.path().join("missing/x.svg");
    let no_dir = no_dir.to_str().expect("plain text");
    let a_dir = dir.path().join("taken.svg");
    fs::create_dir(&a_dir).expect("room");
    let a_dir = a_dir.to_str().expect("plain text");
    let gone = pid_of_the_dead();
    for (args, reason) in [
        (&["report", "-d", "3", "-p", &gone][..], &*gone),
        (&["flame", "-d", "3", "-p", &gone, "-o", "-"], &gone),
        (&["report", "-d", "3", "-p", "zero"], "PID"),
        (&["report", "-d", "3", "--filter", "pid:x"], "pid:x"),
        (&["report", "-d", "3", "--filter", "a or"], "a or"),
        (&["report", "-d", "never"], "never"),
        (&["flame", "-d", "3", "-o", no_dir], "missing"),
        (&["flame", "-d", "3", "-o", a_dir], "taken.svg"),
        (&["flame", "-d", "3", "-o", "/proc/x.svg"], "/proc/x.svg"),
        (&["flame", "-d", "3", "-o", "x.unknown"], "x.unknown"),
        (&["record", "-d", "3", "-o", no_dir], "missing"),
        (&["record", "-d", "3", "-o", a_dir], "is a directory"),
        (&["record", "-d", "3", "-o", "/etc/passwd"], "exists already"),
        (&["record", "-d", "3", "-o", "-", "-p", &gone], &gone),
        (&["record", "-o", "-", "--", "true"], "standard output is the command's"),
        (&["report", "-d", "3", "--record", "/etc/passwd"], "exists already"),
        (&["report", "--from", no_dir], "missing"),
        (&["flame", "--from", no_dir, "-o", "-"], "missing"),
        (&["flame", "--diff", no_dir, "x", "-o", "-"], "missing"),
        (&["flame", "--diff", no_dir, "-o", "-"], "--range-a and --range-b"),
        (&["flame", "--diff", "a", "b", "-o", "x.pb.gz"], "-diff_base"),
        (&["flame", "--diff", "a", "b", "-o", no_dir], "missing"),
    ] {
        let start = Instant::now();
        let output = run(args);
        let took = start.elapsed();
        assert!(!output.status.success(), "{args:?} is taken");
        let errors = text(&output.stderr);
        assert!(errors.contains(reason), "{args:?}: no {reason:?} in: {errors}");
        assert!(!errors.contains("syscope: watching"), "{args:?}: it was attached: {errors}");
        assert!(took < Duration::from_millis(1500), "{args:?}: refused after {took:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_no_backtrace(&output);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 1, "a file was left");
}

#[test]
fn in_a_pid_namespace_of_its_own_it_refuses() {
    let _machine = require_bpf!();
    let namespace = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc"]).args(args).stdin(Stdio::null()).output()
    };
    if !namespace(&["true"]).is_ok_and(|output| output.status.success()) {
        return skip("no PID namespace is to be had here");
    }
    let program = syscope().to_str().expect("plain text");
    for args in [&["report", "-d", "1"][..], &["flame", "-d", "1", "-o", "-"]] {
        let output = namespace(&[&[program], args].concat()).expect("it did start");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains("PID namespace"), "{errors}");
        assert!(!errors.contains("syscope: watching"), "it was attached: {errors}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_no_backtrace(&output);
    }
}

#[test]
fn without_a_terminal_the_screen_points_to_report() {
    let _machine = require_bpf!();
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = text(&output.stderr);
    assert!(errors.contains("terminal"), "{errors}");
    assert!(errors.contains("syscope report"), "{errors}");
    assert_no_backtrace(&output);
}

#[test]
fn commands_of_the_readme_are_understood() {
    let Ok(readme) = fs::read_to_string(binary::checkout().join("README.md")) else {
        return skip("there is no README yet");
    };
    let commands = commands_in(&readme);
    assert!(!commands.is_empty(), "the README shows how to run syscope");
    for command in commands {
        let mut args: Vec<_> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let output = run(&args);
        assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    }
}

#[test]
fn options_that_do_not_exist_are_refused() {
    let output = run(&["report", "--no-such-option", "--help"]);
    assert!(!output.status.success(), "else the README's test says nothing: {output:?}");
}

/// Arguments of every syscope command in the README's shell blocks.
fn commands_in(readme: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut in_block = false;
    for line in readme.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            in_block = !in_block && matches!(language, "" | "sh" | "console" | "bash" | "shell");
        } else if in_block && let Some(args) = syscope_args(line) {
            commands.push(args);
        }
    }
    commands
}

/// The arguments, if a shell line runs syscope: without prompt, `sudo`, comment and pipe, and with
/// a number for every `$(…)` and PID.
fn syscope_args(line: &str) -> Option<Vec<String>> {
    let line = line.trim_start_matches(['$', '#', ' ']);
    let end = line.find([';', '|', '&', '>']).unwrap_or(line.len());
    let line = line[..end].split(" #").next()?;
    // What comes behind is the command line of another program.
    let line = line.split(" -- ").next()?;
    let line = match (line.find("$("), line.find(')')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}1{}", &line[..start], &line[end + 1..])
        }
        _ => line.to_owned(),
    };
    let mut words = line.split_ascii_whitespace().skip_while(|word| {
        *word == "sudo" || word.starts_with("-E") || word.contains('=') && !word.starts_with('-')
    });
    let program = words.next()?;
    if Path::new(program).file_name()? != "syscope" {
        return None;
    }
    let unquoted = |word: &str| word.replace(['\'', '"'], "").replace("PID", "1");
    Some(words.map(unquoted).collect())
}

fn run(args: &[&str]) -> Output {
    Command::new(syscope()).args(args).stdin(Stdio::null()).output().expect("it starts")
}

fn assert_no_backtrace(output: &Output) {
    let errors = text(&output.stderr);
    for word in ["panicked", "BACKTRACE", "backtrace", "Location:"] {
        assert!(!errors.contains(word), "{errors}");
    }
}

fn pid_of_the_dead() -> String {
    let mut child = Command::new("/bin/true").spawn().expect("it is there");
    child.wait().expect("it is a child");
    child.id().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn fetching_debug_files_without_servers_is_refused_before_anything_is_watched() {
    let mut command = Command::new(syscope());
    command.args(["report", "--debuginfod"]).env_remove("DEBUGINFOD_URLS").stdin(Stdio::null());
    let output = command.output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("DEBUGINFOD_URLS") && error.contains("sudo"), "{error}");
}
