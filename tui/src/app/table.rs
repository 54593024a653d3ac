//! What a table knows: its columns, how it is sorted, which row is selected. No styles, no rows.

use crate::model::{Place, ProcKey};

/// Names a row for as long as its table shows it, however the table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowId {
    /// A process.
    Process(ProcKey),
    /// All processes that ended some time ago.
    Ended,
    /// A system call, by number.
    Call(u32),
    /// A file open, by its number since the start.
    Open(u64),
    /// A place where a process waits.
    Place(Place),
    /// A function, by the hash of its name and module.
    Function(u64),
}

/// Which end of a column its values stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
    /// Paths: at the left, and cut at their start where they do not fit.
    Tail,
}

/// How a column sorts when it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Not at all.
    None,
    /// Smallest first: names, PIDs.
    Ascending,
    /// Largest first: counts and times.
    Descending,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its head.
    pub title: &'static str,
    /// Columns of the terminal it takes at least.
    pub min: u16,
    /// Columns of the terminal it takes at most.
    pub max: u16,
    /// In a table of at least so many columns it takes at least so many of them.
    pub roomy: Option<(u16, u16)>,
    /// Which end values stand at.
    pub align: Align,
    /// 0: always shown; else, where room is short, columns with higher numbers go first.
    pub drop: u8,
    /// How it sorts.
    pub order: Order,
}

impl Column {
    /// A column of numbers, sorted largest first.
    pub const fn number(title: &'static str, width: u16, drop: u8) -> Self {
        Self {
            title,
            min: width,
            max: width,
            roomy: None,
            align: Align::Right,
            drop,
            order: Order::Descending,
        }
    }

    /// A column of text that grows from `min` to `max`.
    pub const fn text(title: &'static str, min: u16, max: u16, drop: u8, order: Order) -> Self {
        Self { title, min, max, roomy: None, align: Align::Left, drop, order }
    }

    /// The PID column.
    pub const PID: Self = Self {
        title: "PID",
        min: 7,
        max: 7,
        roomy: None,
        align: Align::Right,
        drop: 0,
        order: Order::Ascending,
    };

    /// The column of names of processes and threads: the kernel's have up to 15 characters.
    pub const COMM: Self =
        Self { roomy: Some((58, 15)), ..Self::text("COMM", 8, 15, 0, Order::Ascending) };

    /// Columns of the terminal it takes at least and at most in a table of that width.
    pub fn widths(&self, table: u16) -> (u16, u16) {
        match self.roomy {
            Some((from, min)) if table >= from => (min, self.max.max(min)),
            _ => (self.min, self.max),
        }
    }
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Index of the column.
    pub column: usize,
    /// Its first column on the terminal, from the table's left edge.
    pub x: u16,
    /// Its width.
    pub width: u16,
}

/// Chooses the columns that fit into `width` and places them, one blank between two.
pub fn place_columns(columns: &[Column], width: u16) -> Vec<Slot> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let widths: Vec<_> = columns.iter().map(|column| column.widths(width)).collect();
    let needed =
        |shown: &[usize]| shown.iter().map(|i| widths[*i].0 + 1).sum::<u16>().saturating_sub(1);
    while needed(&shown) > width
        && let Some((at, _)) = shown
            .iter()
            .enumerate()
            .filter(|(_, i)| columns[**i].drop > 0)
            .max_by_key(|(_, i)| columns[**i].drop)
    {
        shown.remove(at);
    }
    let spare = width.saturating_sub(needed(&shown));
    let mut slots = Vec::with_capacity(shown.len());
    let mut x = 0;
    for (column, wanted) in grown(&widths, &shown, spare) {
        let room = width.saturating_sub(x).min(wanted);
        if room > 0 {
            slots.push(Slot { column, x, width: room });
        }
        x += wanted + 1;
    }
    slots
}

/// Widths of the columns shown: those that can grow share `spare` evenly.
fn grown(limits: &[(u16, u16)], shown: &[usize], mut spare: u16) -> Vec<(usize, u16)> {
    let mut widths: Vec<_> = shown.iter().map(|i| (*i, limits[*i].0)).collect();
    loop {
        let before = spare;
        for (column, width) in &mut widths {
            if spare > 0 && *width < limits[*column].1 {
                *width += 1;
                spare -= 1;
            }
        }
        if spare == before {
            return widths;
        }
    }
}

/// By which column a table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Index of the column.
    pub column: usize,
    /// Largest first.
    pub descending: bool,
    /// Nobody asked for it: the pane may put last what is rarely wanted.
    pub unasked: bool,
}

impl Sort {
    /// By this column, in its own order.
    pub fn by(columns: &[Column], column: usize) -> Self {
        let descending = columns[column].order == Order::Descending;
        Self { column, descending, unasked: false }
    }

    /// By the next column that sorts, of those that a table of this width shows.
    pub fn next(self, columns: &[Column], width: u16) -> Self {
        let shown = place_columns(columns, width);
        let sorts = |column: usize| {
            columns[column].order != Order::None && shown.iter().any(|slot| slot.column == column)
        };
        (1..=columns.len())
            .map(|step| (self.column + step) % columns.len())
            .find(|column| sorts(*column))
            .map_or(self, |column| Self::by(columns, column))
    }

    /// The head of the column it sorts by, where a table of this width does not show that.
    pub fn hidden_title(self, columns: &[Column], width: u16) -> Option<&'static str> {
        let shown = place_columns(columns, width).iter().any(|slot| slot.column == self.column);
        (!shown).then(|| columns[self.column].title)
    }

    /// By `column`; in the other order when it is sorted by that already.
    pub fn toggled(self, columns: &[Column], column: usize) -> Self {
        match columns.get(column).map(|c| c.order) {
            None | Some(Order::None) => self,
            Some(_) if self.column == column => self.reversed(),
            Some(_) => Self::by(columns, column),
        }
    }

    /// In the other order.
    pub fn reversed(self) -> Self {
        Self { descending: !self.descending, unasked: false, ..self }
    }
}

/// Where a table's cursor is when nobody moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// On the first row: a table sorted by what matters most.
    Top,
    /// On the last row: a stream, whose tail is followed.
    Bottom,
}

/// A move of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// By lines.
    Lines(isize),
    /// By halves of what is visible.
    Halves(isize),
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
}

/// Selection and scrolling of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableState {
    /// The row the user chose; `None` while the cursor stays at home.
    pub anchor: Option<RowId>,
    /// Index of the row under the cursor, as of the last [`TableState::settle`].
    pub cursor: usize,
    /// Index of the first visible row.
    pub offset: usize,
    /// How it is sorted.
    pub sort: Sort,
    /// Where the cursor is when nobody moved it.
    pub home: Home,
}

impl TableState {
    /// A table at rest.
    pub fn new(sort: Sort, home: Home) -> Self {
        Self { anchor: None, cursor: 0, offset: 0, sort, home }
    }

    /// Moves the cursor among `len` rows of which `height` are visible.
    pub fn go(&mut self, step: Move, len: usize, height: usize, id: impl Fn(usize) -> RowId) {
        if len == 0 {
            return;
        }
        let half = (height / 2).max(1) as isize;
        let target = match step {
            Move::Lines(lines) => self.cursor.saturating_add_signed(lines),
            Move::Halves(halves) => self.cursor.saturating_add_signed(halves * half),
            Move::Top => 0,
            Move::Bottom => len - 1,
        };
        self.select(target.min(len - 1), len, id);
    }

    /// Puts the cursor on a row.
    pub fn select(&mut self, index: usize, len: usize, id: impl Fn(usize) -> RowId) {
        let home = match self.home {
            Home::Top => 0,
            Home::Bottom => len.saturating_sub(1),
        };
        self.cursor = index;
        self.anchor = (index != home && index < len).then(|| id(index));
    }

    /// After the rows changed: finds the chosen row again and keeps it visible.
    pub fn settle(
        &mut self,
        len: usize,
        height: usize,
        id: impl Fn(usize) -> RowId,
        find: impl Fn(RowId) -> Option<usize>,
    ) {
        let before = self.cursor;
        let last = len.saturating_sub(1);
        match (self.anchor, self.home) {
            (None, Home::Top) => self.cursor = 0,
            (None, Home::Bottom) => self.cursor = last,
            (Some(chosen), _) => match find(chosen) {
                Some(index) => self.cursor = index,
                None => {
                    self.cursor = self.cursor.min(last);
                    self.anchor = (len > 0).then(|| id(self.cursor));
                }
            },
        }
        if self.home == Home::Bottom && self.anchor.is_some() {
            // Rows leave a stream at its top: what is visible is to stand still.
            self.offset = self.offset.saturating_sub(before.saturating_sub(self.cursor));
        }
        let height = height.max(1);
        self.offset = self.offset.min(len.saturating_sub(height));
        self.offset = self.offset.min(self.cursor).max((self.cursor + 1).saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::PID,
        Column::text("COMM", 8, 16, 0, Order::Ascending),
        Column::number("CALLS", 6, 2),
        Column::number("P99", 7, 1),
        Column::text("TOP", 6, u16::MAX, 3, Order::None),
    ];

    fn titles(width: u16) -> Vec<&'static str> {
        place_columns(COLUMNS, width).iter().map(|slot| COLUMNS[slot.column].title).collect()
    }

    #[test]
    fn the_least_important_columns_go_first() {
        assert_eq!(titles(60), ["PID", "COMM", "CALLS", "P99", "TOP"]);
        assert_eq!(titles(31), ["PID", "COMM", "CALLS", "P99"]);
        assert_eq!(titles(24), ["PID", "COMM", "P99"]);
        assert_eq!(titles(10), ["PID", "COMM"]);
        assert_eq!(titles(3), ["PID"]);
        assert_eq!(titles(0), [""; 0]);
    }

    #[test]
    fn columns_never_reach_beyond_the_table() {
        for width in 0..100 {
            for slot in place_columns(COLUMNS, width) {
                assert!(slot.x + slot.width <= width, "{slot:?} in {width}");
            }
        }
    }

    #[test]
    fn sorting_skips_columns_that_do_not_sort_and_turns_on_the_same() {
        let sort = Sort::by(COLUMNS, 3);
        assert!(sort.descending);
        assert_eq!(sort.next(COLUMNS, 60), Sort { column: 0, descending: false, unasked: false });
        assert_eq!(sort.toggled(COLUMNS, 3), Sort { column: 3, descending: false, unasked: false });
        assert_eq!(sort.toggled(COLUMNS, 4), sort);
    }

    #[test]
    fn sorting_steps_through_what_is_shown() {
        let sort = Sort::by(COLUMNS, 1);
        assert_eq!(sort.next(COLUMNS, 60).column, 2);
        assert_eq!(sort.next(COLUMNS, 24).column, 3, "CALLS is hidden");
        assert_eq!(sort.next(COLUMNS, 10).column, 0);
        assert_eq!(sort.next(COLUMNS, 0), sort);
        assert_eq!(Sort::by(COLUMNS, 2).hidden_title(COLUMNS, 60), None);
        assert_eq!(Sort::by(COLUMNS, 2).hidden_title(COLUMNS, 24), Some("CALLS"));
        assert_eq!(Sort::by(COLUMNS, 2).next(COLUMNS, 24).column, 3);
    }

    fn open(index: usize) -> RowId {
        RowId::Open(index as u64)
    }

    #[test]
    fn the_chosen_row_is_found_again_and_a_lost_one_is_replaced() {
        let mut table = TableState::new(Sort::by(COLUMNS, 0), Home::Top);
        table.go(Move::Lines(3), 10, 5, open);
        assert_eq!(table.anchor, Some(RowId::Open(3)));
        table.settle(10, 5, open, |_| Some(8));
        assert_eq!((table.cursor, table.offset), (8, 4));
        table.settle(4, 5, open, |_| None);
        assert_eq!((table.cursor, table.offset, table.anchor), (3, 0, Some(RowId::Open(3))));
        table.go(Move::Top, 4, 5, open);
        assert_eq!(table.anchor, None);
    }

    #[test]
    fn a_stream_is_followed_until_the_cursor_leaves_its_end() {
        let mut table = TableState::new(Sort::by(COLUMNS, 0), Home::Bottom);
        table.settle(100, 10, open, |_| None);
        assert_eq!((table.cursor, table.offset), (99, 90));
        table.go(Move::Lines(-5), 100, 10, open);
        table.settle(120, 10, open, |_| Some(94));
        assert_eq!((table.cursor, table.offset), (94, 90));
        // Twenty rows leave at the top.
        table.settle(120, 10, |i| open(i + 20), |_| Some(74));
        assert_eq!((table.cursor, table.offset), (74, 70));
        table.go(Move::Bottom, 120, 10, open);
        assert_eq!(table.anchor, None);
    }
}
