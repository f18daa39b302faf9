//! A bandit from two CSV files: features, one arm a line; theta, one number a line (or all on one).

use std::path::Path;

use pbpo_outside::file;

use super::World;
use super::bandit;
use super::random::fits;

/// Reads the files. Norms are kept: nothing is rescaled.
pub(super) fn make(features: &Path, theta: &Path) -> Result<World, String> {
    let arms = rows(features)?;
    let dim = arms[0].1.len();
    if let Some((line, row)) = arms.iter().find(|(_, row)| row.len() != dim) {
        let found = row.len();
        return Err(at(features, *line, &format!("{found} numbers, the first arm has {dim}; give each arm the same")));
    }
    let theta_rows = rows(theta)?;
    let numbers: Vec<f64> = theta_rows.iter().flat_map(|(_, row)| row.iter().copied()).collect();
    if numbers.len() != dim {
        let (theta, found) = (theta.display(), numbers.len());
        return Err(format!("{theta}: {found} numbers, but an arm has {dim} features; give theta {dim} numbers"));
    }
    fits(&[&[arms.len(), dim]], "the number of arms in the file")?;
    Ok(bandit::world(arms.into_iter().flat_map(|(_, row)| row).collect(), numbers))
}

/// Reads lines of numbers with their line numbers, at least one. A first line without any number is a header; any other
/// text that is not a number is an error.
fn rows(path: &Path) -> Result<Vec<(usize, Vec<f64>)>, String> {
    let refused = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let bytes = file::bytes(path, file::limit::TABLE)
        .map_err(|why| refused(&why) + "; check the path, which is relative to where you run")?;
    let text = String::from_utf8(bytes).map_err(|_| refused(&"it is not UTF-8 text"))?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut rows = Vec::new();
    for (nth, (line, text)) in lines.enumerate() {
        if nth == 0 && text.split(',').all(|cell| cell.trim().parse::<f64>().is_err()) {
            continue;
        }
        let numbers = text.split(',').map(|cell| number(cell, path, line + 1)).collect::<Result<_, _>>()?;
        rows.push((line + 1, numbers));
    }
    if rows.is_empty() {
        return Err(format!("{}: no numbers; give at least one line of them", path.display()));
    }
    Ok(rows)
}

fn number(cell: &str, path: &Path, line: usize) -> Result<f64, String> {
    let cell = cell.trim();
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(at(path, line, &format!("`{cell}` is not finite; replace it or leave the line out"))),
        Err(_) => Err(at(path, line, &format!("`{cell}` is not a number; write numbers with commas between them"))),
    }
}

/// Returns a message with its place.
fn at(path: &Path, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", path.display())
}
