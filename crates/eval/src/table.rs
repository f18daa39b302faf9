//! Results as a Markdown table, with the rows of lm-eval's: groups, with their members below them, by name.

use std::fmt;

use pbpo_outside::shown::{padded, width};

use crate::results::{Entry, Metric, Results};

const HEAD: [&str; 7] = ["Tasks", "Version", "Filter", "n-shot", "Metric", "Value", "Stderr"];

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        let inner = |entry: &Entry| self.groups.iter().any(|group| group.members.contains(&entry.name));
        let (groups, tasks) = (self.groups.iter(), self.tasks.iter());
        groups.chain(tasks).filter(|entry| !inner(entry)).for_each(|entry| self.add(entry, 0, &mut rows));
        let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or_default();
        let widths: Vec<usize> = (0..HEAD.len()).map(widest).collect();
        for (at, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
            writeln!(f, "|{}|", cells.join("|"))?;
            if at == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                writeln!(f, "|{}|", rules.join("|"))?;
            }
        }
        Ok(())
    }
}

impl Results {
    fn add(&self, entry: &Entry, depth: usize, rows: &mut Vec<[String; 7]>) {
        let indent = if depth > 0 { format!("{}- ", " ".repeat(depth)) } else { String::new() };
        let mut metrics: Vec<&Metric> = entry.metrics.iter().collect();
        metrics.sort_by_key(|metric| (metric.name, metric.filter));
        for (at, metric) in metrics.into_iter().enumerate() {
            let once = |text: String| if at == 0 { text } else { String::new() };
            rows.push([
                once(format!("{indent}{}", entry.alias)),
                once(entry.version.as_str().map_or_else(|| entry.version.to_string(), str::to_owned)),
                metric.filter.to_owned(),
                entry.shots.map_or_else(String::new, |shots| shots.to_string()),
                metric.name.to_owned(),
                format!("{:.4}", metric.value),
                metric.stderr.map_or_else(|| "N/A".to_owned(), |stderr| format!("± {stderr:.4}")),
            ]);
        }
        let mut members: Vec<&String> = entry.members.iter().collect();
        members.sort();
        members.into_iter().filter_map(|name| self.get(name)).for_each(|member| self.add(member, depth + 1, rows));
    }
}
