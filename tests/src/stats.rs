//! Medians, and how far what was measured is spread.

/// The middle one; the mean of the two in the middle; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a share of the values lies, between two of them in proportion.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share * (sorted.len().max(1) - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    let value = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    value(low) + (value(high) - value(low)) * (at - low as f64)
}

/// Half the distance between the quartiles: half of the values lie so near to the median.
pub fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0
}

/// The interval that holds the median of what the values were drawn from, 95 times of 100 or more: from the k-th
/// smallest to the k-th largest, for whatever they are drawn from. `None` of fewer than six values, which cannot say
/// that. (The sign test turned round: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.6.)
pub fn interval_of_median(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let beyond = ranks_beyond(sorted.len())?;
    Some((sorted[beyond], sorted[sorted.len() - 1 - beyond]))
}

/// How many of so many values may be left out at each end of the interval: as many as lie on one side of the median
/// one time of 40 at most.
fn ranks_beyond(count: usize) -> Option<usize> {
    let mut probability = 0.5_f64.powi(i32::try_from(count).ok()?);
    let mut sum = probability;
    let mut ranks = 0;
    while sum <= 0.025 {
        ranks += 1;
        probability *= (count + 1 - ranks) as f64 / ranks as f64;
        sum += probability;
    }
    ranks.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_leave_out_as_many_as_the_tables_of_the_sign_test_say() {
        // Critical values of the two-sided sign test at 0.05.
        let table = [
            (5, None),
            (6, Some(0)),
            (8, Some(0)),
            (9, Some(1)),
            (12, Some(2)),
            (20, Some(5)),
            (40, Some(13)),
        ];
        for (count, beyond) in table {
            assert_eq!(ranks_beyond(count), beyond, "{count}");
        }
        let values: Vec<_> = (0..20).rev().map(f64::from).collect();
        assert_eq!(interval_of_median(&values), Some((5.0, 14.0)));
        assert_eq!(interval_of_median(&values[..5]), None);
    }
}
