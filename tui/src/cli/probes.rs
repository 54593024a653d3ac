//! Which probes run.

use crate::kernel::Wanted;
use crate::probes::PROBES;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use syscope_shared::health::ProbeId;

/// Which probes run.
#[derive(Args, Clone, Debug)]
pub struct ProbesArgs {
    /// Attach only these probes; several are joined by commas. What is left out costs nothing, and its
    /// pane says that it is off.
    #[arg(long, value_name = "PROBE", value_delimiter = ',', value_parser = probe())]
    pub probes: Vec<ProbeId>,
}

impl ProbesArgs {
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
