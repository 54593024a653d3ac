//! Lines and blocks, which fonts draw with gaps between cells: here they are rectangles.

/// A rectangle in a cell: left, top, width, height, in parts of the cell.
pub type Part = [f64; 4];

/// Half the thickness of a thin line, in parts of the cell's width.
const THIN: f64 = 0.06;
/// Half the thickness of a heavy line.
const HEAVY: f64 = 0.13;

/// The rectangles of a line or a block; none for what a font has to draw.
///
/// `aspect` is the cell's width in parts of its height.
pub fn parts(sign: &str, aspect: f64) -> Option<Vec<Part>> {
    let mut chars = sign.chars();
    let (Some(sign), None) = (chars.next(), chars.next()) else { return None };
    if let Some(block) = block(sign) {
        return Some(vec![block]);
    }
    let [up, right, down, left] = arms(sign)?;
    // Each arm goes past the middle by half the thickest line across it, so that corners close.
    let across = up.max(down);
    let along = left.max(right);
    let horizontal =
        |from: f64, to: f64, half: f64| [from, 0.5 - half * aspect, to - from, 2.0 * half * aspect];
    let vertical = |from: f64, to: f64, half: f64| [0.5 - half, from, 2.0 * half, to - from];
    let arms = [
        (up, vertical(0.0, 0.5 + along * aspect, up)),
        (right, horizontal(0.5 - across, 1.0, right)),
        (down, vertical(0.5 - along * aspect, 1.0, down)),
        (left, horizontal(0.0, 0.5 + across, left)),
    ];
    Some(arms.into_iter().filter(|(half, _)| *half > 0.0).map(|(_, part)| part).collect())
}

/// Half the thickness of a sign's arms: up, right, down, left.
fn arms(sign: char) -> Option<[f64; 4]> {
    let (t, h) = (THIN, HEAVY);
    Some(match sign {
        '─' => [0.0, t, 0.0, t],
        '━' => [0.0, h, 0.0, h],
        '│' => [t, 0.0, t, 0.0],
        '┃' => [h, 0.0, h, 0.0],
        '┌' | '╭' => [0.0, t, t, 0.0],
        '┐' | '╮' => [0.0, 0.0, t, t],
        '└' | '╰' => [t, t, 0.0, 0.0],
        '┘' | '╯' => [t, 0.0, 0.0, t],
        '├' => [t, t, t, 0.0],
        '┤' => [t, 0.0, t, t],
        '┬' => [0.0, t, t, t],
        '┴' => [t, t, 0.0, t],
        '┼' => [t, t, t, t],
        _ => return None,
    })
}

/// Blocks: full, eighths from the left, eighths from the bottom, the upper and the right half.
fn block(sign: char) -> Option<Part> {
    let eighths = |first: char| (sign as u32 - first as u32 + 1).into();
    Some(match sign {
        '█' => [0.0, 0.0, 1.0, 1.0],
        '▁'..='▇' => {
            let height: f64 = eighths('▁');
            [0.0, 1.0 - height / 8.0, 1.0, height / 8.0]
        }
        '▉'..='▏' => {
            let missing: f64 = eighths('▉');
            [0.0, 0.0, 1.0 - missing / 8.0, 1.0]
        }
        '▀' => [0.0, 0.0, 1.0, 0.5],
        '▐' => [0.5, 0.0, 0.5, 1.0],
        '▕' => [0.875, 0.0, 0.125, 1.0],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighths_have_their_width_and_height() {
        assert_eq!(parts("▏", 0.5), Some(vec![[0.0, 0.0, 0.125, 1.0]]));
        assert_eq!(parts("▌", 0.5), Some(vec![[0.0, 0.0, 0.5, 1.0]]));
        assert_eq!(parts("▁", 0.5), Some(vec![[0.0, 0.875, 1.0, 0.125]]));
        assert_eq!(parts("▇", 0.5), Some(vec![[0.0, 0.125, 1.0, 0.875]]));
    }

    #[test]
    fn a_line_reaches_both_edges_of_its_cell() {
        let parts = parts("─", 0.5).expect("it is a line");
        let left = parts.iter().map(|part| part[0]).fold(1.0, f64::min);
        let right = parts.iter().map(|part| part[0] + part[2]).fold(0.0, f64::max);
        assert_eq!((left, right), (0.0, 1.0));
    }

    #[test]
    fn letters_are_for_a_font() {
        assert_eq!(parts("a", 0.5), None);
        assert_eq!(parts("", 0.5), None);
        assert_eq!(parts("─\u{301}", 0.5), None);
    }
}
