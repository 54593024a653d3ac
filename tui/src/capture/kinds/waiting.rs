//! Threads that are off the CPU: told as steps that make a batch's list of the one before, for most of
//! it stays the same from batch to batch.

use super::{state_number, state_of};
use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_signed};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, WaitingNow};
use rustc_hash::FxHashMap;

/// So many as they were in the list before, from a place in it.
const COPY: u64 = 0;
/// The same threads in the same place as in the list before, but waiting anew.
const ANEW: u64 = 1;
/// So many that are told in full.
const INSERT: u64 = 2;

/// Writes the waits of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Waiting,
}

impl Writer {
    /// Appends the list of a batch that ended at `now_ns`; `before` is the list that was told last.
    pub fn push(
        &mut self,
        now_ns: u64,
        waiting: Option<&[WaitingNow]>,
        before: &[WaitingNow],
        told: &mut Telling,
    ) {
        let Some(waiting) = waiting else { return put(&mut self.message.steps, 0) };
        let steps = steps(waiting, before);
        put(&mut self.message.steps, steps.len() as u64 + 1);
        let (mut cursor, mut at) = (0i64, 0);
        for Step { kind, from, len } in steps {
            put(&mut self.message.step, (len as u64) << 2 | kind);
            if kind != INSERT {
                put_signed(&mut self.message.skip, from as i64 - cursor);
                cursor = (from + len) as i64;
            }
            for wait in &waiting[at..at + len] {
                if kind == INSERT {
                    self.insert(wait, told);
                }
                if kind != COPY {
                    self.put_times(now_ns, wait);
                }
            }
            at += len;
        }
    }

    fn insert(&mut self, wait: &WaitingNow, told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.pid, told.pid(wait.pid));
        put_signed(&mut message.tid, i64::from(wait.tid) - i64::from(wait.pid));
        put(&mut message.state, state_number(wait.state));
        put(&mut message.kernel_stack, told.stack_id(wait.kernel_stack));
        put(&mut message.user_stack, told.stack_id(wait.user_stack));
    }

    fn put_times(&mut self, now_ns: u64, wait: &WaitingNow) {
        let message = &mut self.message;
        put_signed(&mut message.since_ns, now_ns.wrapping_sub(wait.since_ns) as i64);
        put(&mut message.woken, u64::from(wait.woken_ns.is_some()));
        if let Some(woken_ns) = wait.woken_ns {
            put_signed(&mut message.woken_ns, woken_ns.wrapping_sub(wait.since_ns) as i64);
        }
    }

    pub fn finish(self) -> messages::Waiting {
        self.message
    }
}

struct Step {
    kind: u64,
    /// First in the list before; of no meaning for [`INSERT`].
    from: usize,
    len: usize,
}

/// The steps that make one list of the other.
fn steps(waiting: &[WaitingNow], before: &[WaitingNow]) -> Vec<Step> {
    let places: FxHashMap<u32, usize> =
        before.iter().enumerate().map(|(place, wait)| (wait.tid, place)).collect();
    let mut steps: Vec<Step> = Vec::new();
    for wait in waiting {
        let place = places.get(&wait.tid).copied();
        let (kind, from) = match place.map(|place| (place, &before[place])) {
            Some((place, old)) if old == wait => (COPY, place),
            Some((place, old)) if same_place(old, wait) => (ANEW, place),
            _ => (INSERT, 0),
        };
        match steps.last_mut() {
            Some(last) if last.kind == kind && (kind == INSERT || last.from + last.len == from) => {
                last.len += 1;
            }
            _ => steps.push(Step { kind, from, len: 1 }),
        }
    }
    steps
}

fn same_place(one: &WaitingNow, other: &WaitingNow) -> bool {
    let place =
        |wait: &WaitingNow| (wait.pid, wait.tid, wait.state, wait.kernel_stack, wait.user_stack);
    place(one) == place(other)
}

/// Reads the waits of a frame. `before` is the list that was told last, `None` when it is not known;
/// as it stands at the frame's end afterwards.
pub fn read(
    message: &messages::Waiting,
    known: &mut Known,
    before: &mut Option<Vec<WaitingNow>>,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut steps = Column::new(&message.steps);
    let mut columns = Columns::new(message);
    for batch in batches {
        let Some(count) = steps.next()?.checked_sub(1) else { continue };
        let list = columns.list(count, batch.time_ns, known, before.as_deref())?;
        if list.is_none() {
            known.unknown += 1;
        }
        known.budget.pay_for::<WaitingNow>(list.as_ref().map_or(0, Vec::len) as u64)?;
        *before = list.clone();
        // Threads that may wait no longer would be shown as waiting for ever longer: none are shown.
        batch.waiting = Some(list.unwrap_or_default());
    }
    steps.end()?;
    columns.end()
}

struct Columns<'a> {
    step: Column<'a>,
    skip: Column<'a>,
    pid: Column<'a>,
    tid: Column<'a>,
    state: Column<'a>,
    kernel_stack: Column<'a>,
    user_stack: Column<'a>,
    since_ns: Column<'a>,
    woken: Column<'a>,
    woken_ns: Column<'a>,
}

impl<'a> Columns<'a> {
    fn new(message: &'a messages::Waiting) -> Self {
        Self {
            step: Column::new(&message.step),
            skip: Column::new(&message.skip),
            pid: Column::new(&message.pid),
            tid: Column::new(&message.tid),
            state: Column::new(&message.state),
            kernel_stack: Column::new(&message.kernel_stack),
            user_stack: Column::new(&message.user_stack),
            since_ns: Column::new(&message.since_ns),
            woken: Column::new(&message.woken),
            woken_ns: Column::new(&message.woken_ns),
        }
    }

    /// One list; `None` when it builds on one that is not known.
    fn list(
        &mut self,
        steps: u64,
        now_ns: u64,
        known: &mut Known,
        before: Option<&[WaitingNow]>,
    ) -> Result<Option<Vec<WaitingNow>>, Damage> {
        let (mut list, mut whole, mut cursor) = (Vec::new(), true, 0);
        for _ in 0..steps {
            let step = self.step.next()?;
            let (kind, len) = (step & 3, step >> 2);
            known.budget.pay_for::<WaitingNow>(len)?;
            let old = match (kind, before) {
                (COPY | ANEW, before) => {
                    let part = part_of(before, &mut cursor, self.skip.next_signed()?, len)?;
                    whole &= part.is_some();
                    part
                }
                (INSERT, _) => None,
                _ => return Err(Damage("a change of waits is of an unknown kind".to_owned())),
            };
            if kind == COPY {
                list.extend_from_slice(old.unwrap_or_default());
                continue;
            }
            for index in 0..len as usize {
                let mut wait = match (kind, old) {
                    (INSERT, _) => self.insert(known)?,
                    (_, Some(old)) => old[index].clone(),
                    (_, None) => UNKNOWN,
                };
                self.times(now_ns, &mut wait)?;
                list.push(wait);
            }
        }
        Ok(whole.then_some(list))
    }

    fn insert(&mut self, known: &Known) -> Result<WaitingNow, Damage> {
        let pid = known.pid(self.pid.next()?)?;
        let tid = i64::from(pid).checked_add(self.tid.next_signed()?);
        let tid = tid.and_then(|tid| u32::try_from(tid).ok());
        Ok(WaitingNow {
            pid,
            tid: tid.ok_or_else(|| Damage("a TID is too large".to_owned()))?,
            state: state_of(self.state.next()?)?,
            kernel_stack: known.stack_id(self.kernel_stack.next()?)?,
            user_stack: known.stack_id(self.user_stack.next()?)?,
            ..UNKNOWN
        })
    }

    fn times(&mut self, now_ns: u64, wait: &mut WaitingNow) -> Result<(), Damage> {
        wait.since_ns = now_ns.wrapping_sub(self.since_ns.next_signed()? as u64);
        wait.woken_ns = match self.woken.next_bool()? {
            true => Some(wait.since_ns.wrapping_add(self.woken_ns.next_signed()? as u64)),
            false => None,
        };
        Ok(())
    }

    fn end(&self) -> Result<(), Damage> {
        all_read(&[
            self.step,
            self.skip,
            self.pid,
            self.tid,
            self.state,
            self.kernel_stack,
            self.user_stack,
            self.since_ns,
            self.woken,
            self.woken_ns,
        ])
    }
}

/// Takes the place of a thread of a list that is not known.
const UNKNOWN: WaitingNow = WaitingNow {
    pid: 0,
    tid: 0,
    state: crate::source::WaitState::Runnable,
    kernel_stack: crate::source::StackId::NONE,
    user_stack: crate::source::StackId::NONE,
    since_ns: 0,
    woken_ns: None,
};

/// The next part of the list before, which begins `skip` behind the last.
fn part_of<'a>(
    before: Option<&'a [WaitingNow]>,
    cursor: &mut i64,
    skip: i64,
    len: u64,
) -> Result<Option<&'a [WaitingNow]>, Damage> {
    let Some(before) = before else { return Ok(None) };
    let part = cursor.checked_add(skip).and_then(|from| {
        let (from, len) = (usize::try_from(from).ok()?, usize::try_from(len).ok()?);
        let end = from.checked_add(len)?;
        *cursor = i64::try_from(end).ok()?;
        before.get(from..end)
    });
    part.map(Some).ok_or_else(|| Damage("a wait is copied that was not there".to_owned()))
}
