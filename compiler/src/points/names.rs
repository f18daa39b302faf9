//! Names of points as people write them: `grid[seed=2, beta=1e-1]` is `grid[beta=0.1,seed=2]`, and a part of a name
//! selects every point that has it.

use pbpo_grammar::{FileId, parse_expr};

use super::Point;
use super::overrides::value_text;

/// Returns the points for a name with brackets: the one with that name, else all points that have each of its parts.
pub(super) fn fitting(points: Vec<Point>, wanted: &str) -> Vec<Point> {
    if let Some(exact) = points.iter().find(|point| point.name == wanted) {
        return vec![exact.clone()];
    }
    let asked = parts(wanted);
    let fits = |point: &Point| !asked.is_empty() && asked.iter().all(|part| point.parts.contains(part));
    points.into_iter().filter(fits).collect()
}

/// Returns the parts between the brackets, in their canonical spelling.
fn parts(name: &str) -> Vec<String> {
    let Some((_, inner)) = name.split_once('[') else { return Vec::new() };
    let inner = inner.trim_end();
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    let (mut parts, mut depth, mut quoted, mut start) = (Vec::new(), 0_i32, false, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 && !quoted => {
                parts.extend(inner.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inner.get(start..));
    parts.into_iter().filter(|part| !part.trim().is_empty()).map(plain).collect()
}

/// Returns the canonical spelling: `beta = 1e-1` is `beta=0.1`; a part without a value only loses its blanks.
fn plain(part: &str) -> String {
    let squeezed = || part.split_whitespace().collect();
    let Some((path, value)) = part.split_once('=') else { return squeezed() };
    match parse_expr(FileId::default(), value) {
        Ok(value) => format!("{}={}", path.split_whitespace().collect::<String>(), value_text(&value)),
        Err(_) => squeezed(),
    }
}
