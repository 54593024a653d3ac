//! From batches to lines, and the account of what is missing.

use super::clock::Clock;
use super::event::{Event, Picker};
use super::lost::Lost;
use super::{Kind, json, text};
use crate::filter::Filter;
use crate::source::Batch;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for people.
    Text,
    /// JSON Lines.
    Json,
}

/// Makes lines of batches. Every event that was asked for is printed or counted as lost.
pub struct Stream {
    kind: Kind,
    format: Format,
    picker: Picker,
    account: Account,
    clock: Clock,
}

/// What was printed and what was not.
#[derive(Default)]
struct Account {
    printed: u64,
    /// Lost before it came here, as of the last batch.
    before: Lost,
    /// Not printed, for nobody took what was printed before.
    overrun: u64,
    /// What the lines themselves tell of it so far.
    told: Lost,
    /// When the last batch was read, in ns.
    now_ns: u64,
}

impl Account {
    fn lost(&self) -> Lost {
        Lost { overrun: self.before.overrun + self.overrun, ..self.before }
    }
}

impl Stream {
    /// Prints events of this kind that the filter accepts.
    pub fn new(kind: Kind, format: Format, filter: Filter, clock: Clock) -> Self {
        let picker = Picker::new(kind, filter);
        Self { kind, format, picker, account: Account::default(), clock }
    }

    /// What stands above all lines.
    pub fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.format == Format::Text {
            text::head(self.kind, &mut out);
        }
        out
    }

    /// The lines of a batch, as far as they fit into about `room` bytes; the others are lost.
    pub fn lines(&mut self, batch: Batch, room: usize) -> Vec<u8> {
        let Self { kind, format, picker, account, clock } = self;
        let mut out = Vec::new();
        account.now_ns = batch.time_ns;
        let lost_before = Lost::of(*kind, &batch.health);
        picker.pick(batch, |event| {
            if out.len() >= room {
                account.overrun += 1;
                return;
            }
            tell_lost(*format, account, clock, &mut out);
            account.printed += 1;
            line(*format, event, clock, &mut out);
        });
        // Read last, so what it says is missing came after what was printed or among it.
        account.before = account.before.grown_to(&lost_before);
        if out.len() < room {
            tell_lost(*format, account, clock, &mut out);
        }
        out
    }

    /// The last lines: what is missing and was not told yet.
    pub fn end(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        tell_lost(self.format, &mut self.account, &self.clock, &mut out);
        out
    }

    /// Events printed so far.
    pub fn printed(&self) -> u64 {
        self.account.printed
    }

    /// Events lost so far.
    pub fn lost(&self) -> Lost {
        self.account.lost()
    }
}

fn line(format: Format, event: Event<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    match format {
        Format::Text => text::line(event, clock, out),
        Format::Json => json::line(event, clock, out),
    }
}

/// Says in the stream itself that events are missing, where programs read it.
fn tell_lost(format: Format, account: &mut Account, clock: &Clock, out: &mut Vec<u8>) {
    let lost = account.lost();
    if format == Format::Json && lost != account.told {
        json::lost(lost.since(&account.told), account.now_ns, clock, out);
        account.told = lost;
    }
}
