//! The output at the end of a run: its figures, before and after or by the names of its reports, and a few completions,
//! cut to the width of the terminal.

use std::collections::BTreeSet;
use std::fmt::Write;

use pbpo_outside::shown::{cut, padded, width};
use pbpo_runtime::event::{Completion, Evaluation, Metrics};
use pbpo_runtime::rundir::story::Story;

/// An evaluation with the name of its column.
type Column<'r> = (&'r str, &'r Evaluation);

/// Returns the tables of a run, at most `columns` wide; an empty text if there was no evaluation.
pub fn summary(run: &Story, columns: usize) -> String {
    let mut out = String::new();
    for (name, value) in &run.summary {
        let _ = writeln!(out, "{} {value:>10.3}", padded(name, 16));
    }
    let headline = run.first_and_last();
    if let Some((first, last)) = headline {
        out.push_str(&figures(&[("before", first), ("after", last)]));
        let rows = first.completions.iter().zip(&last.completions).map(|(a, b)| vec![a, b]).collect::<Vec<_>>();
        out.push_str(&completions(&["before", "after"], &rows, columns));
    }
    let others: Vec<Column<'_>> =
        run.other_reports().into_iter().map(|report| (report.label.as_str(), report)).collect();
    if others.is_empty() {
        return out;
    }
    if headline.is_some() {
        out.push('\n');
    }
    out.push_str(&figures(&others));
    for (name, report) in others {
        let rows: Vec<Vec<&Completion>> = report.completions.iter().map(|completion| vec![completion]).collect();
        out.push_str(&completions(&[name], &rows, columns));
    }
    out
}

/// Returns one line for each figure, one column for each evaluation; `-` if an evaluation lacks the figure.
fn figures(columns: &[Column<'_>]) -> String {
    let names: BTreeSet<&String> = columns.iter().flat_map(|(_, evaluation)| evaluation.metrics.keys()).collect();
    let left = |text: &str, to: usize| format!("{}{text}", " ".repeat(to.saturating_sub(width(text))));
    let of = |name: &str| width(name).max(8);
    let mut out = padded("evaluation", 12);
    columns.iter().for_each(|(name, _)| out.push_str(&format!(" {}", left(name, of(name)))));
    out.push('\n');
    let cell = |metrics: &Metrics, name: &String| metrics.get(name).map_or("-".into(), |value| format!("{value:.3}"));
    for metric in names {
        out.push_str(&padded(metric, 12));
        for (name, evaluation) in columns {
            out.push_str(&format!(" {}", left(&cell(&evaluation.metrics, metric), of(name))));
        }
        out.push('\n');
    }
    out
}

/// Returns prompts and the responses to each, on one line; an empty text if there are none.
fn completions(names: &[&str], rows: &[Vec<&Completion>], columns: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let scored = rows.iter().flatten().any(|completion| completion.score.is_some());
    let heads = names.iter().enumerate().map(|(at, name)| match at + 1 == names.len() && scored {
        true => Cell { text: format!("{name} (score)"), end: String::new() },
        false => Cell { text: (*name).to_owned(), end: String::new() },
    });
    let prompt = |text: &str| Cell { text: pbpo_outside::shown::line(text).into_owned(), end: String::new() };
    let mut table: Vec<Vec<Cell>> = vec![std::iter::once(prompt("prompt")).chain(heads).collect()];
    for row in rows {
        let asked = row.first().map_or("", |completion| completion.prompt.as_str());
        table.push(std::iter::once(prompt(asked)).chain(row.iter().map(|completion| Cell::of(completion))).collect());
    }
    let natural: Vec<usize> = (0..=names.len())
        .map(|at| table.iter().filter_map(|row| row.get(at)).map(Cell::width).max().unwrap_or(0))
        .enumerate()
        .map(|(at, width)| if at == names.len() { width } else { width.max(if at == 0 { 12 } else { 8 }) })
        .collect();
    let widths = shared_out(&natural, columns.saturating_sub(names.len()));
    let mut out = "\n".to_owned();
    for row in table {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| padded(&cell.within(*width), *width)).collect();
        out.push_str(line.join(" ").trim_end());
        out.push('\n');
    }
    out
}

/// A text that may be cut, and a text after it that is always shown.
struct Cell {
    text: String,
    end: String,
}

impl Cell {
    fn of(completion: &Completion) -> Self {
        let end = completion.score.map_or(String::new(), |score| format!(" ({score:.2})"));
        Self { text: pbpo_outside::shown::line(&completion.completion).into_owned(), end }
    }

    fn width(&self) -> usize {
        width(&self.text) + width(&self.end)
    }

    fn within(&self, most: usize) -> String {
        format!("{}{}", cut(&self.text, most.saturating_sub(width(&self.end))), self.end)
    }
}

/// Returns the widths of columns with these wanted widths: together at most `total`, where a column that wants less
/// than its share gets its wanted width, and at least 12 each.
fn shared_out(wanted: &[usize], total: usize) -> Vec<usize> {
    let fits = |most: usize| wanted.iter().map(|width| (*width).min(most)).sum::<usize>() <= total;
    let most = (12..=total.max(12)).rev().find(|most| fits(*most)).unwrap_or(12);
    wanted.iter().map(|width| (*width).min(most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(prompt: &str, completion: &str) -> Completion {
        Completion { prompt: prompt.into(), completion: completion.into(), score: Some(1.0) }
    }

    #[test]
    fn completions_are_cut_to_the_terminal_and_stand_in_columns() {
        let long = "ab東京".repeat(40);
        let (one, two) = (completion("short", "yes"), completion(&long, &format!("{long}\u{1b}[2J\n")));
        let text = completions(&["before", "after"], &[vec![&one, &two], vec![&two, &one]], 100);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines.iter().all(|line| width(line) <= 100), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains('…'), "{text}");
        // A cut text keeps its score, and columns are aligned by their width on a terminal.
        let column = |line: &str, of: &str| width(&line[..line.find(of).unwrap()]);
        assert_eq!(column(lines[0], "before"), column(lines[1], "yes (1.00)"), "{text}");
        assert_eq!(column(lines[0], "after"), column(lines[2], "yes (1.00)"), "{text}");
        assert!(lines[1].ends_with("… (1.00)"), "{text}");
    }

    #[test]
    fn short_columns_leave_their_room_to_long_ones() {
        assert_eq!(shared_out(&[12, 8, 20], 98), [12, 8, 20]);
        assert_eq!(shared_out(&[12, 200, 300], 98), [12, 43, 43]);
        assert_eq!(shared_out(&[500, 500], 1), [12, 12]);
    }

    #[test]
    fn a_score_that_was_not_measured_is_not_shown() {
        let bare = Completion { score: None, ..completion("p", "c") };
        assert_eq!(completions(&["report"], &[vec![&bare]], 100), "\nprompt       report\np            c\n");
        assert_eq!(completions(&["report"], &[], 100), "");
    }
}
