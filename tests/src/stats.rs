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
