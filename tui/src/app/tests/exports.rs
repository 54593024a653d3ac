//! What is exported, and when.

use crate::app::App;
use crate::app::update::{Effect, Message};
use crate::flame::Measure;
use crate::source::{Batch, WaitState};
use crate::ui::testing::*;

#[test]
fn an_export_waits_for_symbols_but_not_for_ever() {
    let unknown = |time_ns, stacks| Batch {
        time_ns,
        window_ns: SECOND,
        profile: vec![samples(813, "nginx", 77, 0, 500)],
        stacks,
        health: health(),
        ..Batch::default()
    };
    let hand = |app: &mut App, batch| app.update(Message::Batch(Box::new(batch)));
    let mut app = busy(120, 40);
    assert!(hand(&mut app, unknown(START + SECOND, vec![])).is_none());
    assert!(press(&mut app, "e").is_empty());
    assert!(hand(&mut app, unknown(START + 2 * SECOND, vec![])).is_none());
    let named = unknown(START + 3 * SECOND, vec![stack(77, &["main", "late"])]);
    assert!(matches!(hand(&mut app, named), Some(Effect::Export(_))));
    assert!(hand(&mut app, unknown(START + 4 * SECOND, vec![])).is_none(), "once");

    let mut app = busy(120, 40);
    hand(&mut app, unknown(START + SECOND, vec![]));
    press(&mut app, "e");
    assert!(matches!(hand(&mut app, unknown(START + 4 * SECOND, vec![])), Some(Effect::Export(_))));
    press(&mut app, "Space");
    assert!(matches!(press(&mut app, "e")[..], [Effect::Export(_)]), "paused: at once");
}

#[test]
fn what_is_exported_is_what_the_focused_pane_is_about() {
    let exported = |keys| {
        let mut app = busy(120, 40);
        let effects = press(&mut app, keys);
        let Some(Effect::Export(export)) = effects.into_iter().next_back() else {
            panic!("no export: {keys}")
        };
        (export.tree.measure, export.subject, export.tree.total())
    };
    let waited = |subject: &str, ms: u64| (Measure::OffCpu, subject.to_owned(), ms * 1_000_000);
    // 813: 210 blocked and 4 for a CPU; 990: 95, 12 and 31; 812 waits for 500.
    assert_eq!(exported("3 e"), waited("all processes", 210 + 4 + 95 + 12 + 31 + 500));
    assert_eq!(exported("/ postgres Enter 3 e"), waited("postgres", 95 + 12 + 31));
    assert_eq!(exported("3 j Enter e"), waited("postgres (990)", 95 + 12 + 31));
    for keys in ["e", "2 e", "4 e"] {
        assert_eq!(exported(keys), (Measure::Cpu, "all processes".to_owned(), 54), "{keys}");
    }
    // As the profile pane shows it: 54 samples at 99 Hz, and the waits.
    let ran = 54 * (SECOND / 99);
    let wall = ran + (210 + 4 + 95 + 12 + 31 + 500) * 1_000_000;
    for keys in ["4 w e", "4 w 1 e"] {
        assert_eq!(exported(keys), (Measure::Wall, "all processes".to_owned(), wall), "{keys}");
    }
    assert_eq!(exported("4 w 3 e").0, Measure::OffCpu);
    assert_eq!(exported("4 w w e").0, Measure::Cpu);
    assert_eq!(exported("4 w 3 j Enter 4 e").0, Measure::Wall, "also of one process");
    for (keys, what) in [("3 e", "waits"), ("4 e", "samples"), ("4 w e", "time")] {
        let mut empty = app(80, 24);
        assert!(press(&mut empty, keys).is_empty());
        assert_eq!(empty.notice.unwrap().text, format!("no {what} to export yet"));
    }
}

#[test]
fn an_off_cpu_export_waits_for_symbols_too() {
    let batch = |time_ns, stacks| Batch {
        time_ns,
        window_ns: SECOND,
        offcpu: vec![waits(813, WaitState::Interruptible, (0, 77), 9_000, 0)],
        stacks,
        health: health(),
        ..Batch::default()
    };
    let hand = |app: &mut App, batch| app.update(Message::Batch(Box::new(batch)));
    let mut app = busy(120, 40);
    hand(&mut app, batch(START + SECOND, vec![]));
    assert!(press(&mut app, "3 e 1").is_empty(), "symbols are missing");
    let named = batch(START + 2 * SECOND, vec![stack(77, &["main", "late"])]);
    let Some(Effect::Export(export)) = hand(&mut app, named) else { panic!("no export") };
    assert_eq!(export.tree.measure, Measure::OffCpu, "the other pane's was asked for");
}
