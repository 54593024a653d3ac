//! The four panes and what the user looks at in them.

use super::derive::{offcpu, opens, profile, syscalls};
use super::flame::FlameView;
use super::table::{Column, Home, Sort, TableState};
use crate::flame::Measure;
use crate::model::ProcKey;
use crate::probes::PROBES;

/// One of the four panes, in the order of [`PROBES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// System calls.
    Syscalls,
    /// File opens.
    Opens,
    /// Off-CPU time.
    Offcpu,
    /// CPU profile.
    Profile,
}

impl Pane {
    /// All of them, in the order of keys 1 to 4.
    pub const ALL: [Self; 4] = [Self::Syscalls, Self::Opens, Self::Offcpu, Self::Profile];

    /// Its place among [`Pane::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Stem of its probe.
    pub fn name(self) -> &'static str {
        PROBES[self.index()].name
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        PROBES[self.index()].title
    }

    /// The columns of its table: for all processes, or for one.
    pub fn columns(self, one_process: bool) -> &'static [Column] {
        match (self, one_process) {
            (Self::Syscalls, false) => syscalls::PROCESS_COLUMNS,
            (Self::Syscalls, true) => syscalls::CALL_COLUMNS,
            (Self::Opens, false) => opens::COLUMNS,
            (Self::Opens, true) => opens::PROCESS_COLUMNS,
            (Self::Offcpu, false) => offcpu::PROCESS_COLUMNS,
            (Self::Offcpu, true) => offcpu::PLACE_COLUMNS,
            (Self::Profile, _) => profile::COLUMNS,
        }
    }

    /// The column its table is sorted by at first.
    fn first_sort(self, one_process: bool) -> Sort {
        let columns = self.columns(one_process);
        let title = match (self, one_process) {
            (Self::Syscalls, false) => "CALL/s",
            (Self::Syscalls, true) => "TIME",
            (Self::Opens, _) => "TIME",
            (Self::Offcpu, _) => "BLOCKED",
            (Self::Profile, _) => "SELF",
        };
        let column = columns.iter().position(|column| column.title == title).unwrap_or(0);
        Sort { unasked: true, ..Sort::by(columns, column) }
    }
}

/// What the user looks at: all processes, or one.
#[derive(Clone, Debug)]
pub struct View {
    /// The process, if it is one.
    pub process: Option<ProcKey>,
    /// The pane that has the keys.
    pub focus: Pane,
    /// That pane has the whole screen.
    pub maximized: bool,
    /// Selection, scrolling and sorting, by pane.
    pub tables: [TableState; 4],
    /// The profile pane shows top functions instead of the flame graph.
    pub functions: bool,
    /// The profile pane shows all time of the threads, not only that on the CPU.
    pub wall: bool,
    /// The flame graph.
    pub flame: FlameView,
    /// The pane of file opens shows only those that failed.
    pub failed_only: bool,
}

impl View {
    /// A fresh look at all processes, or one.
    pub fn new(process: Option<ProcKey>, focus: Pane) -> Self {
        let tables = Pane::ALL.map(|pane| {
            let home = if pane == Pane::Opens { Home::Bottom } else { Home::Top };
            TableState::new(pane.first_sort(process.is_some()), home)
        });
        let flame = FlameView::default();
        Self {
            process,
            focus,
            maximized: false,
            tables,
            functions: false,
            wall: false,
            flame,
            failed_only: false,
        }
    }

    /// What the flame graph measures.
    pub fn measure(&self) -> Measure {
        if self.wall { Measure::Wall } else { Measure::Cpu }
    }

    /// The table of a pane.
    pub fn table(&self, pane: Pane) -> &TableState {
        &self.tables[pane.index()]
    }

    /// The table of a pane, to change it.
    pub fn table_mut(&mut self, pane: Pane) -> &mut TableState {
        &mut self.tables[pane.index()]
    }

    /// The columns of a pane's table.
    pub fn columns(&self, pane: Pane) -> &'static [Column] {
        pane.columns(self.process.is_some())
    }
}
