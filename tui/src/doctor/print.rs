//! The doctor's report as text and as JSON.

use super::judge::{Finding, Row};
use super::{Facts, Report};
use serde_json::{Value, json};
use std::fmt::Write;

impl Report {
    /// Whether every probe can run here.
    pub fn all_can_run(&self) -> bool {
        self.verdict.rows.iter().all(|row| row.missing.is_empty())
    }

    /// Exit status: 0 when every probe can run here, 1 when one cannot.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.all_can_run())
    }

    /// For people. Ends with a line break.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let rows = &self.verdict.rows;
        let able = rows.iter().filter(|row| row.missing.is_empty()).count();
        let _ = writeln!(text, "{able} of {} probes can run here\n", rows.len());
        for row in rows {
            let _ = writeln!(text, "  {}", line(row));
        }
        let mut missing: Vec<&Finding> = Vec::new();
        for finding in rows.iter().flat_map(|row| &row.missing) {
            if !missing.contains(&finding) {
                missing.push(finding);
            }
        }
        section(&mut text, "Missing", &missing);
        section(
            &mut text,
            "Works, but could be better",
            &self.verdict.notes.iter().collect::<Vec<_>>(),
        );
        text.push_str("\nThis machine\n");
        for (name, value) in machine(&self.facts) {
            let _ = writeln!(text, "  {name:<34}{value}");
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let probes: Vec<_> = self.verdict.rows.iter().map(row_json).collect();
        let machine: serde_json::Map<_, _> = machine(&self.facts)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        json!({
            "schema": 1,
            "all_can_run": self.all_can_run(),
            "probes": probes,
            "notes": self.verdict.notes,
            "machine": machine,
        })
    }
}

fn line(row: &Row) -> String {
    let names: Vec<_> = row.missing.iter().map(|finding| finding.name.as_str()).collect();
    let (mark, rest) = if names.is_empty() {
        ("yes", row.probe.about.to_owned())
    } else {
        ("NO ", format!("see {} below", names.join(", ")))
    };
    format!("{mark}  {:<10} {rest}", row.probe.name)
}

/// Findings that are mended by the same command stand together above it.
fn section(text: &mut String, title: &str, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    let mut mends: Vec<&[String]> = Vec::new();
    for finding in findings {
        if !mends.contains(&finding.mend.as_slice()) {
            mends.push(&finding.mend);
        }
    }
    for mend in mends {
        for finding in findings.iter().filter(|finding| finding.mend == mend) {
            let _ = writeln!(text, "  {}: {}", finding.name, finding.what);
        }
        for (index, way) in mend.iter().enumerate() {
            let _ = writeln!(text, "      {}: {way}", if index == 0 { "mend" } else { "or once" });
        }
    }
}

fn row_json(row: &Row) -> Value {
    json!({
        "name": row.probe.name,
        "about": row.probe.about,
        "attach": row.probe.attach,
        "min_kernel": format!("{}.{}", row.probe.min_kernel.0, row.probe.min_kernel.1),
        "can_run": row.missing.is_empty(),
        "missing": row.missing,
    })
}

fn machine(facts: &Facts) -> Vec<(&'static str, String)> {
    let number = |value: Option<i64>| value.map_or("unreadable".to_owned(), |n| n.to_string());
    let names = facts.capability_names();
    // A full set, as root has it, would fill the screen and tell nothing.
    let capabilities = match names.len() {
        0 => "none".to_owned(),
        1..=8 => names.into_iter().collect::<Vec<_>>().join(" "),
        count => format!("{count} effective"),
    };
    vec![
        ("kernel", format!("{} {}", facts.release, facts.machine)),
        ("BTF", if facts.btf { "/sys/kernel/btf/vmlinux" } else { "none" }.to_owned()),
        ("user", if facts.root { "root" } else { "not root" }.to_owned()),
        ("capabilities", capabilities),
        ("lockdown", format!("{:?}", facts.lockdown).to_lowercase()),
        ("seccomp filter", if facts.seccomp { "on" } else { "off" }.to_owned()),
        ("kernel.unprivileged_bpf_disabled", number(facts.unprivileged_bpf_disabled)),
        ("kernel.perf_event_paranoid", number(facts.perf_event_paranoid)),
        ("kernel.kptr_restrict", number(facts.kptr_restrict)),
        ("net.core.bpf_jit_enable", number(facts.bpf_jit_enable)),
    ]
}
