//! What happened to processes.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_delta};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, ProcessEvent, ProcessSeen};

const SEEN: u64 = 0;
const FORK: u64 = 1;
const EXEC: u64 = 2;
const EXIT: u64 = 3;

/// Writes the events of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Processes,
    last_ns: u64,
    cmdlines: bool,
}

impl Writer {
    pub fn new(cmdlines: bool) -> Self {
        Self { cmdlines, ..Self::default() }
    }

    pub fn push(&mut self, events: &[ProcessEvent], told: &mut Telling) {
        put(&mut self.message.count, events.len() as u64);
        for event in events {
            match event {
                ProcessEvent::Seen(seen) => self.push_seen(seen, told),
                ProcessEvent::Fork { time_ns, pid, parent, comm } => {
                    self.begin(FORK, *time_ns, *pid, told);
                    put(&mut self.message.parent, told.pid(*parent));
                    put(&mut self.message.comm, told.string(comm));
                }
                ProcessEvent::Exec { time_ns, pid, comm, cmdline } => {
                    self.begin(EXEC, *time_ns, *pid, told);
                    put(&mut self.message.comm, told.string(comm));
                    self.push_cmdline(cmdline, told);
                }
                ProcessEvent::Exit { time_ns, pid } => self.begin(EXIT, *time_ns, *pid, told),
            }
        }
    }

    fn begin(&mut self, kind: u64, time_ns: u64, pid: u32, told: &mut Telling) {
        put(&mut self.message.kind, kind);
        put_delta(&mut self.message.time_ns, &mut self.last_ns, time_ns);
        put(&mut self.message.pid, told.pid(pid));
    }

    fn push_seen(&mut self, seen: &ProcessSeen, told: &mut Telling) {
        self.begin(SEEN, seen.start_ns, seen.pid, told);
        put(&mut self.message.parent, told.pid(seen.parent));
        put(&mut self.message.comm, told.string(&seen.comm));
        self.push_cmdline(&seen.cmdline, told);
        put(&mut self.message.ancestors, seen.ancestors.len() as u64);
        for pid in &seen.ancestors {
            put(&mut self.message.ancestor, told.pid(*pid));
        }
    }

    fn push_cmdline(&mut self, cmdline: &str, told: &mut Telling) {
        let cmdline = if self.cmdlines { cmdline } else { "" };
        let words = told.words(cmdline, &mut self.message.word);
        put(&mut self.message.words, words);
    }

    pub fn finish(self) -> messages::Processes {
        self.message
    }
}

/// Reads the events of a frame.
pub fn read(
    message: &messages::Processes,
    known: &mut Known,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut columns = Columns {
        kind: Column::new(&message.kind),
        time_ns: Column::new(&message.time_ns),
        pid: Column::new(&message.pid),
        parent: Column::new(&message.parent),
        comm: Column::new(&message.comm),
        words: Column::new(&message.words),
        word: Column::new(&message.word),
        ancestors: Column::new(&message.ancestors),
        ancestor: Column::new(&message.ancestor),
    };
    let mut count = Column::new(&message.count);
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<ProcessEvent>(1)?;
            batch.processes.push(columns.next(known)?);
        }
    }
    count.end()?;
    columns.end()
}

struct Columns<'a> {
    kind: Column<'a>,
    time_ns: Column<'a>,
    pid: Column<'a>,
    parent: Column<'a>,
    comm: Column<'a>,
    words: Column<'a>,
    word: Column<'a>,
    ancestors: Column<'a>,
    ancestor: Column<'a>,
}

impl Columns<'_> {
    fn next(&mut self, known: &mut Known) -> Result<ProcessEvent, Damage> {
        let kind = self.kind.next()?;
        let time_ns = self.time_ns.next_delta()?;
        let pid = known.pid(self.pid.next()?)?;
        Ok(match kind {
            SEEN => ProcessEvent::Seen(ProcessSeen {
                pid,
                start_ns: time_ns,
                parent: known.pid(self.parent.next()?)?,
                comm: known.string(self.comm.next()?)?,
                cmdline: known.words(self.words.next()?, &mut self.word)?,
                ancestors: self.ancestors(known)?,
            }),
            FORK => ProcessEvent::Fork {
                time_ns,
                pid,
                parent: known.pid(self.parent.next()?)?,
                comm: known.string(self.comm.next()?)?,
            },
            EXEC => ProcessEvent::Exec {
                time_ns,
                pid,
                comm: known.string(self.comm.next()?)?,
                cmdline: known.words(self.words.next()?, &mut self.word)?,
            },
            EXIT => ProcessEvent::Exit { time_ns, pid },
            _ => return Err(Damage("a process event is of an unknown kind".to_owned())),
        })
    }

    fn ancestors(&mut self, known: &mut Known) -> Result<Vec<u32>, Damage> {
        let mut ancestors = Vec::new();
        for _ in 0..self.ancestors.next()? {
            known.budget.pay_for::<u32>(1)?;
            ancestors.push(known.pid(self.ancestor.next()?)?);
        }
        Ok(ancestors)
    }

    fn end(&self) -> Result<(), Damage> {
        all_read(&[
            self.kind,
            self.time_ns,
            self.pid,
            self.parent,
            self.comm,
            self.words,
            self.word,
            self.ancestors,
            self.ancestor,
        ])
    }
}
