//! The figures of a sweep's points: mean and standard error over seeds.

use std::collections::BTreeSet;
use std::fmt::Write;

use pbpo_outside::shown::{line, padded, width};
use pbpo_runtime::event::{Evaluation, Metrics};
use pbpo_runtime::rundir::story::Story;

/// The final figures of a point.
pub struct Row {
    /// The name that it shares with the points that differ only in the seed.
    pub group: String,
    pub metrics: Metrics,
    /// The metrics that get a column.
    pub shown: Vec<String>,
    /// The cumulative regret after each episode, if it was measured.
    pub regret: Vec<f64>,
    /// The theorem's bound, if the set has a theoretical radius.
    pub bound: Vec<f64>,
}

impl Row {
    /// Returns the figures of a completed run.
    pub fn of(group: &str, story: &Story) -> Self {
        let curve = |name: &str| story.episodes.iter().filter_map(|figures| figures.get(name).copied()).collect();
        let (regret, bound) = (curve("regret/cumulative"), curve("regret/bound"));
        let metrics = story.results();
        let shown = shown(story, &metrics);
        Self { group: group.to_owned(), metrics, shown, regret, bound }
    }
}

/// Returns the figures that get a column: the results of the run, by the names of its reports if it has no before and
/// after, and figures of the run as a whole.
fn shown(story: &Story, metrics: &Metrics) -> Vec<String> {
    let of = |evaluation: &Evaluation, name: &str| {
        evaluation.metrics.keys().map(|metric| format!("{metric}/{name}")).collect::<Vec<_>>()
    };
    let whole = ["regret/final", "regret/slope", "regret/stepdown", "reward/distance"].map(str::to_owned);
    let headline = story.first_and_last().map(|(_, last)| of(last, "after")).unwrap_or_default();
    let others = story.other_reports().into_iter().flat_map(|report| of(report, &report.label));
    headline.into_iter().chain(others).chain(whole).filter(|name| metrics.contains_key(name)).collect()
}

/// Returns one line for the points that differ only in the seed.
pub fn table(rows: &[Row]) -> String {
    let metrics: BTreeSet<&str> = rows.iter().flat_map(|row| &row.shown).map(String::as_str).collect();
    let mut groups: Vec<(&str, Vec<&Metrics>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(other, _)| *other == row.group) {
            Some((_, members)) => members.push(&row.metrics),
            None => groups.push((&row.group, vec![&row.metrics])),
        }
    }
    let width = groups.iter().map(|(name, _)| width(&line(name))).max().unwrap_or(0).max(5);
    let mut out = format!("{} {:>5}", padded("point", width), "seeds");
    for metric in &metrics {
        let _ = write!(out, " {metric:>19}");
    }
    out.push('\n');
    for (name, members) in &groups {
        let _ = write!(out, "{} {:>5}", padded(&line(name), width), members.len());
        for metric in &metrics {
            let values: Vec<f64> = members.iter().filter_map(|figures| figures.get(*metric).copied()).collect();
            let _ = write!(out, " {:>w$}", cell(&values, members.len()), w = metric.len().max(19));
        }
        out.push('\n');
    }
    out
}

/// Returns a cell as `0.862 ± 0.013`; with a dash for the error of a single value; `0.862 ± 0.013 of 3` if not all
/// points have the figure.
fn cell(values: &[f64], points: usize) -> String {
    let of = if values.len() < points { format!(" of {}", values.len()) } else { String::new() };
    match (mean(values), standard_error(values)) {
        (None, _) => "-".into(),
        (Some(mean), None) => format!("{mean:.4} ±      -{of}"),
        (Some(mean), Some(error)) => format!("{mean:.4} ± {error:.4}{of}"),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the sample standard deviation over the root of the number of values.
fn standard_error(values: &[f64]) -> Option<f64> {
    let (mean, n) = (mean(values)?, values.len() as f64);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn row(group: &str, accuracy: f64) -> Row {
        let metrics: BTreeMap<String, f64> = [("accuracy/after".to_owned(), accuracy)].into();
        let shown = metrics.keys().cloned().collect();
        Row { group: group.to_owned(), metrics, shown, regret: Vec::new(), bound: Vec::new() }
    }

    #[test]
    fn points_that_differ_in_the_seed_alone_share_a_line() {
        let rows = [row("s[beta=1]", 0.2), row("s[beta=1]", 0.4), row("s[beta=2]", 0.5)];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("s[beta=1]") && lines[1].contains("0.3000 ± 0.1000"), "{text}");
        assert!(lines[2].contains("0.5000 ±      -"), "{text}");
    }

    #[test]
    fn a_mean_over_some_of_the_points_says_so() {
        let mut without = row("s[東]", 0.0);
        without.metrics.clear();
        let text = table(&[row("s[東]", 0.2), row("s[東]", 0.4), without]);
        assert!(text.contains("s[東]     3") && text.contains("0.3000 ± 0.1000 of 2"), "{text}");
    }
}
