//! Which probes run, and what they may cost.

use super::values;
use crate::kernel::Wanted;
use crate::probes::PROBES;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use syscope_shared::health::ProbeId;

/// Which probes run, and what they may cost.
#[derive(Args, Clone, Debug)]
pub struct ProbesArgs {
    /// Attach only these probes; several are joined by commas. What is left out costs nothing, and its
    /// pane says that it is off.
    #[arg(long, value_name = "PROBE", value_delimiter = ',', value_parser = probe())]
    pub probes: Vec<ProbeId>,
    /// CPU time that watching may take, of the whole machine's: its BPF programs and its own processes. Beyond, no
    /// stacks are taken of waits of threads whose last one was short, then opens are sampled; both are counted and
    /// shown, and end when load falls. Calls and waits are counted and timed all the same. `off`: whatever it takes.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = values::budget)]
    pub budget: Budget,
}

/// CPU time that watching may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget(pub(super) Option<f64>);

impl ProbesArgs {
    /// Share of the machine's CPU time that watching may take; `None`: whatever it takes.
    pub fn budget(&self) -> Option<f64> {
        self.budget.0
    }

    /// What is attached.
    pub fn wanted(&self) -> Wanted {
        if self.probes.is_empty() {
            return Wanted::PANES;
        }
        Wanted::probes(self.probes.iter().copied())
    }
}

/// The name of a probe that has a pane.
fn probe() -> impl TypedValueParser<Value = ProbeId> {
    let with_pane = || PROBES.iter().filter(|probe| !probe.title.is_empty());
    let values = with_pane().map(|probe| PossibleValue::new(probe.name).help(probe.about));
    PossibleValuesParser::new(values).map(move |name| {
        with_pane().find(|probe| probe.name == name).expect("a value that is possible").id
    })
}
