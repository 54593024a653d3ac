//! Each thing that can be missing: exactly what is said, and by which probe.

use super::command::Invocation;
use super::facts::{Facts, Lockdown};
use super::judge::{Finding, Verdict, judge};
use super::*;
use crate::probes::PROBES;
use caps::{Capability, CapsHashSet};
use std::collections::BTreeSet;

/// A machine and user that lack nothing.
fn ideal() -> Facts {
    Facts {
        release: "6.12.41+deb13-amd64".to_owned(),
        machine: "x86_64".to_owned(),
        version: Some((6, 12)),
        btf: true,
        root: true,
        capabilities: caps::all(),
        first_user_namespace: true,
        first_pid_namespace: true,
        memlock_unlimited: true,
        unprivileged_bpf_disabled: Some(2),
        perf_event_paranoid: Some(3),
        kptr_restrict: Some(1),
        bpf_jit_enable: Some(1),
        ..Facts::default()
    }
}

/// The same machine for a user with these capabilities only.
fn user(capabilities: &[Capability]) -> Facts {
    let capabilities = CapsHashSet::from_iter(capabilities.iter().copied());
    Facts { root: false, capabilities, perf_event_paranoid: Some(2), ..ideal() }
}

const SETCAP_SET: [Capability; 5] = [
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_SYSLOG,
];

const SUDO: [&str; 2] = [
    "sudo /usr/bin/syscope",
    "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep \
     /usr/bin/syscope",
];

fn command() -> Invocation {
    Invocation { program: "/usr/bin/syscope".to_owned(), arguments: Vec::new() }
}

fn verdict(facts: &Facts) -> Verdict {
    judge(facts, &command(), None)
}

/// (probe, missing thing) of every row.
fn missing(verdict: &Verdict) -> BTreeSet<(&str, &str)> {
    let rows = verdict.rows.iter();
    rows.flat_map(|row| row.missing.iter().map(|f| (row.probe.name, f.name.as_str()))).collect()
}

fn of_all(name: &str) -> BTreeSet<(&str, &str)> {
    PROBES.iter().map(|probe| (probe.name, name)).collect()
}

fn note<'a>(verdict: &'a Verdict, name: &str) -> Option<&'a Finding> {
    verdict.notes.iter().find(|finding| finding.name == name)
}

#[test]
fn where_nothing_is_missing_nothing_is_said() {
    let verdict = verdict(&ideal());
    assert!(missing(&verdict).is_empty());
    assert_eq!(verdict.notes, []);
    assert_eq!(verdict.rows.len(), PROBES.len());
}

#[test]
fn each_missing_thing_is_named_with_its_mend() {
    let old = Facts { version: Some((5, 4)), release: "5.4.0".to_owned(), ..ideal() };
    let option = Facts { options_off: vec!["CONFIG_BPF_EVENTS"], ..ideal() };
    let no_btf = Facts { btf: false, ..ideal() };
    let locked = Facts { lockdown: Lockdown::Confidentiality, ..ideal() };
    let rootless = Facts { first_user_namespace: false, ..ideal() };
    let no_bpf = user(&SETCAP_SET[1..]);
    let container = Facts { root: true, ..no_bpf.clone() };
    let limit = Facts { version: Some((5, 10)), memlock_unlimited: false, ..user(&SETCAP_SET) };
    let cases = [
        (old, "Linux 5.8", "boot a kernel of version 5.8 or newer"),
        (option, "CONFIG_BPF_EVENTS", "boot a kernel built with CONFIG_BPF_EVENTS=y"),
        (no_btf, "BTF", "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y"),
        (locked, "lockdown", "boot with lockdown=integrity instead of lockdown=confidentiality"),
        (
            rootless,
            "user namespace",
            "in a user namespace (rootless container) the kernel refuses BPF: run it on the host",
        ),
        (no_bpf, "CAP_BPF", SUDO[0]),
        (
            container,
            "CAP_BPF",
            "root lacks capabilities here: run it on the host, or in a container started with \
             `--privileged --pid=host`",
        ),
        (
            limit,
            "RLIMIT_MEMLOCK",
            "sudo sh -c 'ulimit -l unlimited && exec \"$0\"' /usr/bin/syscope",
        ),
    ];
    for (facts, name, mend) in cases {
        let verdict = verdict(&facts);
        assert_eq!(missing(&verdict), of_all(name));
        assert_eq!(verdict.rows[0].missing[0].mend[0], mend, "{name}");
    }
}

#[test]
fn paranoia_blocks_the_profile_of_all_but_admin() {
    let facts = |level, capabilities: &[Capability]| Facts {
        perf_event_paranoid: Some(level),
        ..user(capabilities)
    };
    let blocked = verdict(&facts(3, &SETCAP_SET));
    assert_eq!(missing(&blocked), BTreeSet::from([("profile", "perf_event_paranoid")]));
    let row = blocked.rows.iter().find(|row| row.probe.name == "profile").expect("a row");
    assert_eq!(row.missing[0].mend, ["sudo sysctl kernel.perf_event_paranoid=2"]);
    assert!(missing(&verdict(&facts(2, &SETCAP_SET))).is_empty());
    assert!(missing(&verdict(&facts(4, &[Capability::CAP_SYS_ADMIN]))).is_empty());
}

#[test]
fn the_setcap_command_is_enough() {
    let verdict = verdict(&user(&SETCAP_SET));
    assert!(missing(&verdict).is_empty());
    let names: Vec<_> = verdict.notes.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(names, ["CAP_SYS_ADMIN"], "only the overhead is not measured");
}

#[test]
fn what_hides_symbols_is_named() {
    for lost in &SETCAP_SET[2..] {
        let rest: Vec<_> = SETCAP_SET.into_iter().filter(|capability| capability != lost).collect();
        let verdict = verdict(&user(&rest));
        assert!(missing(&verdict).is_empty());
        assert_eq!(
            note(&verdict, &lost.to_string()).map(|f| f.mend.as_slice()),
            Some(&SUDO.map(str::to_owned)[..])
        );
    }
    let hidden = verdict(&Facts { kptr_restrict: Some(2), ..ideal() });
    let mend = note(&hidden, "kptr_restrict").map(|finding| finding.mend[0].as_str());
    assert_eq!(mend, Some("sudo sysctl kernel.kptr_restrict=1"), "even root sees none");
    let open =
        Facts { kptr_restrict: Some(0), perf_event_paranoid: Some(1), ..user(&SETCAP_SET[..4]) };
    assert_eq!(note(&verdict(&open), "CAP_SYSLOG"), None);
}

#[test]
fn what_slows_or_confuses_is_noted() {
    let interpreted = Facts { bpf_jit_enable: Some(0), ..ideal() };
    let container = Facts { first_pid_namespace: false, seccomp: true, ..ideal() };
    assert_eq!(
        note(&verdict(&interpreted), "bpf_jit_enable").map(|finding| finding.mend[0].as_str()),
        Some("sudo sysctl net.core.bpf_jit_enable=1")
    );
    let container = verdict(&container);
    assert!(missing(&container).is_empty());
    assert!(note(&container, "PID namespace").is_some() && note(&container, "seccomp").is_some());
}

#[test]
fn loading_outweighs_guessing() {
    let nobody = user(&[]);
    let loads = judge(&nobody, &command(), Some(&|_| Ok(())));
    assert!(missing(&loads).is_empty());
    let refused = judge(
        &ideal(),
        &command(),
        Some(&|probe| match probe.name {
            "opens" => Err("permission denied".to_owned()),
            _ => Ok(()),
        }),
    );
    assert_eq!(missing(&refused), BTreeSet::from([("opens", "load")]));
    assert_eq!(refused.rows[1].missing[0].what, "the kernel refused it: permission denied");
}

#[test]
fn text_and_json_say_the_same() {
    let report = |facts: Facts| Report { verdict: verdict(&facts), facts };
    let well = report(ideal());
    assert_eq!((well.all_can_run(), well.exit_code()), (true, 0));
    let ill = report(Facts { perf_event_paranoid: Some(3), ..user(&SETCAP_SET) });
    assert_eq!((ill.all_can_run(), ill.exit_code()), (false, 1));
    insta::assert_snapshot!("well", well.to_text());
    insta::assert_snapshot!("ill", ill.to_text());
    insta::assert_snapshot!("nobody", report(user(&[])).to_text());
    let json = ill.to_json();
    assert_eq!(json["all_can_run"], false);
    for (row, probe) in json["probes"].as_array().expect("rows").iter().zip(PROBES) {
        assert_eq!(row["name"], probe.name);
        assert_eq!(row["can_run"], probe.name != "profile");
    }
    assert_eq!(json["probes"][3]["missing"][0]["name"], "perf_event_paranoid");
}

#[test]
fn this_machine_is_judged_without_failing() {
    let report = check();
    assert_eq!(report.verdict.rows.len(), PROBES.len());
    assert_eq!(privilege_error().is_some(), judge::cannot_watch(&report.facts));
}
