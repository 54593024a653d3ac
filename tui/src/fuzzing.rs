//! What the fuzz targets in `fuzz/` call: each takes any bytes, and panics when something that must
//! hold does not. The tests here feed them the corpus and what once made one fail, so that it is
//! tried without a fuzzer too.

use crate::app::ColourChoice;
use crate::capture::{self, Capture, Decoded};
use crate::filter::{Candidate, Filter, PushDown};
use crate::flame::export::{self, About, Diff};
use crate::flame::{self, Measure};
use crate::model::{Bounds, Model, Watched};
use crate::screen::{ReplayOptions, scripted};
use crate::source::procfs;
use crate::{kernel, report, symbols, text, unwind as tables};
use ratatui::layout::Size;
use std::sync::Arc;

/// What a target calls.
pub type Target = fn(&[u8]);

/// The targets by name, which is that of a file in `fuzz/fuzz_targets` and of a folder in
/// `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture", capture),
    ("debugdata", debugdata),
    ("elf", elf),
    ("filter", filter),
    ("frames", frames),
    ("keys", keys),
    ("maps", maps),
    ("perf_map", perf_map),
    ("procfs", procfs),
    ("python", python),
    ("rings", rings),
    ("screen_text", screen_text),
    ("unwind", unwind),
];

/// A capture: what is in it, and the screen of a replay.
pub fn capture(bytes: &[u8]) {
    capture::fuzzing::file(bytes, |capture, decoded| {
        let reported = report_of(capture.header.watched.clone(), decoded);
        assert!(reported.starts_with('{'));
        screen_of(capture, Size { width: 60, height: 20 }, "Enter Esc 4 Enter");
    });
}

/// What is in the frames of a capture.
pub fn frames(bytes: &[u8]) {
    let decoded = capture::fuzzing::frames(bytes);
    let batches: Vec<_> = decoded.iter().flat_map(|frame| frame.batches.clone()).collect();
    report_of(Watched::default(), decoded);
    // What was read can be recorded again.
    let mut encoder = capture::Encoder::new(true);
    let mut again: Vec<_> = batches.iter().filter_map(|batch| encoder.push(batch)).collect();
    again.extend(encoder.flush());
    let mut decoder = capture::Decoder::new();
    for frame in &again {
        decoder.decode(&frame.bytes).expect("what was written can be read");
    }
}

/// Folds what was read, and writes all that can be said of it.
fn report_of(watched: Watched, decoded: Vec<Decoded>) -> String {
    let bounds = Bounds::REPORT;
    let mut model = Model::new(watched, bounds);
    for (number, frame) in decoded.into_iter().enumerate() {
        let before = frame.before.filter(|_| number == 0);
        model.stacks.fold(frame.recalled);
        before.into_iter().chain(frame.batches).for_each(|batch| model.fold(batch));
    }
    let (all, mut text, mut json) = (Filter::default(), Vec::new(), Vec::new());
    report::write_text(&model, &all, report::Options::default(), &mut text).expect("memory");
    report::write_json(&model, &all, report::Options::default(), &mut json).expect("memory");
    let text = String::from_utf8(text).expect("a report is text");
    assert!(!text.chars().any(|c| c != '\n' && text::screen::is_hidden(c)));
    for measure in [Measure::Cpu, Measure::OffCpu, Measure::Wall] {
        flame_graph_of(&model, measure);
    }
    String::from_utf8(json).expect("JSON is text")
}

/// Draws a flame graph in all formats, and compares it to itself.
fn flame_graph_of(model: &Model, measure: Measure) {
    let stacks = flame::weigh(model, measure, |_| true);
    let tree = flame::fold(measure, &stacks);
    assert_eq!(tree.preorder().len(), tree.nodes.len());
    if tree.is_empty() {
        return;
    }
    let about = About { title: "", command: "" };
    let mut out = Vec::new();
    export::write_folded(&tree, &mut out).expect("memory");
    export::write_svg(&tree, "", "", &mut out).expect("memory");
    export::write_speedscope(&tree, "", &mut out).expect("memory");
    export::write_pprof(&stacks, measure, model, about, &mut out).expect("memory");
    let diff = Diff::new(&tree, &tree).expect("it is not empty");
    export::write_diff_folded(&diff, &mut out).expect("memory");
    export::write_diff_svg(&diff, "", ["", ""], &mut out).expect("memory");
}

/// Keys that drive a replay. The first two bytes are the size of the screen.
pub fn keys(bytes: &[u8]) {
    const SMALL: &[u8] = include_bytes!("../../fuzz/small.syscope");
    let Some((&[width, height], script)) = bytes.split_first_chunk() else { return };
    let size = Size { width: u16::from(width), height: u16::from(height) / 4 };
    let capture = Capture::from_bytes("small.syscope", Arc::from(SMALL));
    let capture = capture.expect("it is of the first version, which is read for ever");
    screen_of(capture, size, &text::from_bytes(script));
}

/// Replays to a script; the screen must hold no byte that moves the cursor.
fn screen_of(capture: Capture, size: Size, script: &str) {
    let options = ReplayOptions {
        name: "fuzzed".to_owned(),
        colour: ColourChoice::Never,
        ..ReplayOptions::default()
    };
    if let Ok(screen) = scripted(capture, &options, size, script) {
        assert!(!screen.chars().any(|c| c != '\n' && text::screen::is_hidden(c)), "{screen:?}");
    }
}

/// An event of the kernel's rings.
pub fn rings(bytes: &[u8]) {
    kernel::fuzzing::rings(bytes);
}

/// Keys and values of the kernel's maps.
pub fn maps(bytes: &[u8]) {
    kernel::fuzzing::maps(bytes);
}

/// What `/proc` says: command lines, kernel stacks, mappings, lists of CPUs.
pub fn procfs(bytes: &[u8]) {
    for cut in [false, true] {
        let line = procfs::cmdline_text(bytes, cut);
        assert!(line.len() <= 4 * bytes.len() + '…'.len_utf8());
        assert!(!line.contains('\0'));
    }
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(symbols::parse_mappings(bytes).count() <= lines);
    let words = String::from_utf8_lossy(bytes);
    assert!(procfs::stack_frames(&words).len() <= words.lines().count());
    if let Some(cpus) = procfs::cpu_list(&words) {
        assert!(cpus.len() <= 1 << 16);
    }
}

/// A Python, its code objects, and frames of it.
pub fn python(bytes: &[u8]) {
    crate::python::fuzz(bytes);
}

/// A program or library, or its debug file: what it says of itself, and the symbols in it.
pub fn elf(bytes: &[u8]) {
    symbols::fuzz_elf(bytes);
}

/// The compressed symbol table of a program.
pub fn debugdata(bytes: &[u8]) {
    symbols::fuzz_debugdata(bytes);
}

/// The file of a JIT. The first byte says where it is cut in two.
pub fn perf_map(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    symbols::fuzz_perf_map(first, second);
}

/// The unwind data of a file.
pub fn unwind(bytes: &[u8]) {
    tables::fuzzing::tables(bytes);
}

/// Names of other programs on their way to the terminal.
pub fn screen_text(bytes: &[u8]) {
    let from_bytes = text::from_bytes(bytes);
    if let Ok(same) = std::str::from_utf8(bytes) {
        assert_eq!(from_bytes, same);
    }
    let shown = text::visible(&from_bytes);
    assert!(!shown.contains(text::screen::is_hidden));
    assert_eq!(text::visible(&shown), shown, "what is shown needs no more escaping");
    for columns in [0, 1, 2, 3, 7, 20, 80] {
        for fitted in [text::fit(&from_bytes, columns), text::fit_end(&from_bytes, columns)] {
            assert_eq!(text::width(&fitted), columns, "{fitted:?}");
        }
    }
}

/// A filter, as it is typed: parsed, asked of processes, planned for the kernel. What the kernel lets
/// through is at least what the filter accepts.
pub fn filter(bytes: &[u8]) {
    let typed = text::from_bytes(bytes);
    let filter = match Filter::parse(&typed) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(typed.get(error.at.clone()).is_some_and(|wrong| !wrong.is_empty()));
            assert!(!error.pointed(&typed).is_empty());
            return;
        }
    };
    assert_eq!(filter.text(), typed);
    let (init, shell) = ([], [1, 0]);
    let living = [
        Candidate { pid: 1, comm: "init", cmdline: "/sbin/init", lineage: &init },
        Candidate { pid: 7, comm: "sh", cmdline: "sh -c \"a b\"", lineage: &shell },
    ];
    let plan = filter.plan(living.into_iter());
    for process in living.iter().filter(|process| filter.matches(process)) {
        assert!(filter.admits(process));
        if let PushDown::Only { pids, .. } = &plan {
            assert!(pids.contains(&process.pid));
        }
    }
    if let Ok(both) = filter.and(&Filter::with_pid(7)) {
        assert_eq!(Filter::parse(both.text()).as_ref(), Ok(&both));
        assert_eq!(both.matches(&living[1]), filter.matches(&living[1]));
        assert!(filter.is_empty() || !both.matches(&living[0]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_the_fuzzer_kept_holds() {
        for (name, target) in TARGETS {
            let mut inputs = 0;
            for kept in ["corpus", "regressions"].map(|kept| folder(kept).join(name)) {
                for input in fs::read_dir(&kept).into_iter().flatten() {
                    let path = input.unwrap().path();
                    // Seen when the test fails.
                    eprintln!("{}", path.display());
                    target(&fs::read(path).unwrap());
                    inputs += 1;
                }
            }
            assert!(inputs > 0, "{name} has a corpus");
            target(b"");
        }
    }

    #[test]
    fn every_target_is_built_and_has_its_corpus() {
        let names_here: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&folder("corpus")), names_here);
        let files = names_here.iter().map(|name| format!("{name}.rs")).collect();
        assert_eq!(names(&folder("fuzz_targets")), files);
    }
}
