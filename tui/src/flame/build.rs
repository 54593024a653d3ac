//! Folding: from the stacks of the model to a tree.

use super::{FlameTree, Function, Measure, Node, Role, Weighed, weigh};
use crate::model::{Model, ProcKey};
use crate::source::Frame;
use crate::sums::AddUp;
use rustc_hash::FxHashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Folds the CPU profile of the processes that `include` accepts.
pub fn cpu(model: &Model, include: impl Fn(ProcKey) -> bool) -> FlameTree {
    fold(Measure::Cpu, &weigh(model, Measure::Cpu, include))
}

/// Folds the off-CPU time of the processes that `include` accepts.
pub fn off_cpu(model: &Model, include: impl Fn(ProcKey) -> bool) -> FlameTree {
    fold(Measure::OffCpu, &weigh(model, Measure::OffCpu, include))
}

/// Folds the time of threads, on the CPU and off it, of the processes that `include` accepts.
pub fn wall(model: &Model, include: impl Fn(ProcKey) -> bool) -> FlameTree {
    fold(Measure::Wall, &weigh(model, Measure::Wall, include))
}

/// Folds stacks, those of a process one after another.
pub fn fold(measure: Measure, stacks: &[Weighed<'_>]) -> FlameTree {
    let mut builder = Builder::new(measure);
    for of_process in stacks.chunk_by(|a, b| a.process == b.process) {
        let Weighed { process, comm, .. } = of_process[0];
        let process = builder.process(process, comm);
        for stack in of_process {
            let leaf = builder.stack(process, stack);
            builder.add(leaf, stack.weight);
        }
    }
    builder.finish()
}

/// Number of a function (or note) while a tree is built. The root's is that of no function.
type Symbol = u32;

/// So many children of a box are looked through one by one. Most boxes have one: they lie beside it in
/// memory, where a look into a map of all boxes waits for memory.
const FEW_CHILDREN: usize = 8;

/// Builds a tree. Frames borrow from the model, so their addresses name them.
pub(super) struct Builder<'a> {
    pub(super) tree: FlameTree,
    /// By box.
    symbol_of: Vec<Symbol>,
    /// Children of the boxes that have more than [`FEW_CHILDREN`].
    children: FxHashMap<(usize, Symbol), usize>,
    symbols: Symbol,
    by_address: FxHashMap<ByAddress<'a>, Symbol>,
    by_function: FxHashMap<Function<'a>, Symbol>,
    notes: FxHashMap<String, (Symbol, Arc<Frame>)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(measure: Measure) -> Self {
        let root = Node {
            frame: Arc::new(Frame::note("all")),
            role: Role::All,
            parent: 0,
            children: Vec::new(),
            depth: 0,
            total: 0,
            own: 0,
            open: true,
        };
        Self {
            tree: FlameTree { nodes: vec![root], measure },
            symbol_of: vec![0],
            children: FxHashMap::default(),
            symbols: 0,
            by_address: FxHashMap::default(),
            by_function: FxHashMap::default(),
            notes: FxHashMap::default(),
        }
    }

    /// A box for a process, of its own even where another one had the same PID and name.
    pub(super) fn process(&mut self, key: ProcKey, comm: &str) -> usize {
        let label = format!("{comm} ({})", key.pid);
        let (mut symbol, mut frame) = self.note_symbol(&label);
        let mut number = 2;
        while self.child_of(0, symbol).is_some() {
            (symbol, frame) = self.note_symbol(&format!("{label} #{number}"));
            number += 1;
        }
        self.child(0, symbol, Role::Process(key), &frame)
    }

    /// A box that is not code.
    pub(super) fn note(&mut self, parent: usize, role: Role, text: &str) -> usize {
        let (symbol, frame) = self.note_symbol(text);
        self.child(parent, symbol, role, &frame)
    }

    /// The boxes of a stack: the thread where it has a name of its own, the user frames, the kernel's
    /// on top of them, the state; returns the last.
    fn stack(&mut self, process: usize, stack: &Weighed<'a>) -> usize {
        let thread = match stack.thread {
            Some(name) if name != stack.comm => self.note(process, Role::Thread, name),
            _ => process,
        };
        let user = self.frames(thread, stack.user);
        let top = self.frames(user, stack.kernel);
        match stack.state {
            Some(state) => self.note(top, Role::State(state), state.note()),
            None => top,
        }
    }

    /// The boxes of frames that are leaf first; returns that of the leaf.
    pub(super) fn frames(&mut self, base: usize, frames: &'a [Arc<Frame>]) -> usize {
        frames.iter().rev().fold(base, |parent, frame| {
            let symbol = self.symbol(frame);
            self.child(parent, symbol, Role::Frame, frame)
        })
    }

    /// Adds samples (or ns) to a box.
    pub(super) fn add(&mut self, node: usize, weight: u64) {
        self.tree.nodes[node].own.add_up(weight);
    }

    pub(super) fn finish(mut self) -> FlameTree {
        let nodes = &mut self.tree.nodes;
        for index in (0..nodes.len()).rev() {
            let own = nodes[index].own;
            nodes[index].total.add_up(own);
            if index > 0 {
                let (parent, total) = (nodes[index].parent, nodes[index].total);
                nodes[parent].total.add_up(total);
            }
        }
        (0..self.tree.nodes.len()).for_each(|index| self.sort_children(index));
        self.tree
    }

    /// Puts the children of a box into their order; it gets no more of them.
    pub(super) fn sort_children(&mut self, index: usize) {
        let nodes = &mut self.tree.nodes;
        let mut children = std::mem::take(&mut nodes[index].children);
        children
            .sort_by(|a, b| Function::of(&nodes[*a].frame).cmp(&Function::of(&nodes[*b].frame)));
        nodes[index].children = children;
    }

    /// A box for a process that is labelled so, right of all others.
    pub(super) fn labelled(&mut self, key: ProcKey, label: &Arc<Frame>, total: u64) {
        self.symbols += 1;
        let node = self.push(0, self.symbols, Role::Process(key), label);
        self.tree.nodes[node].total = total;
        self.tree.nodes[node].open = false;
    }

    /// The box of a stack that is above this one, at so many steps from the process; `None` where the
    /// stack ends here. The steps are those of [`Builder::stack`].
    pub(super) fn above(
        &mut self,
        node: usize,
        stack: &Weighed<'a>,
        steps: usize,
    ) -> Option<usize> {
        let thread = stack.thread.filter(|name| *name != stack.comm);
        let (user, kernel) = (stack.user, stack.kernel);
        let at = match (steps, thread) {
            (0, Some(name)) => return Some(self.note(node, Role::Thread, name)),
            (_, Some(_)) => steps - 1,
            (_, None) => steps,
        };
        let frame = match at.checked_sub(user.len()) {
            None => &user[user.len() - 1 - at],
            Some(at) if at < kernel.len() => &kernel[kernel.len() - 1 - at],
            Some(at) => {
                let state = stack.state.filter(|_| at == kernel.len())?;
                return Some(self.note(node, Role::State(state), state.note()));
            }
        };
        let symbol = self.symbol(frame);
        Some(self.child(node, symbol, Role::Frame, frame))
    }

    fn child(&mut self, parent: usize, symbol: Symbol, role: Role, frame: &Arc<Frame>) -> usize {
        if let Some(child) = self.child_of(parent, symbol) {
            return child;
        }
        let index = self.push(parent, symbol, role, frame);
        let siblings = &self.tree.nodes[parent].children;
        if siblings.len() == FEW_CHILDREN + 1 {
            let all = siblings.iter().copied().filter(|child| *child < index);
            self.children.extend(all.map(|child| ((parent, self.symbol_of[child]), child)));
        }
        if siblings.len() > FEW_CHILDREN {
            self.children.insert((parent, symbol), index);
        }
        index
    }

    fn push(&mut self, parent: usize, symbol: Symbol, role: Role, frame: &Arc<Frame>) -> usize {
        let nodes = &mut self.tree.nodes;
        let index = nodes.len();
        nodes[parent].children.push(index);
        let depth = nodes[parent].depth + 1;
        let (frame, children) = (Arc::clone(frame), Vec::new());
        nodes.push(Node { frame, role, parent, children, depth, total: 0, own: 0, open: true });
        self.symbol_of.push(symbol);
        index
    }

    /// The child with this function, if there is one.
    fn child_of(&self, parent: usize, symbol: Symbol) -> Option<usize> {
        let children = &self.tree.nodes[parent].children;
        match children.len() {
            0..=FEW_CHILDREN => {
                children.iter().copied().find(|child| self.symbol_of[*child] == symbol)
            }
            _ => self.children.get(&(parent, symbol)).copied(),
        }
    }

    fn symbol(&mut self, frame: &'a Arc<Frame>) -> Symbol {
        if let Some(symbol) = self.by_address.get(&ByAddress(frame)) {
            return *symbol;
        }
        let symbol = *self.by_function.entry(Function::of(frame)).or_insert_with(|| {
            self.symbols += 1;
            self.symbols
        });
        self.by_address.insert(ByAddress(frame), symbol);
        symbol
    }

    fn note_symbol(&mut self, text: &str) -> (Symbol, Arc<Frame>) {
        if let Some((symbol, frame)) = self.notes.get(text) {
            return (*symbol, Arc::clone(frame));
        }
        self.symbols += 1;
        let frame = Arc::new(Frame::note(text));
        self.notes.insert(text.to_owned(), (self.symbols, Arc::clone(&frame)));
        (self.symbols, frame)
    }
}

/// A frame named by where it is in memory, which is much cheaper to hash than its names. Sound for
/// as long as it is borrowed.
struct ByAddress<'a>(&'a Frame);

impl PartialEq for ByAddress<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for ByAddress<'_> {}

impl Hash for ByAddress<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.0, state);
    }
}
