//! A graph that is made step by step, and of which only some boxes are open, shows what one does that is
//! made from all stacks at once.

use super::*;
use crate::app::derive::properties::model;
use crate::app::flame::{Motion, info, layout, search_summary};
use crate::flame::{Role, State, fold, weigh};
use crate::source::arbitrary::batches;
use crate::source::{Batch, Frame, FrameKind, ResolvedStack, StackEnd, StackId};
use proptest::prelude::*;
use ratatui::layout::Rect;
use rustc_hash::FxHashSet;
use std::fmt::Write;

/// What is looked at: who, what is measured, by whom it is searched and moved through, how wide.
#[derive(Clone, Debug)]
struct Wish {
    matching: Option<Vec<u32>>,
    one: Option<usize>,
    wall: bool,
    functions: Option<(usize, bool)>,
    search: Option<&'static str>,
    motions: Vec<usize>,
    width: u16,
    clear: bool,
    replace: bool,
    retell: Option<usize>,
}

const MOTIONS: [Motion; 13] = [
    Motion::Up,
    Motion::Down,
    Motion::Left,
    Motion::Right,
    Motion::PageUp,
    Motion::PageDown,
    Motion::Root,
    Motion::HotLeaf,
    Motion::ZoomIn,
    Motion::ZoomOut,
    Motion::NextMatch,
    Motion::PreviousMatch,
    Motion::WidestMatch,
];

fn wish() -> impl Strategy<Value = Wish> {
    let matching = prop::option::of(prop::collection::vec(0_u32..10, 0..8));
    let one = prop::option::weighted(0.2, any::<usize>());
    let functions = prop::option::of((0..COLUMNS.len(), any::<bool>()));
    let search = prop::option::of(prop::sample::select(vec!["", "f", "1", "sh", "running", "zzz"]));
    let motions = prop::collection::vec(0..MOTIONS.len(), 0..6);
    let often = (any::<bool>(), 1_u16..60, prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let retell = prop::option::weighted(0.3, any::<usize>());
    (matching, one, functions, search, motions, often, retell).prop_map(
        |(matching, one, functions, search, motions, (wall, width, clear, replace), retell)| Wish {
            matching,
            one,
            wall,
            functions,
            search,
            motions,
            width,
            clear,
            replace,
            retell,
        },
    )
}

/// A stack that samples refer to is told again, with other frames.
fn retell(model: &mut Model, which: usize) {
    let places = model.profile.iter().flat_map(|(_, samples)| samples.places.keys());
    let ids = places.flat_map(|place| [place.user_stack, place.kernel_stack]);
    let mut ids: Vec<_> = ids.filter(|id| *id >= StackId::FIRST).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        return;
    }
    let id = ids[which % ids.len()];
    let code = |name: &str| Arc::new(Frame { kind: FrameKind::User, ..Frame::note(name) });
    let mut frames = vec![code(&format!("f{}", which % 3)), code("main")];
    frames.extend(Frame::end(StackEnd::ALL[which % StackEnd::ALL.len()]).map(Arc::new));
    let stacks = vec![Arc::new(ResolvedStack { id, frames })];
    model.fold(Batch { time_ns: model.now_ns, stacks, ..Batch::default() });
}

/// All that is seen of a graph.
fn seen(tree: &FlameTree, view: &FlameView, area: Rect) -> String {
    let mut seen = format!("{:?} {:?}\n", info(tree, view), search_summary(tree, view));
    for cell in layout(tree, area, view).cells {
        let path: Vec<_> = tree.path(cell.node);
        let cell = crate::app::flame::Cell { node: 0, ..cell };
        writeln!(seen, "{cell:?} {path:?}").unwrap();
    }
    seen
}

/// Time by state of all boxes.
fn times(tree: &FlameTree) -> Times {
    let mut times = Times::default();
    for node in &tree.nodes {
        let state = match node.role {
            Role::State(State::Running) => Times { running: node.own, ..Times::default() },
            Role::State(State::WaitingForCpu) => Times { waiting: node.own, ..Times::default() },
            Role::State(State::Blocked(_)) => Times { blocked: node.own, ..Times::default() },
            _ => continue,
        };
        times.add(&state);
    }
    times
}

fn rows(functions: &[TopRow]) -> Vec<(Function<'_>, u64, u64)> {
    functions.iter().map(|row| (Function::of(&row.frame), row.own, row.total)).collect()
}

/// Makes the graph ready, and compares it with one that is made from all stacks.
fn check(
    graph: &mut Graph,
    view: &mut FlameView,
    model: &Model,
    wish: &Wish,
) -> Result<(), TestCaseError> {
    let keys: Vec<_> = model.processes.iter().map(|process| process.key).collect();
    let matching: Option<FxHashSet<_>> = wish
        .matching
        .as_ref()
        .map(|pids| keys.iter().filter(|key| pids.contains(&(key.pid % 10))).copied().collect());
    let one = wish.one.filter(|_| !keys.is_empty()).map(|one| keys[one % keys.len()]);
    let scope = Scope { process: one, matching: matching.as_ref() };
    let measure = if wish.wall { Measure::Wall } else { Measure::Cpu };
    let whole = fold(measure, &weigh(model, measure, |key| scope.accepts(key)));
    if let Some(search) = wish.search {
        view.set_search(search);
    }
    graph.expire();
    if let Some((column, descending)) = wish.functions {
        let sort = Sort { column, descending, unasked: false };
        graph.update(model, scope, measure, Look::Functions(sort));
        let mut all = whole.top();
        sort_functions(&mut all, sort);
        prop_assert_eq!(rows(&graph.functions), rows(&all));
    } else {
        graph.update(model, scope, measure, Look::Boxes(view, wish.width));
    }
    let area = Rect::new(0, 0, wish.width, 12);
    graph.show(model, scope, measure, Look::Boxes(view, wish.width));
    prop_assert_eq!(seen(&graph.tree, view, area), seen(&whole, view, area));
    for motion in &wish.motions {
        let mut other = view.clone();
        let moved = !whole.is_empty() && other.apply(&whole, area, MOTIONS[*motion]);
        let does = !whole.is_empty() && view.apply(&graph.tree, area, MOTIONS[*motion]);
        prop_assert_eq!(moved, does, "{:?}", MOTIONS[*motion]);
        prop_assert_eq!(format!("{view:?}"), format!("{other:?}"), "{:?}", MOTIONS[*motion]);
        graph.show(model, scope, measure, Look::Boxes(view, wish.width));
        prop_assert_eq!(seen(&graph.tree, view, area), seen(&whole, view, area));
    }
    prop_assert_eq!(graph.ends, StackEnds::of(model, |key| scope.accepts(key)));
    if wish.wall {
        prop_assert_eq!(graph.times, times(&whole));
    }
    prop_assert_eq!(graph.tree.total(), whole.total());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_graph_shows_what_all_stacks_show(
        batches in batches(),
        keeps_little in any::<bool>(),
        wishes in prop::collection::vec(wish(), 1..8),
    ) {
        let (mut graph, mut view) = (Graph::default(), FlameView::default());
        let mut model = model(keeps_little);
        for (batch, wish) in batches.into_iter().zip(wishes.iter().cycle()) {
            model.fold(batch);
            if wish.clear {
                model.clear();
            }
            if let Some(which) = wish.retell {
                retell(&mut model, which);
            }
            if wish.replace {
                model = model.clone();
                graph.model_replaced();
            }
            check(&mut graph, &mut view, &model, wish)?;
        }
    }
}
