//! temporary
use syscope::source::live;
fn main() {
    tracing_subscriber::fmt().init();
    let t = std::time::Instant::now();
    let mut h = match live::start(live::Options {
        interval: std::time::Duration::from_millis(250),
        frequency_hz: 99,
        include_self: false,
        filter: Default::default(),
    }) {
        Ok(h) => h,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    };
    eprintln!("started in {:?}", t.elapsed());
    let mut m = syscope::model::Model::new(h.watched.clone(), syscope::model::Bounds::LIVE);
    for _ in 0..12 {
        let b = h.batches.blocking_recv().unwrap();
        eprintln!(
            "batch {} procs {} sys {} opens {} off {} wait {} prof {} stacks {}",
            b.window_ns,
            b.processes.len(),
            b.syscalls.len(),
            b.opens.len(),
            b.offcpu.len(),
            b.waiting.as_ref().map_or(0, |w| w.len()),
            b.profile.len(),
            b.stacks.len()
        );
        m.fold(b);
    }
    eprintln!("{:#?}", m.health);
    for r in m.opens.rows().take(10) {
        eprintln!("{} {:?} {:?}", r.event.comm, r.event.path, r.event.result);
    }
    let mut v: Vec<_> = m
        .syscalls
        .iter()
        .map(|(k, c)| (c.total.calls, m.processes.get(k).unwrap().comm.clone(), k.pid))
        .collect();
    v.sort();
    v.reverse();
    eprintln!("{v:?}");
}
