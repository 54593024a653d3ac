//! Health: a row of numbers, of which a batch tells those that changed. They are told as they are, not
//! as differences, so that they are right again after a frame that is missing.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put};
use crate::capture::known::Known;
use crate::capture::limits::PROBES_MAX;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::probes::PROBES;
use crate::source::{Batch, Health, Overhead, ProbeHealth, ProbeStatus, Unwind};

/// Numbers before those of the first probe; as many as each probe has.
const ROW: usize = 16;
/// Numbers of all.
const ROWS: usize = ROW * (1 + PROBES_MAX);

/// Writes the health of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Health,
}

impl Writer {
    /// Appends what changed; `row` is what was told last, empty after a key.
    pub fn push(&mut self, health: &Health, row: &mut Vec<u64>, told: &mut Telling) {
        let now = row_of(health, told);
        row.resize(now.len().max(row.len()), 0);
        let (mut changes, mut last) = (0, 0);
        for (field, old) in row.iter_mut().enumerate() {
            let value = now.get(field).copied().unwrap_or(0);
            if value != *old {
                put(&mut self.message.field, (field - last) as u64);
                put(&mut self.message.value, value);
                (*old, last, changes) = (value, field, changes + 1);
            }
        }
        put(&mut self.message.changes, changes);
    }

    pub fn finish(self) -> messages::Health {
        self.message
    }
}

fn row_of(health: &Health, told: &mut Telling) -> Vec<u64> {
    let probes = &health.probes[..health.probes.len().min(PROBES_MAX)];
    let mut row = vec![0; ROW * (1 + probes.len())];
    let filter = (!health.filter.is_empty()).then_some(health.filter.as_str());
    row[..16].copy_from_slice(&[
        probes.len() as u64,
        health.read_errors,
        health.unsymbolized_stacks,
        health.overrun,
        health.skipped_ticks,
        health.overhead.self_cpu.to_bits(),
        u64::from(health.overhead.bpf_share.is_some()),
        health.overhead.bpf_share.map_or(0, f64::to_bits),
        u64::from(health.pushed_down.is_some()),
        health.pushed_down.map_or(0, |pids| pids as u64),
        told.optional(filter),
        health.unwind.tables,
        health.unwind.bytes,
        health.unwind.no_room,
        health.unwind.unopened,
        health.unwind.unknown_pythons,
    ]);
    for (probe, row) in probes.iter().zip(row[ROW..].chunks_exact_mut(ROW)) {
        let reason = match &probe.status {
            ProbeStatus::On => None,
            ProbeStatus::Off(reason) => Some(reason.as_str()),
        };
        row[..16].copy_from_slice(&[
            told.string(probe.name),
            told.optional(reason),
            probe.events,
            probe.ring_full,
            probe.map_full,
            probe.skipped_runs,
            0, // once stacks lost to collisions
            probe.stack_errors,
            probe.unresolved_frames,
            probe.unreadable,
            probe.unseen_ends,
            probe.unseen_waits,
            probe.filtered,
            probe.spared,
            probe.sparing,
            u64::from(probe.cpu.unwrap_or(f32::NAN).to_bits()) << 32
                | u64::from(probe.fill.to_bits()),
        ]);
    }
    row
}

/// What a reader knows of the health.
#[derive(Clone, Debug, Default)]
pub struct Row {
    values: Vec<u64>,
    /// As it was last, for when the row's beginning is missing.
    pub last: Health,
    /// The row's beginning, which a key tells, is missing.
    pub unknown: bool,
}

impl Row {
    /// Before anything was told.
    pub fn of_nothing() -> Self {
        Self { unknown: true, ..Self::default() }
    }
}

/// Reads the health of a frame.
pub fn read(
    message: &messages::Health,
    known: &mut Known,
    row: &mut Row,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    row.values.resize(ROWS, 0);
    let mut changes = Column::new(&message.changes);
    let (mut fields, mut values) = (Column::new(&message.field), Column::new(&message.value));
    for batch in batches {
        let mut field = 0u64;
        let mut changed = false;
        for _ in 0..changes.next()? {
            field = field.saturating_add(fields.next()?);
            let value = values.next()?;
            // Of a later version; passed over.
            let Some(old) = usize::try_from(field).ok().and_then(|field| row.values.get_mut(field))
            else {
                continue;
            };
            *old = value;
            changed = true;
        }
        if row.unknown {
            known.unknown += 1;
        } else if changed {
            row.last = health_of(&row.values, known)?;
        }
        known.budget.pay(of_health(&row.last))?;
        batch.health = row.last.clone();
    }
    all_read(&[changes, fields, values])
}

/// Memory that it takes, in bytes.
fn of_health(health: &Health) -> u64 {
    let reasons = health.probes.iter().map(|probe| match &probe.status {
        ProbeStatus::On => 0,
        ProbeStatus::Off(reason) => reason.len() as u64,
    });
    (health.probes.len() * size_of::<ProbeHealth>() + health.filter.len()) as u64
        + reasons.sum::<u64>()
}

fn health_of(row: &[u64], known: &mut Known) -> Result<Health, Damage> {
    let count = usize::try_from(row[0]).unwrap_or(usize::MAX).min(PROBES_MAX);
    let mut probes = Vec::with_capacity(count);
    for row in row[ROW..].chunks_exact(ROW).take(count) {
        probes.extend(probe_of(row, known)?);
    }
    let pids = usize::try_from(row[9]).unwrap_or(usize::MAX);
    Ok(Health {
        probes,
        read_errors: row[1],
        unsymbolized_stacks: row[2],
        overrun: row[3],
        skipped_ticks: row[4],
        overhead: Overhead {
            self_cpu: f64::from_bits(row[5]),
            bpf_share: (row[6] != 0).then_some(f64::from_bits(row[7])),
        },
        pushed_down: (row[8] != 0).then_some(pids),
        filter: match row[10].checked_sub(1) {
            Some(number) => known.string(number)?,
            None => String::new(),
        },
        unwind: Unwind {
            tables: row[11],
            bytes: row[12],
            no_room: row[13],
            unopened: row[14],
            unknown_pythons: row[15],
        },
    })
}

/// `None` for a probe that this version does not have.
fn probe_of(row: &[u64], known: &mut Known) -> Result<Option<ProbeHealth>, Damage> {
    let name = known.string(row[0])?;
    let Some(probe) = PROBES.iter().find(|probe| probe.name == name) else {
        known.unknown += 1;
        return Ok(None);
    };
    let status = match row[1].checked_sub(1) {
        Some(number) => ProbeStatus::Off(known.string(number)?),
        None => ProbeStatus::On,
    };
    Ok(Some(ProbeHealth {
        name: probe.name,
        status,
        events: row[2],
        ring_full: row[3],
        map_full: row[4],
        skipped_runs: row[5],
        stack_errors: row[6].saturating_add(row[7]),
        unresolved_frames: row[8],
        unreadable: row[9],
        unseen_ends: row[10],
        unseen_waits: row[11],
        filtered: row[12],
        spared: row[13],
        sparing: row[14],
        cpu: Some(f32::from_bits((row[15] >> 32) as u32)).filter(|cpu| !cpu.is_nan()),
        fill: f32::from_bits(row[15] as u32),
    }))
}
