//! The file format of <https://www.speedscope.app>: stacks and weights, as the flame graph has them.

use super::{Error, marked, refuse_empty};
use crate::flame::tree::{Function, Step};
use crate::flame::{FlameTree, Measure, Node, Role};
use crate::text;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::io::Write;

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

#[derive(Serialize)]
struct File {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: String,
    name: String,
    #[serde(rename = "activeProfileIndex")]
    active_profile_index: usize,
    shared: Shared,
    profiles: [Sampled; 1],
}

#[derive(Serialize)]
struct Shared {
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct Frame {
    name: String,
    /// The source file, or where it is not known the file the code is from. Without a line: a box of
    /// the flame graph is a function, and the lines in it are many.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sampled {
    r#type: &'static str,
    name: String,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    /// Stacks, as places of their frames, root first.
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

/// Writes a flame graph as a profile of type "sampled": a sample for each box with weight of its own.
/// The weights are the tree's, samples or ns. The same tree gives the same bytes.
pub fn write_speedscope(tree: &FlameTree, title: &str, out: &mut dyn Write) -> Result<(), Error> {
    refuse_empty(tree)?;
    let name = text::visible(title).into_owned();
    let mut frames = Frames::default();
    let (mut samples, mut weights, mut path) = (Vec::new(), Vec::new(), Vec::new());
    tree.walk(|step| match step {
        Step::Enter(0) | Step::Leave(0) => {}
        Step::Enter(index) => {
            let node = &tree.nodes[index];
            path.push(frames.place(node));
            if node.own > 0 {
                samples.push(path.clone());
                weights.push(node.own);
            }
        }
        Step::Leave(_) => {
            path.pop();
        }
    });
    let profile = Sampled {
        r#type: "sampled",
        name: name.clone(),
        unit: match tree.measure {
            Measure::Cpu => "none",
            Measure::OffCpu | Measure::Wall => "nanoseconds",
        },
        start_value: 0,
        end_value: tree.total(),
        samples,
        weights,
    };
    let file = File {
        schema: SCHEMA,
        exporter: format!("syscope@{}", env!("CARGO_PKG_VERSION")),
        name,
        active_profile_index: 0,
        shared: Shared { frames: frames.all },
        profiles: [profile],
    };
    serde_json::to_writer(&mut *out, &file).map_err(std::io::Error::from)?;
    Ok(out.flush()?)
}

/// Every function once.
#[derive(Default)]
struct Frames<'a> {
    places: FxHashMap<Function<'a>, usize>,
    all: Vec<Frame>,
}

impl<'a> Frames<'a> {
    fn place(&mut self, node: &'a Node) -> usize {
        let frame = &node.frame;
        *self.places.entry(Function::of(frame)).or_insert_with(|| {
            let file = frame.file.as_deref().or(frame.module.as_deref());
            let name = match node.role {
                Role::Frame => marked(frame),
                _ => text::visible(&frame.name).into_owned(),
            };
            self.all.push(Frame { name, file: file.map(|file| text::visible(file).into_owned()) });
            self.all.len() - 1
        })
    }
}
