//! What is in the files.

mod diff;
mod pprof;
mod speedscope;

use super::super::build::Builder;
use super::super::tests::{any_tree, frame, tree};
use super::svg::SVG_MIN_SHARE;
use super::*;
use crate::flame::State;
use crate::model::ProcKey;
use crate::source::WaitState;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What boxes weigh alone, by the names on the way to them; processes that had one PID are one.
fn paths(tree: &FlameTree) -> BTreeMap<Vec<String>, u64> {
    let mut paths = BTreeMap::new();
    for (index, node) in tree.nodes.iter().enumerate().filter(|(_, node)| node.own > 0) {
        let mut path: Vec<_> = tree.ancestry(index).map(|node| name(&tree.nodes[node])).collect();
        path.pop();
        path.reverse();
        *paths.entry(path).or_default() += node.own;
    }
    paths
}

fn name(node: &Node) -> String {
    let name = text::visible(&node.frame.name);
    match (node.role, name.rsplit_once(" #")) {
        (Role::Process(_), Some((name, _))) => name.to_owned(),
        (Role::Frame, _) => marked(&node.frame),
        _ => name.into_owned(),
    }
}

fn svg(tree: &FlameTree, title: &str, subtitle: &str) -> String {
    let mut out = Vec::new();
    write_svg(tree, title, subtitle, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn folded(tree: &FlameTree) -> String {
    let mut out = Vec::new();
    write_folded(tree, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Texts of all `<title>` elements: what a browser shows of a box under the pointer.
fn boxes(svg: &str) -> Vec<String> {
    let titles = svg.split("<title>").skip(1);
    titles.map(|rest| rest.split_once("</title>").unwrap().0.to_owned()).collect()
}

#[test]
fn an_svg_has_title_totals_and_every_frame() {
    let tree = tree(
        Measure::Cpu,
        &[
            (12, "web", &["main", "serve<T>", "write_[k]"], 60),
            (12, "web", &["main", "fill_[i]"], 30),
            (13, "my worker 3", &["main"], 10),
        ],
    );
    let svg = svg(&tree, "CPU of <host>", "a & b");
    assert!(svg.starts_with("<?xml"));
    assert!(svg.contains(">CPU of &lt;host&gt;</text>"));
    assert!(
        svg.contains(
            ">100 samples · a &amp; b · green: user, aqua: inlined, orange: kernel</text>"
        )
    );
    assert!(svg.contains("total_samples=\"100\""));
    assert_eq!(svg.matches(">all</text>").count(), 1, "also where no script runs");
    let mut boxes = boxes(&svg);
    boxes.sort();
    assert_eq!(
        boxes,
        [
            "all (100 samples, 100%)",
            "fill (30 samples, 30.00%)",
            "main (10 samples, 10.00%)",
            "main (90 samples, 90.00%)",
            "my worker 3 (13) (10 samples, 10.00%)",
            "serve&lt;T&gt; (60 samples, 60.00%)",
            "web (12) (90 samples, 90.00%)",
            "write (60 samples, 60.00%)",
        ]
    );
    assert!(svg.contains("Reset Zoom") && svg.contains("Search"));
}

#[test]
fn kinds_of_code_have_colours_of_their_own() {
    let stacks: &[_] =
        &[(1, "x", &["name", "name_[k]"][..], 1), (1, "x", &["name", "name_[i]"], 1)];
    let colours = |name: &str| -> Vec<String> {
        let svg = svg(&tree(Measure::Cpu, stacks), "", "");
        let boxes = svg.split("<g>").filter(|g| g.contains(&format!("<title>{name} (")));
        boxes
            .map(|g| g.split_once("fill=\"").unwrap().1.split('"').next().unwrap().into())
            .collect()
    };
    let mut seen = colours("name");
    seen.sort();
    seen.dedup();
    // The two boxes above `name` have one name and are of two kinds, unlike `name` itself.
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_box_is_not_torn_apart_by_a_longer_name_between() {
    let stacks: &[_] =
        &[(1, "x", &["f"][..], 1), (1, "x", &["f(int)"], 2), (1, "x", &["f", "g"], 4)];
    let boxes = boxes(&svg(&tree(Measure::Cpu, stacks), "t", ""));
    assert!(boxes.contains(&"f (5 samples, 71.43%)".to_owned()), "{boxes:?}");
}

#[test]
fn off_cpu_time_is_in_us_or_ms() {
    let graph = |ns| svg(&tree(Measure::OffCpu, &[(1, "x", &["sleep"], ns)]), "t", "");
    assert!(boxes(&graph(1_234_567)).contains(&"all (1,235 us, 100%)".to_owned()));
    assert!(boxes(&graph(250_000_000_000)).contains(&"all (250,000 ms, 100%)".to_owned()));
}

#[test]
fn what_is_too_narrow_to_draw_is_counted() {
    let stacks: &[_] = &[(1, "x", &["hot"][..], 1_000_000), (1, "x", &["cold", "colder"], 1)];
    let svg = svg(&tree(Measure::Cpu, stacks), "t", "");
    assert!(svg.contains("2 boxes under 0.01% are not drawn"));
    assert!(boxes(&svg).iter().all(|text| !text.contains("cold")));
}

#[test]
fn nothing_to_draw_is_said_in_words() {
    let mut out = Vec::new();
    let empty = tree(Measure::Cpu, &[]);
    let error = write_svg(&empty, "t", "s", &mut out).unwrap_err();
    assert!(error.to_string().starts_with("no samples"), "{error}");
    assert!(matches!(write_folded(&empty, &mut out), Err(Error::NoSamples)));
    let empty = tree(Measure::OffCpu, &[]);
    assert!(matches!(write_folded(&empty, &mut out), Err(Error::NoWaits)));
    assert!(out.is_empty());
}

#[test]
fn folded_stacks_are_one_line_each() {
    let tree = tree(
        Measure::Cpu,
        &[
            (7, "my app", &["main", "do it", "write_[k]"], 3),
            (7, "my app", &["main", "fill_[i]"], 2),
            (7, "my app", &[], 1),
        ],
    );
    let expected = "my_app-7 1\nmy_app-7;main;do it;write_[k] 3\nmy_app-7;main;fill_[i] 2\n";
    assert_eq!(folded(&tree), expected);
}

#[test]
fn hostile_names_break_neither_lines_nor_markup() {
    let stacks: &[_] = &[
        (1, "# c", &["a;b\nc\u{1b}[2J", "</title><script>alert(1)</script>"][..], 1),
        (2, "# ", &["lambda 5"], 2),
        (3, "x", &["tab 1.5 ", "fake\u{0}_[k]\u{202e}", "\u{ffff}"], 4),
    ];
    let tree = tree(Measure::Cpu, stacks);
    let text = folded(&tree);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(text.contains("\\x3b") && text.contains(";lambda_5 2") && text.contains("tab 1.5_;"));
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    let svg = svg(&tree, "\u{1b}[31m", "</text>");
    assert!(svg.contains("total_samples=\"7\""));
    assert!(!svg.contains("<script>alert") && !svg.contains('\u{1b}') && !svg.contains('\u{ffff}'));
    assert_eq!(boxes(&svg).len(), tree.nodes.len());
}

#[test]
fn only_the_kernel_gets_the_mark_of_the_kernel() {
    assert_eq!(guarded("evil_[k]"), "evil_[k\\x5d");
    assert_eq!(guarded("array_[8]"), "array_[8]");
    assert_eq!(guarded("v1.2"), "v1.2");
    assert_eq!(guarded(""), "");
    assert_eq!(guarded("12"), "12");
}

#[test]
fn files_are_named_by_what_they_show_and_when() {
    let time = jiff::civil::date(2026, 3, 9).at(7, 5, 1, 0);
    assert_eq!(default_file_name(Measure::Cpu, time), "syscope-cpu-20260309-070501.svg");
    assert_eq!(default_file_name(Measure::OffCpu, time), "syscope-offcpu-20260309-070501.svg");
    assert_eq!(default_file_name(Measure::Wall, time), "syscope-wall-20260309-070501.svg");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn totals_survive_both_formats(tree in any_tree()) {
        prop_assume!(!tree.is_empty());
        let text = folded(&tree);
        let counts = text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
        prop_assert_eq!(counts.sum::<u64>(), tree.total());
        let lines = tree.nodes.iter().filter(|node| node.own > 0).count();
        prop_assert_eq!(text.lines().count(), lines);
        let graph = svg(&tree, "t", "s");
        let total = format!("total_samples=\"{}\"", tree.total());
        prop_assert!(graph.contains(&total));
        prop_assert_eq!(&graph, &svg(&tree, "t", "s"), "the same tree gives the same bytes");
        // Boxes of one name and parent that differ in kind only would be one here: there are none.
        let drawn = tree.nodes.iter().filter(|n| u128::from(n.total) * SVG_MIN_SHARE >= tree.total().into()).count();
        prop_assert_eq!(boxes(&graph).len(), drawn);
    }
}

#[test]
fn states_have_colours_that_the_legend_tells() {
    let mut builder = Builder::new(Measure::Wall);
    let frames = [frame("serve")];
    let process = builder.process(ProcKey { pid: 7, start_ns: 0 }, "web");
    let serve = builder.frames(process, &frames);
    let states = [
        (State::Running, "rgb(255,95,95)"),
        (State::WaitingForCpu, "rgb(255,255,135)"),
        (State::Blocked(WaitState::Uninterruptible), "rgb(135,175,255)"),
        (State::Blocked(WaitState::Interruptible), "rgb(135,175,255)"),
    ];
    for (state, _) in states {
        let leaf = builder.note(serve, Role::State(state), state.note());
        builder.add(leaf, 1_000_000_000);
    }
    let svg = svg(&builder.finish(), "t", "");
    assert!(svg.contains(
        ">4.00s of threads&apos; time · green: user, aqua: inlined, orange: kernel, red: running, \
         yellow: waiting, blue: blocked</text>"
    ));
    for (state, colour) in states {
        let title = format!("<title>{} (1,000,000 us, 25.00%)</title>", state.note());
        let group = svg.split("<g>").find(|group| group.contains(&title)).expect(&title);
        assert!(group.contains(colour), "{group}");
    }
}

#[test]
fn numbers_beyond_all_bounds_are_drawn() {
    let stacks: &[_] = &[(1, "x", &["hot"][..], u64::MAX), (1, "x", &["cold"], u64::MAX / 2)];
    for measure in [Measure::Cpu, Measure::OffCpu, Measure::Wall] {
        let boxes = boxes(&svg(&tree(measure, stacks), "t", ""));
        assert!(boxes.iter().any(|text| text.starts_with("hot (") && text.contains("66.67%")));
        assert!(boxes.iter().any(|text| text.starts_with("cold (") && text.contains("33.33%")));
    }
}
