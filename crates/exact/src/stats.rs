//! Slopes, means and intervals of measurements over seeds.

/// 97.5 % points of Student's t, for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// A mean over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    pub mean: f64,
    /// The standard error of the mean; 0 with fewer than two values.
    pub error: f64,
    pub count: usize,
}

impl Mean {
    /// Computes the mean of the finite values; others are left out. Without values it is 0.
    pub fn of(values: &[f64]) -> Self {
        let kept: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let count = kept.len();
        if count == 0 {
            return Self::default();
        }
        let mean = kept.iter().sum::<f64>() / count as f64;
        let squares: f64 = kept.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if count < 2 { 0.0 } else { (squares / (count - 1) as f64 / count as f64).sqrt() };
        Self { mean, error, count }
    }

    /// Returns the 95 % confidence interval (Student's t); the whole line with fewer than two values.
    pub fn interval(&self) -> (f64, f64) {
        if self.count < 2 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let reach = self.error * STUDENT.get(self.count - 2).copied().unwrap_or(1.96);
        (self.mean - reach, self.mean + reach)
    }
}

/// Returns the least-squares slope of `log curve[k - 1]` over `log k`, over the last three quarters of the curve.
/// Returns `None` with fewer than two positive values there (a regret of zero has no slope).
pub fn slope(curve: &[f64]) -> Option<f64> {
    let logs = |(at, value): (usize, &f64)| (((at + 1) as f64).ln(), value.ln());
    let late = curve.iter().enumerate().skip(curve.len() / 4);
    let points: Vec<(f64, f64)> = late.filter(|(_, y)| **y > 0.0 && y.is_finite()).map(logs).collect();
    let count = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / count, sum.1 + y / count));
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let joint: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (points.len() >= 2).then(|| joint / spread)
}

/// Returns the mean slope over seeds, of the curves that have one.
pub fn slopes(curves: &[Vec<f64>]) -> Mean {
    Mean::of(&curves.iter().filter_map(|curve| slope(curve)).collect::<Vec<_>>())
}

/// Returns the mean of the last values over seeds.
pub fn finals(curves: &[Vec<f64>]) -> Mean {
    Mean::of(&curves.iter().filter_map(|curve| curve.last().copied()).collect::<Vec<_>>())
}

/// Returns the running sums.
pub fn cumulative(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |value: &f64| {
        sum += value;
        sum
    };
    values.iter().map(add).collect()
}

/// A curve with a standard error on both sides, one entry for each step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    pub mean: Vec<f64>,
    /// The mean less the error.
    pub low: Vec<f64>,
    /// The mean plus the error.
    pub high: Vec<f64>,
}

/// Returns the band of curves over seeds, as long as the longest. Each step uses the curves that reach it.
pub fn band(curves: &[Vec<f64>]) -> Band {
    let mut band = Band::default();
    for step in 0..curves.iter().map(Vec::len).max().unwrap_or(0) {
        let here: Vec<f64> = curves.iter().filter_map(|curve| curve.get(step).copied()).collect();
        let Mean { mean, error, .. } = Mean::of(&here);
        band.mean.push(mean);
        band.low.push(mean - error);
        band.high.push(mean + error);
    }
    band
}

/// Returns the indices of a curve's entries to plot: at most `most`, evenly spread, with the first and the last.
pub fn thinned(len: usize, most: usize) -> Vec<usize> {
    if len <= most {
        return (0..len).collect();
    }
    match most {
        0 => Vec::new(),
        1 => vec![len - 1],
        _ => (0..most).map(|i| i * (len - 1) / (most - 1)).collect(),
    }
}

/// The largest number of points of a curve in a plot.
pub const PLOTTED: usize = 200;

/// Returns a curve as (step counted from 1, value), thinned for a plot.
pub fn plotted(curve: &[f64]) -> Vec<(usize, f64)> {
    thinned(curve.len(), PLOTTED).into_iter().map(|at| (at + 1, curve[at])).collect()
}
