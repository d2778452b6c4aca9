use std::fmt::Write;

/// The smallest of 1, 2 and 5 times a power of ten that is not below `value`: a top of an axis that people can read.
pub(super) fn nice_ceiling(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value * 0.999_999).unwrap_or(10.0 * power)
}

/// An SVG path through points, one decimal each; `None` among them breaks the line.
pub(super) fn line(points: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
    let (mut path, mut drawing) = (String::new(), false);
    for point in points {
        let Some((x, y)) = point else {
            drawing = false;
            continue;
        };
        let _ = write!(path, "{}{x:.1} {y:.1}", if drawing { 'L' } else { 'M' });
        drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops_of_axes() {
        for (value, top) in [
            (0.0, 1.0),
            (0.7, 1.0),
            (1.0, 1.0),
            (13.0, 20.0),
            (41.0, 50.0),
            (51.0, 100.0),
            (1_200.0, 2_000.0),
        ] {
            assert_eq!(nice_ceiling(value), top, "{value}");
        }
        assert_eq!(nice_ceiling(f64::NAN), 1.0);
    }

    #[test]
    fn a_gap_breaks_the_line() {
        assert_eq!(
            line([Some((0.0, 1.0)), Some((1.0, 2.0)), None, Some((3.0, 4.0))]),
            "M0.0 1.0L1.0 2.0M3.0 4.0"
        );
    }
}
