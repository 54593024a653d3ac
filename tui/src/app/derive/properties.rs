//! Tables that look up only what is visible, and sums that are kept, say what all places and calls say.

use super::*;
use crate::app::derive::waits::Idle;
use crate::app::table::Sort;
use crate::model::{Bounds, OffcpuStats, Place, PlaceBounds, Watched};
use crate::source::arbitrary::batches;
use proptest::prelude::*;

/// A model that keeps little, or all.
pub(super) fn model(keeps_little: bool) -> Model {
    let watched = Watched { cpus: 2, frequency_hz: 99, ..Watched::default() };
    let places = PlaceBounds { of_process: 4, of_all: 8 };
    let little = Bounds { opens: 10, dead: 1, places };
    Model::new(watched, if keeps_little { little } else { Bounds::REPORT })
}

/// Place with the most time, of those with a stack that is known.
fn hottest(places: &[(Place, OffcpuStats)]) -> Option<Place> {
    let mut places = places.to_vec();
    places.sort_by_key(|(place, stats)| {
        let known = place.kernel_stack.max(place.user_stack) >= crate::source::StackId::FIRST;
        (known, stats.blocked_ns + stats.runqueue_ns, *place)
    });
    places.last().map(|(place, _)| *place)
}

fn check(model: &Model, sort: usize, descending: bool) -> Result<(), TestCaseError> {
    let scope = Scope { process: None, matching: None };
    let by = |columns: usize| Sort { column: sort % columns, descending, unasked: false };
    let mut rows = offcpu::Rows::derive(model, scope, by(offcpu::PROCESS_COLUMNS.len()));
    rows.look_up_places(model, 0..usize::MAX);
    let mut idle = Idle::new(&model.stacks);
    for row in &rows.processes {
        let places: Vec<_> = model.offcpu.places(row.key, model.now_ns).into_iter().collect();
        let mut sum = OffcpuStats::default();
        places.iter().for_each(|(_, stats)| sum.add(stats));
        prop_assert_eq!(row.stats, sum);
        prop_assert_eq!(row.hottest, hottest(&places));
        let is_quiet = |(_, stats): &(_, OffcpuStats)| stats.waits == 0 && stats.runqueue_ns == 0;
        let quiet = places.iter().all(is_quiet);
        prop_assert_eq!(row.idle, quiet && idle.are_all_idle(model, row.key));
        let disk = places
            .iter()
            .filter(|(place, _)| place.state == crate::source::WaitState::Uninterruptible);
        prop_assert_eq!(row.disk_ns, disk.map(|(_, stats)| stats.blocked_ns).sum::<u64>());
    }
    let mut rows = syscalls::Rows::derive(model, scope, by(syscalls::PROCESS_COLUMNS.len()));
    rows.look_up_latencies(model, 0..usize::MAX);
    for row in &rows.processes {
        let calls = model.syscalls.of(row.key).unwrap();
        prop_assert_eq!(row.counts.p50_ns, calls.total.quantile_ns(0.5));
        prop_assert_eq!(row.counts.p99_ns, calls.total.quantile_ns(0.99));
        prop_assert_eq!(
            row.counts.calls,
            calls.by_nr.values().map(|stats| stats.calls).sum::<u64>()
        );
    }
    let title = syscalls::PROCESS_COLUMNS[sort % syscalls::PROCESS_COLUMNS.len()].title;
    let latency = |row: &syscalls::ProcessRow| match title {
        "P50" => row.counts.p50_ns,
        "P99" => row.counts.p99_ns,
        _ => None,
    };
    let sorted = rows.processes.is_sorted_by(|a, b| match descending {
        true => latency(a) >= latency(b),
        false => latency(a) <= latency(b),
    });
    prop_assert!(sorted, "by {title}: {:?}", rows.processes);
    Ok(())
}

proptest! {
    #[test]
    fn tables_say_what_places_and_calls_say(
        batches in batches(),
        keeps_little in any::<bool>(),
        clear_at in prop::option::of(any::<prop::sample::Index>()),
        (sort, descending) in (any::<usize>(), any::<bool>()),
    ) {
        let mut model = model(keeps_little);
        let clear_at = clear_at.map(|at| at.index(batches.len()));
        for (number, batch) in batches.into_iter().enumerate() {
            model.fold(batch);
            if clear_at == Some(number) {
                model.clear();
            }
            check(&model, sort, descending)?;
        }
    }
}
