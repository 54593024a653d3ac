//! Reading the panes off a screen.

use syscope::probes::PROBES;

/// Rows of a pane with anything in them, borders aside.
pub fn filled_rows(screen: &str, title: &str) -> usize {
    let pane = pane(screen, title);
    pane.lines().filter(|row| row.chars().any(char::is_alphanumeric)).count()
}

/// What is below a pane's title, as far as the next pane or the last row: the left or the right
/// half of the screen.
pub fn pane(screen: &str, title: &str) -> String {
    let rows: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let place = |title: &str| {
        screen.lines().enumerate().find_map(|(row, line)| {
            line.find(title).map(|byte| (row, line[..byte].chars().count()))
        })
    };
    let Some((top, column)) = place(title) else { return String::new() };
    let right = column >= width / 2;
    let bottom = titles()
        .into_iter()
        .filter_map(place)
        .filter(|(row, column)| *row > top && (*column >= width / 2) == right)
        .map(|(row, _)| row)
        .min()
        .unwrap_or(rows.len().saturating_sub(1));
    let half = if right { width / 2..width } else { 0..width / 2 };
    let inside = rows.get(top + 1..bottom).unwrap_or_default();
    let cut = |row: &Vec<char>| row.iter().take(half.end).skip(half.start).collect::<String>();
    inside.iter().map(cut).collect::<Vec<_>>().join("\n")
}

pub fn titles() -> [&'static str; 4] {
    let titles = PROBES.iter().map(|probe| probe.title).filter(|title| !title.is_empty());
    titles.collect::<Vec<_>>().try_into().expect("four panes")
}
