use crate::python::lines::line;

/// A function with a comprehension, `try` and `finally`, as 3.13 compiles it.
const TABLE: &[u8] = &[
    128, 0, 241, 6, 0, 19, 20, 243, 3, 1, 9, 21, 217, 18, 19, 136, 81, 243, 3, 0, 10, 11, 217, 18,
    19, 240, 3, 0, 5, 6, 240, 0, 1, 9, 21, 240, 4, 4, 5, 14, 217, 12, 13, 216, 12, 13, 243, 3, 1,
    13, 18, 136, 1, 240, 6, 0, 13, 14, 136, 1, 240, 6, 0, 13, 14, 224, 12, 13, 240, 5, 2, 12, 18,
    240, 0, 2, 5, 18, 249, 242, 19, 1, 9, 21, 248, 240, 12, 0, 13, 14, 137, 1, 250,
];
/// What `co_lines` says of its units; 0: none.
const LINES: &[u32] = &[
    1, 4, 4, 3, 3, 3, 3, 4, 4, 4, 3, 3, 3, 3, 4, 4, 3, 3, 5, 6, 6, 7, 6, 6, 6, 6, 6, 9, 9, 12, 14,
    12, 12, 0, 0, 3, 3, 3, 0, 9, 9, 9, 0, 0, 0,
];

#[test]
fn a_table_is_read_as_the_interpreter_reads_it() {
    let read: Vec<u32> =
        (0..LINES.len() as u32).map(|at| line(TABLE, 1, at).unwrap_or(0)).collect();
    assert_eq!(read, LINES);
    assert_eq!(line(TABLE, 1, LINES.len() as u32), None, "behind the end");
    assert_eq!(line(TABLE, 101, 21), Some(107), "further down in its file");
}

#[test]
fn tables_that_are_none_give_no_line_or_some_line() {
    assert_eq!(line(&[], 1, 0), None);
    assert_eq!(line(&[0x07; 40], 1, 0), Some(1), "one entry without a head");
    // Lines before the first, and beyond what a number can hold.
    let back = [0xe8, 0x41 | 0x3e, 0x3f];
    assert_eq!(line(&back, 1, 0), None);
    let far = [&[0xe8_u8][..], &[0x7e; 9], &[0x3f]].concat();
    assert_eq!(line(&[far.clone(), far].concat(), u32::MAX, 1), None);
}
