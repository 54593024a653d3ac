//! Numbers made short: three digits that count, and a unit.

use humansize::{BINARY, FormatSizeOptions, format_size};

const SECOND: u64 = 1_000_000_000;

/// A duration of `ns` nanoseconds in at most 7 columns: `812ns`, `1.25ms`, `20.0s`, `3m12s`,
/// `5h03m`, `12d04h`.
pub fn duration(ns: u64) -> String {
    for (unit, name) in [(1_000, "µs"), (1_000_000, "ms")] {
        if ns < 1_000 {
            return format!("{ns}ns");
        }
        if let Some(number) = three_digits(ns, unit) {
            return number + name;
        }
    }
    if ns < 60 * SECOND - SECOND / 20 {
        return three_digits(ns, SECOND).expect("less than a minute") + "s";
    }
    let seconds = ns / SECOND + u64::from(ns % SECOND >= SECOND / 2);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if minutes < 60 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else if hours < 24 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if days < 1_000 {
        format!("{days}d{:02}h", hours % 24)
    } else {
        format!("{days}d")
    }
}

/// How long a file open took: a [`duration`] in no finer digits than a batch tells
/// (`crate::source::resolution`): `4.3µs`, not `4.30µs`.
pub fn open_duration(ns: u64) -> String {
    if (1_000..10_000).contains(&ns) {
        return format!("{}.{}µs", ns / 1_000, ns % 1_000 / 100);
    }
    duration(ns)
}

/// A count in at most 6 columns: `999`, `12.3k`, `1.20M`.
pub fn count(n: u64) -> String {
    if n < 1_000 {
        return n.to_string();
    }
    let mut unit = 1;
    for name in ["k", "M", "G", "T", "P"] {
        unit *= 1_000;
        if let Some(number) = three_digits(n, unit) {
            return number + name;
        }
    }
    three_digits(n, unit * 1_000).expect("no u64 has more than 20 digits") + "E"
}

/// A rate per second in at most 8 columns: `0/s`, `0.2/s`, `12.3k/s`.
pub fn rate(per_second: f64) -> String {
    // What is not a number is no rate: nothing was measured.
    if per_second.is_nan() || per_second <= 0.0 {
        "0/s".to_owned()
    } else if per_second < 0.05 {
        "<0.1/s".to_owned()
    } else if per_second < 9.95 {
        format!("{per_second:.1}/s")
    } else {
        count(per_second.round() as u64) + "/s"
    }
}

/// A share (1.0 is all) in percent, in at most 6 columns up to a hundredfold: `0%`, `<0.1%`,
/// `12.3%`, `100%`. Work on many CPUs may well be more than 100 % of one.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.is_nan() || percent <= 0.0 {
        "0%".to_owned()
    } else if percent < 0.05 {
        "<0.1%".to_owned()
    } else if percent < 99.95 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
}

/// A size of `n` bytes: `812 B`, `1.2 MiB`.
pub fn bytes(n: u64) -> String {
    format_size(n, FormatSizeOptions::from(BINARY).decimal_places(1))
}

/// `n` in `unit`s, rounded to three digits; `None` when that would take four.
fn three_digits(n: u64, unit: u64) -> Option<String> {
    let scaled = |factor: u128| (u128::from(n) * factor + u128::from(unit) / 2) / u128::from(unit);
    let (hundredths, tenths, ones) = (scaled(100), scaled(10), scaled(1));
    if hundredths < 1_000 {
        Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
    } else if tenths < 1_000 {
        Some(format!("{}.{}", tenths / 10, tenths % 10))
    } else {
        (ones < 1_000).then(|| ones.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::width;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_of_opens_have_no_digit_that_was_not_told() {
        let read = open_duration;
        assert_eq!(
            (read(0), read(900), read(4_300)),
            ("0ns".into(), "900ns".into(), "4.3µs".into())
        );
        assert_eq!((read(9_900), read(10_000)), ("9.9µs".into(), "10.0µs".into()));
    }

    #[test]
    fn durations_read_well() {
        for (ns, text) in [
            (0, "0ns"),
            (812, "812ns"),
            (1_000, "1.00µs"),
            (999_499, "999µs"),
            (999_500, "1.00ms"),
            (1_250_000, "1.25ms"),
            (9_995_000, "10.0ms"),
            (20_000_000_000, "20.0s"),
            (59_940_000_000, "59.9s"),
            (59_960_000_000, "1m00s"),
            (192_000_000_000, "3m12s"),
            (3_599_600_000_000, "1h00m"),
            (18_180_000_000_000, "5h03m"),
            (1_051_200_000_000_000, "12d04h"),
            (u64::MAX, "213503d"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn counts_rates_shares_and_sizes_read_well() {
        for (n, text) in [
            (999, "999"),
            (12_345, "12.3k"),
            (1_200_000, "1.20M"),
            (999_950, "1.00M"),
            (999_499, "999k"),
        ] {
            assert_eq!(count(n), text);
        }
        assert_eq!(count(u64::MAX), "18.4E");
        for (n, text) in [(0.0, "0/s"), (f64::NAN, "0/s"), (0.01, "<0.1/s"), (12_345.0, "12.3k/s")]
        {
            assert_eq!(rate(n), text);
        }
        for (share, text) in
            [(0.0, "0%"), (0.0001, "<0.1%"), (0.1234, "12.3%"), (1.0, "100%"), (16.0, "1600%")]
        {
            assert_eq!(percent(share), text);
        }
        assert_eq!((bytes(812), bytes(1_258_291)), ("812 B".to_owned(), "1.2 MiB".to_owned()));
    }

    proptest! {
        #[test]
        fn numbers_stay_in_their_columns(n: u64, shift in 0u32..64) {
            let n = n >> shift;
            prop_assert!(width(&duration(n)) <= 7, "{}", duration(n));
            prop_assert!(width(&count(n)) <= 6, "{}", count(n));
            prop_assert!(width(&rate(n as f64 / 16.0)) <= 8, "{}", rate(n as f64 / 16.0));
            prop_assert!(width(&percent(n as f64 % 99.0)) <= 6);
        }
    }
}
