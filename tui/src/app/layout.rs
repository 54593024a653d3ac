//! What stands where on the screen. Geometry alone: what is drawn there is the screen's business,
//! what a click there means is that of the update.

use super::pane::{Pane, View};
use super::time::TimelineArea;
use ratatui::layout::{Rect, Size};

/// A pane's part of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaneArea {
    /// The title line.
    pub title: Rect,
    /// All below it.
    pub body: Rect,
    /// The pane has another one to its left, and leaves a column for the line between them.
    pub beside: bool,
    /// The only pane on the screen: its title names the others.
    pub alone: bool,
}

impl PaneArea {
    fn new(area: Rect, beside: bool, alone: bool) -> Self {
        let inset = u16::from(beside).min(area.width);
        let inner = Rect { x: area.x + inset, width: area.width - inset, ..area };
        let height = inner.height.min(1);
        Self {
            title: Rect { height, ..inner },
            body: Rect { y: inner.y + height, height: inner.height - height, ..inner },
            beside,
            alone,
        }
    }

    /// Where rows of a table go: below its heads.
    pub fn rows(&self) -> Rect {
        let heads = self.body.height.min(1);
        Rect { y: self.body.y + heads, height: self.body.height - heads, ..self.body }
    }

    /// Where the boxes of a flame graph go.
    pub fn flame(&self) -> Rect {
        Rect { height: self.body.height - self.foot().height, ..self.body }
    }

    /// Where the selected box of a flame graph is described.
    pub fn foot(&self) -> Rect {
        let height = match self.body.height {
            0..=3 => 0,
            4..=11 => 1,
            _ => 2,
        };
        Rect { y: self.body.bottom() - height, height, ..self.body }
    }

    /// The pane with its title.
    pub fn whole(&self) -> Rect {
        self.title.union(self.body)
    }
}

/// What stands where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// All of it.
    pub screen: Rect,
    /// One line, two where there is room.
    pub header: Rect,
    /// In the detail of a process: who it is.
    pub subject: Rect,
    /// The panes that are shown.
    pub panes: [Option<PaneArea>; 4],
    /// What happened when, where that is shown.
    pub timeline: Option<TimelineArea>,
    /// The keys; more lines while a line is typed.
    pub footer: Rect,
}

/// Fewer rows than this are no use to a pane.
const PANE_HEIGHT: u16 = 5;
/// Fewer columns than this are no use to a pane.
const PANE_WIDTH: u16 = 38;
/// The panes together keep so many rows, before the timeline has any.
const LEAST_BODY: u16 = 2;
/// From this many lines on the header has two.
const TALL: u16 = 30;

impl Layout {
    /// Lays the screen out, with as many lines for the footer.
    pub fn new(size: Size, view: &View, footer_lines: u16, timeline: bool) -> Self {
        let screen = Rect::new(0, 0, size.width, size.height);
        let mut rest = screen;
        let mut take = |height: u16, keep: u16| {
            let height = height.min(rest.height.saturating_sub(keep));
            let taken = Rect { height, ..rest };
            rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
            taken
        };
        let tall = size.height >= TALL;
        let header = take(if tall { 2 } else { 1 }, 3);
        let detail = if view.process.is_some() { 1 + u16::from(tall) } else { 0 };
        let subject = take(detail, 4);
        let footer_height = footer_lines.min(rest.height.saturating_sub(1));
        let above_footer = rest.height - footer_height;
        let footer = Rect { y: rest.y + above_footer, height: footer_height, ..rest };
        let timeline_rows = if timeline { TimelineArea::rows(size.height) } else { 0 };
        let timeline_height = timeline_rows.min(above_footer.saturating_sub(LEAST_BODY));
        let body = Rect { height: above_footer - timeline_height, ..rest };
        let area = Rect { y: body.bottom(), height: timeline_height, ..rest };
        let timeline = (timeline_height > 0).then_some(TimelineArea { area });
        Self { screen, header, subject, panes: place_panes(body, view), timeline, footer }
    }

    /// Where the flame graph goes: the profile pane without its foot.
    pub fn flame(&self) -> Rect {
        self.panes[Pane::Profile.index()].map_or(Rect::default(), |area| area.flame())
    }

    /// The pane at a place of the screen.
    pub fn pane_at(&self, column: u16, row: u16) -> Option<(Pane, PaneArea)> {
        Pane::ALL.into_iter().find_map(|pane| {
            let area = self.panes[pane.index()]?;
            area.whole().contains((column, row).into()).then_some((pane, area))
        })
    }
}

fn place_panes(body: Rect, view: &View) -> [Option<PaneArea>; 4] {
    let mut panes = [None; 4];
    let alone = |panes: &mut [Option<PaneArea>; 4]| {
        panes[view.focus.index()] = Some(PaneArea::new(body, false, true));
    };
    if view.maximized {
        alone(&mut panes);
    } else if body.width >= 2 * PANE_WIDTH && body.height >= 2 * PANE_HEIGHT {
        let upper = body.height.div_ceil(2);
        let left = body.width.div_ceil(2);
        for pane in Pane::ALL {
            let (right, lower) = (pane.index() % 2 == 1, pane.index() >= 2);
            let (x, width) = if right { (left, body.width - left) } else { (0, left) };
            let (y, height) = if lower { (upper, body.height - upper) } else { (0, upper) };
            let area = Rect { x: body.x + x, y: body.y + y, width, height };
            panes[pane.index()] = Some(PaneArea::new(area, right, false));
        }
    } else if body.height >= 4 * (PANE_HEIGHT + 1) {
        stack(&mut panes, body, &Pane::ALL);
    } else if body.height >= 2 * PANE_HEIGHT {
        let first = view.focus.index() / 2 * 2;
        stack(&mut panes, body, &Pane::ALL[first..first + 2]);
    } else {
        alone(&mut panes);
    }
    panes
}

fn stack(panes: &mut [Option<PaneArea>; 4], body: Rect, shown: &[Pane]) {
    let count = shown.len() as u16;
    let mut y = body.y;
    for (index, pane) in (0..count).zip(shown) {
        let height = body.height / count + u16::from(index < body.height % count);
        panes[pane.index()] = Some(PaneArea::new(Rect { y, height, ..body }, false, false));
        y += height;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: u16, height: u16) -> Vec<(Pane, u16, u16)> {
        let view = View::new(None, Pane::Offcpu);
        let layout = Layout::new(Size { width, height }, &view, 1, false);
        let shown = Pane::ALL.into_iter().filter_map(|pane| {
            let whole = layout.panes[pane.index()]?.whole();
            Some((pane, whole.width, whole.height))
        });
        shown.collect()
    }

    #[test]
    fn fewer_panes_where_room_is_short() {
        use Pane::*;
        assert_eq!(
            shown(80, 24),
            [(Syscalls, 40, 11), (Opens, 39, 11), (Offcpu, 40, 11), (Profile, 39, 11)]
        );
        assert_eq!(shown(60, 30).len(), 4);
        assert_eq!(shown(60, 16), [(Offcpu, 60, 7), (Profile, 60, 7)]);
        assert_eq!(shown(40, 10), [(Offcpu, 40, 8)]);
        assert_eq!(shown(20, 5), [(Offcpu, 20, 3)]);
    }

    #[test]
    fn nothing_reaches_beyond_the_screen_nor_over_another() {
        for (width, height) in (0..140).step_by(7).flat_map(|w| (0..50).map(move |h| (w, h))) {
            for process in [None, Some(crate::model::ProcKey { pid: 1, start_ns: 0 })] {
                let view = View::new(process, Pane::Profile);
                let layout = Layout::new(Size { width, height }, &view, 3, height % 2 == 0);
                let mut areas = vec![layout.header, layout.subject, layout.footer];
                areas.extend(layout.timeline.map(|timeline| timeline.area));
                areas.extend(layout.panes.iter().flatten().map(PaneArea::whole));
                for (index, area) in areas.iter().enumerate() {
                    assert_eq!(layout.screen.intersection(*area).area(), area.area());
                    for other in &areas[..index] {
                        assert_eq!(area.intersection(*other).area(), 0, "{width}x{height}");
                    }
                }
            }
        }
    }
}
