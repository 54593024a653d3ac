//! The table of lines of a code object (`co_linetable`), as CPython 3.11 and later write it (described in
//! its `Objects/locations.md`).

/// Forms of an entry.
const ONE_LINE: u8 = 10;
const NO_COLUMNS: u8 = 13;
const LONG: u8 = 14;
const NO_LOCATION: u8 = 15;

/// The line of a unit (an instruction has one or more, of two bytes each) of a function that begins at
/// line `first`; `None` where the table says none.
pub(super) fn line(table: &[u8], first: u32, unit: u32) -> Option<u32> {
    let (mut line, mut begins) = (i64::from(first), 0_u64);
    let mut rest = table;
    // The highest bit is set in the first byte of an entry only.
    while let Some((head, tail)) = rest.split_first() {
        let len = tail.iter().position(|byte| byte & 0x80 != 0).unwrap_or(tail.len());
        let (entry, behind) = tail.split_at(len);
        rest = behind;
        let form = head >> 3 & 0xf;
        line = line.saturating_add(match form {
            NO_COLUMNS | LONG => signed(entry),
            ONE_LINE..NO_COLUMNS => i64::from(form - ONE_LINE),
            _ => 0,
        });
        begins += u64::from(head & 7) + 1;
        if u64::from(unit) < begins {
            let line = u32::try_from(line).ok().filter(|line| *line > 0);
            return line.filter(|_| form != NO_LOCATION);
        }
    }
    None
}

/// A number in parts of six bits, the lowest first, of which each but the last has the seventh set. Its
/// lowest bit is its sign.
fn signed(bytes: &[u8]) -> i64 {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x3f) << (6 * index);
        if byte & 0x40 == 0 {
            break;
        }
    }
    let size = (number >> 1) as i64;
    if number & 1 == 0 { size } else { -size }
}
