//! Trees made by hand, and what the folding makes of a model.

mod waits;

use super::build::Builder;
use super::*;
use crate::model::{Bounds, Model, Watched};
use crate::source::{
    Batch, FrameKind, ProcessEvent, ProcessSeen, ProfileDelta, ResolvedStack, StackId,
};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// A frame of a program. A name that ends in `_[k]` is the kernel's, in `_[i]` inlined.
pub(crate) fn frame(name: &str) -> Arc<Frame> {
    let plain = name.strip_suffix("_[k]").or(name.strip_suffix("_[i]")).unwrap_or(name);
    let kernel = name.ends_with("_[k]");
    Arc::new(Frame {
        kind: if kernel { FrameKind::Kernel } else { FrameKind::User },
        module: Some(if kernel { "[kernel]" } else { "/usr/bin/app" }.into()),
        inlined: name.ends_with("_[i]"),
        ..Frame::note(plain)
    })
}

/// Samples at a stack of a process: PID, name, frames from the root, samples.
pub(crate) type Stack<'a> = (u32, &'a str, &'a [&'a str], u64);

/// A tree of these stacks.
pub(crate) fn tree(measure: Measure, stacks: &[Stack<'_>]) -> FlameTree {
    let frames: Vec<Vec<_>> =
        stacks.iter().map(|s| s.2.iter().rev().map(|name| frame(name)).collect()).collect();
    let mut builder = Builder::new(measure);
    let mut processes = std::collections::BTreeMap::new();
    for ((pid, comm, _, samples), frames) in stacks.iter().zip(&frames) {
        let process = *processes
            .entry((pid, comm))
            .or_insert_with(|| builder.process(ProcKey { pid: *pid, start_ns: 0 }, comm));
        let leaf = builder.frames(process, frames);
        builder.add(leaf, *samples);
    }
    builder.finish()
}

/// Any tree: few functions, so that stacks meet, part and recurse.
pub(crate) fn any_tree() -> impl Strategy<Value = FlameTree> {
    const NAMES: [&str; 8] =
        ["main", "run", "a;b\n", "alloc::vec", "memcpy_[i]", "write_[k]", "日本語", "x 12"];
    let stack = (1_u32..5, prop::collection::vec(0..NAMES.len(), 0..12), 1_u64..2_000);
    prop::collection::vec(stack, 0..40).prop_map(|stacks| {
        let names: Vec<Vec<&str>> =
            stacks.iter().map(|s| s.1.iter().map(|name| NAMES[*name]).collect()).collect();
        let comms = ["sh", "nginx: worker", "# x", "\u{1b}[2J", "日"];
        let stacks: Vec<Stack<'_>> = stacks
            .iter()
            .zip(&names)
            .map(|(s, names)| (s.0, comms[s.0 as usize % comms.len()], names.as_slice(), s.2))
            .collect();
        tree(Measure::Cpu, &stacks)
    })
}

/// The tree as text: a line a box, indented by depth, with total and own.
pub(crate) fn outline(tree: &FlameTree) -> String {
    let mut lines = String::new();
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        let node = &tree.nodes[index];
        let line =
            format!("{}{} {}/{}\n", "  ".repeat(node.depth), node.frame.name, node.total, node.own);
        lines.push_str(&line);
        open.extend(node.children.iter().rev());
    }
    lines
}

fn seen(pid: u32, comm: &str, start_ns: u64) -> ProcessEvent {
    let comm = comm.to_owned();
    ProcessEvent::Seen(ProcessSeen { pid, start_ns, comm, ..ProcessSeen::default() })
}

fn stack(id: u32, names: &[&str]) -> Arc<ResolvedStack> {
    let frames = names.iter().rev().map(|name| frame(name)).collect();
    Arc::new(ResolvedStack { id: StackId(id), frames })
}

fn samples(pid: u32, comm: &str, user: u32, kernel: u32, samples: u64) -> ProfileDelta {
    let (user_stack, kernel_stack) = (StackId(user), StackId(kernel));
    ProfileDelta { pid, comm: comm.to_owned(), kernel_stack, user_stack, samples }
}

fn model(batches: Vec<Batch>) -> Model {
    let mut model = Model::new(Watched::default(), Bounds::LIVE);
    batches.into_iter().for_each(|batch| model.fold(batch));
    model
}

#[test]
fn the_profile_is_folded_by_process_thread_user_and_kernel_frames() {
    let model = model(vec![Batch {
        processes: vec![seen(7, "web", 1), seen(8, "web", 2), seen(9, "kworker/0:1", 3)],
        stacks: vec![
            stack(10, &["main", "serve"]),
            stack(11, &["main", "idle"]),
            stack(20, &["entry_[k]", "write_[k]"]),
        ],
        profile: vec![
            samples(7, "web", 10, 0, 5),
            samples(7, "web", 10, 20, 3),
            samples(7, "pool", 11, 0, 2),
            samples(8, "web", 11, 1, 4),
            samples(9, "kworker/0:1", 0, 20, 1),
            samples(9, "kworker/0:1", 99, 0, 1),
        ],
        ..Batch::default()
    }]);
    let all = cpu(&model, |_| true);
    insta::assert_snapshot!(outline(&all), @"
    all 16/0
      kworker/0:1 (9) 2/0
        [symbols are being looked up] 1/1
        entry 1/0
          write 1/1
      web (7) 10/0
        main 8/0
          serve 8/5
            entry 3/0
              write 3/3
        pool 2/0
          main 2/0
            idle 2/2
      web (8) 4/0
        main 4/0
          idle 4/0
            [stack lost: its slot of the stack table was taken] 4/4
    ");
    let one = cpu(&model, |key| key.pid == 8);
    assert_eq!((one.total(), one.nodes[0].children.len()), (4, 1));
    assert!(cpu(&model, |_| false).is_empty());
    let write = all.nodes.iter().find(|n| n.frame.name == "write").unwrap();
    assert_eq!((write.frame.kind, write.role), (FrameKind::Kernel, Role::Frame));
}

#[test]
fn a_reused_pid_is_a_box_of_its_own() {
    let model = model(vec![
        Batch {
            processes: vec![seen(7, "job", 1), ProcessEvent::Exit { time_ns: 5, pid: 7 }],
            profile: vec![samples(7, "job", 0, 0, 3)],
            ..Batch::default()
        },
        Batch {
            processes: vec![seen(7, "job", 9)],
            profile: vec![samples(7, "job", 0, 0, 4)],
            ..Batch::default()
        },
    ]);
    insta::assert_snapshot!(outline(&cpu(&model, |_| true)), @"
    all 7/0
      job (7) 3/3
      job (7) #2 4/4
    ");
}

#[test]
fn recursion_counts_once_in_the_total_of_a_function() {
    let tree = tree(
        Measure::Cpu,
        &[(1, "fib", &["main", "fib", "fib", "fib"], 6), (1, "fib", &["main", "fib", "add"], 4)],
    );
    let top: Vec<_> =
        tree.top().into_iter().map(|row| (row.frame.name.clone(), row.own, row.total)).collect();
    let row = |name: &str, own, total| (name.to_owned(), own, total);
    assert_eq!(top, [row("fib", 6, 10), row("add", 4, 4), row("main", 0, 10)]);
    let found = tree.find("FIB");
    assert_eq!((found.nodes.len(), found.total), (4, 10), "the process and three nested boxes");
    assert_eq!(tree.find("usr/BIN").total, 10, "modules are searched too");
    assert_eq!(tree.find(""), Matches::default());
    assert_eq!(tree.find("all"), Matches::default());
}

#[test]
fn a_path_finds_its_box_in_a_tree_that_has_grown() {
    let before = tree(Measure::Cpu, &[(1, "sh", &["main", "eval"], 1)]);
    let eval = before.nodes.iter().position(|n| n.frame.name == "eval").unwrap();
    let path = before.path(eval);
    let after = tree(
        Measure::Cpu,
        &[(0, "a", &["x"], 9), (1, "sh", &["boot"], 2), (1, "sh", &["main", "eval", "y"], 5)],
    );
    assert_eq!(after.nodes[after.resolve(&path)].frame.name, "eval");
    let cut = tree(Measure::Cpu, &[(1, "sh", &["main"], 5)]);
    assert_eq!(cut.nodes[cut.resolve(&path)].frame.name, "main");
    assert_eq!(before.resolve(&[]), 0);
}

#[test]
fn a_hundred_thousand_stacks_fold_at_once() {
    let functions: Vec<_> = (0..2_000).map(|n| frame(&format!("function_{n}"))).collect();
    let (stacks, profile) = (0..100_000_u32)
        .map(|n| {
            let id = StackId(StackId::FIRST.0 + n);
            let function =
                |depth: u32| Arc::clone(&functions[(depth * 100 + (n >> depth) % 100) as usize]);
            let frames = (0..20).rev().map(function).collect();
            (Arc::new(ResolvedStack { id, frames }), samples(n % 50, "x", id.0, 0, 1))
        })
        .unzip();
    let model = model(vec![Batch { stacks, profile, ..Batch::default() }]);
    let start = Instant::now();
    let tree = cpu(&model, |_| true);
    let took = start.elapsed();
    assert_eq!(tree.total(), 100_000);
    // A million boxes, without optimization, on a machine that is busy with other tests.
    assert!(took < Duration::from_secs(10), "{} boxes in {took:?}", tree.nodes.len());
}

proptest! {
    #[test]
    fn every_box_holds_what_is_in_it_and_above_it(tree in any_tree()) {
        for (index, node) in tree.nodes.iter().enumerate() {
            let children: u64 = node.children.iter().map(|c| tree.nodes[*c].total).sum();
            prop_assert_eq!(node.total, node.own + children);
            let sorted = node.children.is_sorted_by_key(|c| Function::of(&tree.nodes[*c].frame));
            prop_assert!(sorted);
            for child in &node.children {
                prop_assert!(*child > index);
                prop_assert_eq!(tree.nodes[*child].parent, index);
                prop_assert_eq!(tree.nodes[*child].depth, node.depth + 1);
            }
            prop_assert_eq!(tree.resolve(&tree.path(index)), index);
        }
        let own: u64 = tree.top().iter().map(|row| row.own).sum();
        prop_assert_eq!(own, tree.total());
        prop_assert!(tree.top().iter().all(|row| row.own <= row.total && row.total <= tree.total()));
        for needle in ["MAIN", "run", "app", "日本"] {
            let found = tree.find(needle);
            prop_assert!(found.total <= tree.total());
            prop_assert_eq!(found.nodes.is_empty(), found.total == 0);
        }
    }
}
