//! The command line that starts syscope with what it lacks.

use super::Facts;
use super::judge::{PERF_PARANOID_BLOCKS, cannot_watch, counts_maps_as_locked_memory};
use crate::text;
use std::ffi::OsString;

/// How syscope was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Path of the executable.
    pub program: String,
    /// Arguments.
    pub arguments: Vec<String>,
}

impl Invocation {
    /// How this process was started.
    pub fn current() -> Self {
        let words = |word: OsString| text::from_bytes(word.as_encoded_bytes());
        Self {
            program: std::env::current_exe()
                .map_or_else(|_| "syscope".to_owned(), |path| words(path.into_os_string())),
            arguments: std::env::args_os().skip(1).map(words).collect(),
        }
    }

    /// The same executable without arguments.
    pub fn bare(&self) -> Self {
        Self { program: self.program.clone(), arguments: Vec::new() }
    }

    /// The path of the executable as a shell takes it for one word.
    pub fn quoted_program(&self) -> String {
        quoted(&self.program)
    }

    /// The same command through `sudo`.
    pub fn sudo(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.fold("sudo".to_owned(), |line, word| line + " " + &quoted(word))
    }

    /// The command that gives the executable, once and for all, the capabilities it needs.
    pub fn setcap(&self, facts: &Facts) -> String {
        let mut names =
            "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog".to_owned();
        if counts_maps_as_locked_memory(facts) {
            names.push_str(",cap_sys_resource");
        }
        let mut command = format!("sudo setcap {names}+ep {}", self.quoted_program());
        if facts.perf_event_paranoid.is_some_and(|level| level >= PERF_PARANOID_BLOCKS) {
            command.push_str(" && sudo sysctl kernel.perf_event_paranoid=2");
        }
        command
    }

    /// The commands of which each mends a lack of capabilities.
    pub fn mend_capabilities(&self, facts: &Facts) -> Vec<String> {
        if facts.root || !facts.first_user_namespace {
            vec![container_mend(facts).to_owned()]
        } else {
            vec![self.sudo(), self.setcap(facts)]
        }
    }

    /// See [`super::privilege_error`].
    pub fn privilege_error(&self, facts: &Facts) -> Option<String> {
        if !cannot_watch(facts) {
            return None;
        }
        if facts.root || !facts.first_user_namespace {
            return Some(format!("no privilege to watch the kernel: {}", container_mend(facts)));
        }
        Some(format!(
            "no privilege to watch the kernel: run `{}`, or once `{}`",
            self.sudo(),
            self.setcap(facts)
        ))
    }
}

/// What can be done where `sudo` is of no help.
fn container_mend(facts: &Facts) -> &'static str {
    if facts.first_user_namespace {
        "root lacks capabilities here: run it on the host, or in a container started with \
         `--privileged --pid=host`"
    } else {
        "in a user namespace (rootless container) the kernel refuses BPF: run it on the host"
    }
}

/// A word as a POSIX shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./,:@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caps::{Capability, CapsHashSet};

    fn started(program: &str, arguments: &[&str]) -> Invocation {
        Invocation {
            program: program.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    fn machine() -> Facts {
        Facts {
            version: Some((6, 1)),
            first_user_namespace: true,
            perf_event_paranoid: Some(2),
            ..Facts::default()
        }
    }

    #[test]
    fn the_line_has_both_commands_with_the_arguments_as_given() {
        let command = started("/opt/sys scope", &["report", "-c", "it's", "-d", "5", ""]);
        assert_eq!(
            command.privilege_error(&machine()).as_deref(),
            Some(
                "no privilege to watch the kernel: run \
                 `sudo '/opt/sys scope' report -c 'it'\\''s' -d 5 ''`, or once `sudo setcap \
                 cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep \
                 '/opt/sys scope'`"
            )
        );
    }

    #[test]
    fn a_shell_reads_the_words_back_as_they_were() {
        let words = ["plain", "it's", "a b", "$HOME;`id`", "", "~", "*", "\"", "\\", "new\nline"];
        for word in words {
            let script = format!("printf %s {}", quoted(word));
            let shell = std::process::Command::new("sh").args(["-c", &script]).output();
            assert_eq!(shell.expect("a shell").stdout, word.as_bytes(), "{script}");
        }
    }

    #[test]
    fn setcap_brings_what_this_kernel_asks_for_besides() {
        let old = Facts { version: Some((5, 10)), perf_event_paranoid: Some(3), ..machine() };
        assert_eq!(
            started("/usr/bin/syscope", &[]).setcap(&old),
            "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog,\
             cap_sys_resource+ep /usr/bin/syscope && sudo sysctl kernel.perf_event_paranoid=2"
        );
    }

    #[test]
    fn the_privileged_are_left_alone() {
        let command = started("/usr/bin/syscope", &[]);
        for capabilities in [
            CapsHashSet::from_iter([Capability::CAP_SYS_ADMIN]),
            CapsHashSet::from_iter([Capability::CAP_BPF, Capability::CAP_PERFMON]),
        ] {
            assert_eq!(command.privilege_error(&Facts { capabilities, ..machine() }), None);
        }
        let half = CapsHashSet::from_iter([Capability::CAP_BPF]);
        let facts = Facts { capabilities: half, ..machine() };
        assert!(command.privilege_error(&facts).is_some());
    }

    #[test]
    fn root_without_rights_is_not_sent_to_sudo() {
        let command = started("/usr/bin/syscope", &[]);
        let root = Facts { root: true, ..machine() };
        let line = command.privilege_error(&root).expect("a reason");
        assert!(line.contains("--privileged --pid=host") && !line.contains("sudo"), "{line}");
        let rootless = Facts { first_user_namespace: false, ..root };
        let line = command.privilege_error(&rootless).expect("a reason");
        assert!(line.contains("user namespace") && !line.contains("sudo"), "{line}");
    }
}
