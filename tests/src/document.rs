//! Documents with places that a command fills.

/// The document with the place of `maker` filled anew: what is between the two comments that say that it is
/// made by it.
///
/// # Panics
///
/// When there is no such place.
pub fn replaced(document: &str, maker: &str, text: &str) -> String {
    let mark = |end: &str| format!("<!-- made by {maker}: {end} -->");
    let (begin, end) = (mark("begin"), mark("end"));
    let (before, rest) = document.split_once(&begin).expect("the begin of the marked place");
    let (_, after) = rest.split_once(&end).expect("the end of the marked place");
    format!("{before}{begin}\n\n{text}\n{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_place_is_replaced() {
        let place = |name: &str, text: &str| {
            let line = |end| format!("<!-- made by a tool: {name}: {end} -->");
            format!("{}\n{text}\n{}\n", line("begin"), line("end"))
        };
        let old = format!("a\n{}b\n{}", place("x", "old"), place("y", "old"));
        let new = replaced(&old, "a tool: y", "new\n");
        assert_eq!(new, format!("a\n{}b\n{}", place("x", "old"), place("y", "\nnew\n")));
        assert_eq!(replaced(&new, "a tool: y", "new\n"), new);
    }
}
