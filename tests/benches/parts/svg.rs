//! How long a flame graph of very many stacks takes, from the model to the file.

use super::crowd::{Crowd, mix};
use std::io::sink;
use std::sync::Arc;
use std::time::Instant;
use syscope::flame::{self, Measure, export};
use syscope::model::{Bounds, Model};
use syscope::source::{
    Batch, Frame, FrameKind, ProcessEvent, ProcessSeen, ProfileDelta, ResolvedStack, StackId,
};
use syscope_tests::stats::median;

/// Stacks, all different.
const STACKS: u32 = 100_000;
/// Frames of a stack: so many, and up to as many more as [`MORE_DEPTH`].
const DEPTH: u64 = 20;
const MORE_DEPTH: u64 = 21;
/// Functions that the stacks are made of.
const FUNCTIONS: u64 = 5_000;
/// Processes that they are in.
const PROCESSES: u32 = 20;

/// Measures, and makes the table.
pub fn section(rounds: usize) -> String {
    let model = model();
    let mut took: [Vec<f64>; 4] = Default::default();
    let (mut bytes, mut boxes) = (0, 0);
    for round in 0..rounds {
        eprintln!("parts: svg: round {}", round + 1);
        let mut out = Vec::new();
        let mut times = vec![Instant::now()];
        let stacks = flame::weigh(&model, Measure::Cpu, |_| true);
        let tree = flame::fold(Measure::Cpu, &stacks);
        times.push(Instant::now());
        export::write_svg(&tree, "title", "", &mut out).expect("memory");
        times.push(Instant::now());
        export::write_folded(&tree, &mut sink()).expect("nowhere");
        times.push(Instant::now());
        for (took, pair) in took.iter_mut().zip(times.windows(2)) {
            took.push((pair[1] - pair[0]).as_secs_f64());
        }
        took[3].push((times[2] - times[0]).as_secs_f64());
        (bytes, boxes) = (out.len(), tree.nodes.len());
    }
    let [fold, svg, folded, together] = took.map(|took| median(&took));
    format!(
        "{STACKS} stacks of {DEPTH} to {} frames, {boxes} boxes, {:.1} MB of SVG; {rounds} rounds.\n\n\
         | step | s |\n| --- | ---: |\n\
         | stacks of the model to a tree | {fold:.2} |\n\
         | the tree to an SVG | {svg:.2} |\n\
         | **together** | **{together:.2}** |\n\
         | the tree to folded stacks instead | {folded:.2} |\n",
        DEPTH + MORE_DEPTH - 1,
        bytes as f64 / 1e6,
    )
}

/// A model with the stacks, their weights by Zipf: the n-th weighs an n-th of the first.
fn model() -> Model {
    let functions: Vec<_> = (0..FUNCTIONS).map(function).collect();
    let pid = |stack| 100 + stack % PROCESSES;
    let seen = |pid| {
        let comm = format!("server-{pid}");
        ProcessEvent::Seen(ProcessSeen { pid, comm, start_ns: 1, ..ProcessSeen::default() })
    };
    let sample = |stack| ProfileDelta {
        pid: pid(stack),
        comm: format!("server-{}", pid(stack)),
        kernel_stack: StackId::NONE,
        user_stack: StackId(StackId::FIRST.0 + stack),
        samples: u64::from(10 * STACKS / (stack + 1)),
    };
    let mut model = Model::new(Crowd::watched(), Bounds::REPORT);
    model.fold(Batch {
        processes: (100..100 + PROCESSES).map(seen).collect(),
        stacks: (0..STACKS).map(|number| stack(number, &functions)).collect(),
        profile: (0..STACKS).map(sample).collect(),
        ..Batch::default()
    });
    model
}

/// A stack that shares what is near its root with many others, and its end with none.
fn stack(number: u32, functions: &[Arc<Frame>]) -> Arc<ResolvedStack> {
    let number = u64::from(number);
    let depth = DEPTH + mix(number, 0) % MORE_DEPTH;
    let frame = |level: u64| {
        // Up to half its depth there are few ways; then ever more of them.
        let ways = if level < 10 { 1 + level / 3 } else { 1 << (level - 9).min(16) };
        let way = if level + 1 == depth { number } else { mix(number, 1) % ways };
        Arc::clone(&functions[(mix(level, way) % FUNCTIONS) as usize])
    };
    let frames = (0..depth).rev().map(frame).collect();
    Arc::new(ResolvedStack { id: StackId(StackId::FIRST.0 + number as u32), frames })
}

fn function(number: u64) -> Arc<Frame> {
    let module = Some("/usr/bin/server".into());
    let name = format!("server::part_{}::Type<T>::function_{number}", number % 40);
    Arc::new(Frame { kind: FrameKind::User, module, ..Frame::note(&name) })
}
