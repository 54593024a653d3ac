//! The marked range of the timeline.

/// A range of the timeline, or a part of one: boundaries between ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Where it starts.
    pub start: Option<u64>,
    /// Where it ends.
    pub end: Option<u64>,
}

impl Marks {
    /// From one boundary to another, in whichever order.
    pub fn between(one: u64, other: u64) -> Self {
        Self { start: Some(one.min(other)), end: Some(one.max(other)) }
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Marks the start. An end that is not behind it is an end no more.
    pub fn set_start(&mut self, boundary: u64) {
        self.start = Some(boundary);
        self.end = self.end.filter(|end| *end > boundary);
    }

    /// Marks the end. A start that is not before it is a start no more.
    pub fn set_end(&mut self, boundary: u64) {
        self.end = Some(boundary);
        self.start = self.start.filter(|start| *start < boundary);
    }

    /// What of these boundaries is in the range.
    pub fn within(&self, first: u64, end: u64) -> (u64, u64) {
        let low = self.start.unwrap_or(first).clamp(first, end);
        (low, self.end.unwrap_or(end).clamp(low, end))
    }

    /// Boundaries before this one are not kept any more.
    pub fn forget_before(&mut self, first: u64) {
        if self.end.is_some_and(|end| end <= first) {
            *self = Self::default();
        }
        self.start = self.start.map(|start| start.max(first));
    }
}
