//! Two flame graphs compared: what takes more, and what takes less of the whole than before.
//!
//! Processes are compared by name, for their PIDs differ from one run to the next, and functions by
//! name and kind, for the files they are in may.

use super::{Error, comm, folded_lines, label, note_label};
use crate::flame::build::Builder;
use crate::flame::tree::Step;
use crate::flame::{FlameTree, Node, Role};
use crate::sums::AddUp;
use std::io::Write;

/// A flame graph, and what its boxes weighed in another one.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The boxes of both, with the weights of the later one (B).
    pub(super) after: FlameTree,
    /// What the boxes weigh alone in the earlier one (A), samples or ns.
    before: Vec<u64>,
    /// What both weigh: sums that no capture can overflow.
    totals: [u128; 2],
}

/// The numbers of an SVG are whole: so fine is what both graphs are scaled to, where that can be.
const FINE: u128 = 1_000_000;
/// The largest number that inferno and the scripts of a browser still tell from its neighbours.
const LARGEST: u128 = 1 << 53;

impl Diff {
    /// Compares `after` (B) to `before` (A), which measure the same.
    pub fn new(before: &FlameTree, after: &FlameTree) -> Result<Self, Error> {
        for (which, tree) in [("A", before), ("B", after)] {
            if tree.is_empty() {
                let reason = Error::nothing(tree.measure).to_string();
                return Err(Error::NothingToCompare { which, reason });
            }
        }
        let mut builder = Builder::new(after.measure);
        let mut own_before = Vec::new();
        for (node, own) in boxes(&mut builder, before) {
            if own_before.len() <= node {
                own_before.resize(node + 1, 0_u64);
            }
            own_before[node].add_up(own);
        }
        for (node, own) in boxes(&mut builder, after) {
            builder.add(node, own);
        }
        let after = builder.finish();
        own_before.resize(after.nodes.len(), 0);
        let sum = |own: &mut dyn Iterator<Item = u64>| own.map(u128::from).sum();
        let totals = [
            sum(&mut own_before.iter().copied()),
            sum(&mut after.nodes.iter().map(|node| node.own)),
        ];
        Ok(Self { after, before: own_before, totals })
    }

    /// What a box weighs alone, before and after.
    pub(super) fn own(&self, node: usize) -> [u64; 2] {
        [self.before[node], self.after.nodes[node].own]
    }

    /// What both weigh, samples or ns.
    pub(super) fn amounts(&self) -> [u64; 2] {
        self.totals.map(|total| u64::try_from(total).unwrap_or(u64::MAX))
    }

    /// What both graphs are scaled to.
    pub(super) fn common_total(&self) -> u64 {
        (self.totals[1] * FINE).min(LARGEST) as u64
    }

    /// What a box weighs alone, before and after, where both graphs weigh `common` in all.
    pub(super) fn scaled(&self, node: usize, common: u64) -> [u64; 2] {
        let scaled = |own: u64, total: u128| {
            ((u128::from(own) * u128::from(common) + total / 2) / total) as u64
        };
        let [before, after] = self.own(node);
        [scaled(before, self.totals[0]), scaled(after, self.totals[1])]
    }

    /// How much of the earlier graph is in stacks that the later one does not have; 1.0 is all.
    pub(super) fn gone(&self) -> f64 {
        let gone = (0..self.before.len()).map(|node| self.own(node)).filter(|own| own[1] == 0);
        gone.map(|own| u128::from(own[0])).sum::<u128>() as f64 / self.totals[0] as f64
    }
}

/// A process may take its name away; a box without one would be none.
const NAMELESS: &str = "[no name]";

/// Adds the boxes of a tree to those of both; gives them, with what they weigh alone.
fn boxes(builder: &mut Builder<'_>, tree: &FlameTree) -> Vec<(usize, u64)> {
    let mut path = vec![0];
    let mut weights = Vec::new();
    tree.walk(|step| match step {
        Step::Enter(0) | Step::Leave(0) => {}
        Step::Enter(index) => {
            let node = &tree.nodes[index];
            let label = match node.role {
                Role::Process(_) => match comm(&node.frame.name) {
                    "" => NAMELESS.to_owned(),
                    comm => note_label(comm),
                },
                _ => label(node),
            };
            let parent = *path.last().expect("every box has a parent");
            let both = builder.note(parent, node.role, &label);
            path.push(both);
            if node.own > 0 {
                weights.push((both, node.own));
            }
        }
        Step::Leave(_) => {
            path.pop();
        }
    });
    weights
}

/// A box as it is called in both.
pub(super) fn name(node: &Node) -> String {
    node.frame.name.clone()
}

/// Writes folded stacks with two numbers, as `difffolded.pl` does: what they weigh in A, and in B.
/// These are as they were measured, not scaled.
pub fn write_diff_folded(diff: &Diff, out: &mut dyn Write) -> Result<(), Error> {
    let numbers = |index| match diff.own(index) {
        [0, 0] => None,
        [before, after] => Some(format!(" {before} {after}")),
    };
    for line in folded_lines(&diff.after, name, numbers) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
