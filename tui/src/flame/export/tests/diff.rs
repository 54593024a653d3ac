//! What two flame graphs say against each other.

use super::*;
use crate::flame::tests::Stack;

fn diff(before: &[Stack<'_>], after: &[Stack<'_>]) -> Diff {
    Diff::new(&tree(Measure::Cpu, before), &tree(Measure::Cpu, after)).unwrap()
}

fn folded(diff: &Diff) -> String {
    let mut out = Vec::new();
    write_diff_folded(diff, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn svg(diff: &Diff) -> String {
    let mut out = Vec::new();
    write_diff_svg(diff, "t", ["1s", "9s"], &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Its colour.
fn colour(svg: &str, name: &str) -> [u8; 3] {
    let group = svg.split("<g>").find(|group| group.contains(&format!("<title>{name} (")));
    let colour = group.expect(name).split_once("rgb(").unwrap().1.split(')').next().unwrap();
    let parts: Vec<_> = colour.split(',').map(|part| part.parse().unwrap()).collect();
    [parts[0], parts[1], parts[2]]
}

#[test]
fn folded_lines_have_both_numbers_and_processes_are_known_by_name() {
    let before: &[_] = &[
        (7, "my app", &["main", "read_[k]"][..], 3),
        (7, "my app", &["main"], 1),
        (8, "my app", &["main"], 4),
        (9, "gone", &["main"], 2),
        (5, "", &[], 8),
    ];
    let after: &[_] = &[
        (41, "my app", &["main", "read_[k]"][..], 6),
        (41, "my app", &["main", "read"], 1),
        (42, "# new", &["x 5"], 9),
    ];
    let expected = "#_new;x_5 0 9\n\
                    [no name] 8 0\n\
                    gone;main 2 0\n\
                    my app;main 5 0\n\
                    my app;main;read 0 1\n\
                    my app;main;read_[k] 3 6\n";
    assert_eq!(folded(&diff(before, after)), expected);
}

#[test]
fn equal_shares_are_no_difference_however_long_was_watched() {
    let before: &[_] = &[(7, "x", &["hot"][..], 30), (7, "x", &["cold"], 10)];
    let after: &[_] = &[(7, "x", &["hot"][..], 300), (7, "x", &["cold"], 100)];
    let svg = svg(&diff(before, after));
    let boxes = boxes(&svg);
    assert!(boxes.contains(&"hot (300 samples, 75.00%; 0.00%)".to_owned()), "{boxes:?}");
    assert!(boxes.contains(&"all (400 samples, 100%)".to_owned()), "{boxes:?}");
    assert_eq!(colour(&svg, "hot"), colour(&svg, "cold"));
    assert!(svg.contains(
        "A: 40 samples in 1s, B: 400 samples in 9s, scaled to equal totals · as wide as B"
    ));
    assert!(!svg.contains("of A is not in B"));
}

#[test]
fn what_grew_is_red_and_what_shrank_is_blue_by_its_share_of_the_whole() {
    // Two of three stacks of one sample: whole numbers would not do.
    let before: &[_] =
        &[(7, "x", &["grows"][..], 1), (7, "x", &["shrinks"], 1), (7, "x", &["gone"], 1)];
    let after: &[_] = &[(7, "x", &["grows"][..], 4), (7, "x", &["shrinks"], 1)];
    let svg = svg(&diff(before, after));
    let boxes = boxes(&svg);
    assert!(boxes.contains(&"grows (4 samples, 80.00%; +46.67%)".to_owned()), "{boxes:?}");
    assert!(boxes.contains(&"shrinks (1 samples, 20.00%; -13.33%)".to_owned()), "{boxes:?}");
    assert!(!boxes.iter().any(|text| text.starts_with("gone")), "no width: {boxes:?}");
    assert!(svg.contains("33.3% of A is not in B"));
    let ([red, _, red_blue], [blue_red, _, blue]) =
        (colour(&svg, "grows"), colour(&svg, "shrinks"));
    assert!(red > red_blue && blue > blue_red);
}

#[test]
fn off_cpu_time_compares_too() {
    let tree = |ns| tree(Measure::OffCpu, &[(1, "x", &["a"], ns), (1, "x", &["b"], 1_000_000_000)]);
    let svg = svg(&Diff::new(&tree(1_000_000_000), &tree(3_000_000_000)).unwrap());
    let boxes = boxes(&svg);
    assert!(boxes.contains(&"a (3,000,000 us, 75.00%; +25.00%)".to_owned()), "{boxes:?}");
    assert!(svg.contains("A: 2.00s off the CPU in 1s, B: 4.00s off the CPU in 9s"), "{svg}");
}

#[test]
fn an_empty_side_is_named() {
    let (some, none) = (tree(Measure::Cpu, &[(1, "x", &["a"], 1)]), tree(Measure::Cpu, &[]));
    for (before, after, which) in [(&none, &some, "in A"), (&some, &none, "in B")] {
        let error = Diff::new(before, after).unwrap_err().to_string();
        assert!(error.contains(which) && error.contains("no samples"), "{error}");
    }
}

#[test]
fn numbers_beyond_all_bounds_compare() {
    let stacks: &[_] = &[(1, "x", &["hot"][..], u64::MAX), (1, "x", &["cold"], u64::MAX)];
    let one: &[_] = &[(1, "x", &["hot"][..], 1)];
    let grown = boxes(&svg(&diff(one, stacks)));
    assert!(grown.iter().any(|text| text.starts_with("cold (9,223,372,036,854,775,808 samples")));
    let shrunk = boxes(&svg(&diff(stacks, one)));
    assert!(shrunk.contains(&"hot (1 samples, 100.00%; +50.00%)".to_owned()), "{shrunk:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_is_lost_and_against_itself_nothing_differs(a in any_tree(), b in any_tree()) {
        prop_assume!(!a.is_empty() && !b.is_empty());
        let both = Diff::new(&a, &b).unwrap();
        let text = folded(&both);
        let number = |line: &str, place| line.rsplit(' ').nth(place).unwrap().parse::<u64>().unwrap();
        prop_assert_eq!(text.lines().map(|line| number(line, 1)).sum::<u64>(), a.total());
        prop_assert_eq!(text.lines().map(|line| number(line, 0)).sum::<u64>(), b.total());
        prop_assert_eq!(svg(&both), svg(&Diff::new(&a, &b).unwrap()), "the same bytes");
        let same = Diff::new(&a, &a).unwrap();
        let all_same = boxes(&svg(&same)).iter().all(|text| {
            text.ends_with("; 0.00%)") || text.starts_with("all (")
        });
        prop_assert!(all_same);
    }
}
