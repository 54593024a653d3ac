//! How the stacks of a program ended.

use std::collections::BTreeMap;
use syscope_tests::chain::ENDS_EARLY;
use syscope_tests::report::Report;
use syscope_tests::schema::StackEnds;

/// Head of the table.
pub const HEADING: &str = "\
| program | package | samples | complete | depth limit | no unwind data | not ready | unreadable | unknown |\n\
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

/// Places that are listed of a program.
const PLACES: usize = 5;

/// A row of the table; `-` for what the report does not tell.
pub fn row(program: &str, package: &str, report: &Report) -> String {
    let ends = report
        .document
        .health
        .get("stacks")
        .and_then(|ends| serde_json::from_value::<StackEnds>(ends.clone()).ok());
    let shares = match &ends {
        None => vec!["-".to_owned(); 6],
        Some(ends) => {
            let ends_by_kind = [
                ends.complete,
                ends.depth_limit,
                ends.no_unwind_data,
                ends.not_ready,
                ends.unreadable,
                ends.unknown,
            ];
            ends_by_kind.map(|samples| percent(samples, ends.samples)).to_vec()
        }
    };
    let samples = ends.map_or(report.document.profile.samples, |ends| ends.samples);
    format!("| {program} | {package} | {samples} | {} |\n", shares.join(" | "))
}

/// A list of the places where most of the stacks ended that did not get to their thread's start; empty
/// if all did.
pub fn where_ended(program: &str, report: &Report) -> String {
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut all = 0;
    for stack in &report.document.profile.stacks {
        let Some(root) = stack.user.last() else { continue };
        all += stack.samples;
        if root.name.starts_with(ENDS_EARLY) {
            *places.entry(without_address(&root.name)).or_default() += stack.samples;
        }
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let line = |(place, samples): &(String, u64)| {
        format!("- {program}: {} `{place}`\n", percent(*samples, all))
    };
    places.iter().take(PLACES).map(line).collect()
}

/// A place without its offset, so that those of one file are one.
fn without_address(place: &str) -> String {
    match place.split_once("+0x") {
        None => place.to_owned(),
        Some((before, after)) => {
            let rest = after.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
            format!("{before}{rest}")
        }
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.2} %", 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_left_out_and_nothing_else() {
        for (place, expected) in [
            (
                "[stack ends: no unwind data at libx.so+0x12ab]",
                "[stack ends: no unwind data at libx.so]",
            ),
            ("[stack ends: depth limit]", "[stack ends: depth limit]"),
        ] {
            assert_eq!(without_address(place), expected);
        }
    }

    #[test]
    fn shares_are_percent_and_of_nothing_a_dash() {
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(0, 0), "-");
    }
}
