//! `regret.svg`: cumulative regret of a sweep's points, mean and standard error over seeds, on logarithmic axes, with
//! the theorem's bound of each (dashed; its O(d sqrt K) or O(d H^{3/2} sqrt K) with all constants) and guides of the
//! slopes 1/2 and 1.

use std::fmt::Write;
use std::io;
use std::path::Path;

use pbpo_exact::stats::{Band, band, thinned};
use pbpo_runtime::rundir::write_atomic;

use super::table::Row;

const COLORS: [&str; 8] = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4b5563"];
/// The left, top, width and height of the plot.
const PLOT: [f64; 4] = [70.0, 20.0, 480.0, 340.0];

/// The points that differ only in the seed.
struct Group {
    name: String,
    band: Band,
    /// The mean bound; empty without a bound.
    bound: Vec<f64>,
}

/// Draws the curves, if there are any.
pub fn write(root: &Path, rows: &[Row]) -> io::Result<()> {
    let mut members: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.regret.len() > 1) {
        match members.iter_mut().find(|(name, _)| *name == row.group) {
            Some((_, rows)) => rows.push(row),
            None => members.push((&row.group, vec![row])),
        }
    }
    if members.is_empty() {
        return Ok(());
    }
    let over = |rows: &[&Row], curve: fn(&Row) -> &Vec<f64>| {
        band(&rows.iter().map(|row| curve(row).clone()).collect::<Vec<_>>())
    };
    let group = |(name, rows): (&str, Vec<&Row>)| Group {
        name: name.to_owned(),
        band: over(&rows, |row| &row.regret),
        bound: over(&rows, |row| &row.bound).mean,
    };
    let groups: Vec<Group> = members.into_iter().map(group).collect();
    write_atomic(&root.join("regret.svg"), svg(&groups).as_bytes())
}

/// The logarithmic scales.
struct Axes {
    x: [f64; 2],
    y: [f64; 2],
}

impl Axes {
    fn of(groups: &[Group]) -> Self {
        let last = groups.iter().map(|group| group.band.mean.len()).max().unwrap_or(2) as f64;
        let all = groups.iter().flat_map(|group| &group.band.mean).filter(|value| **value > 0.0);
        let (low, high) = all.fold((f64::INFINITY, 0.0_f64), |(low, high), y| (low.min(*y), high.max(*y)));
        let (low, high) = if high > 0.0 { (low.max(high * 1e-3), high * 1.5) } else { (0.1, 1.0) };
        let high = groups.iter().filter_map(|group| group.bound.last()).fold(high, |high, y| high.max(1.5 * y));
        Self { x: [0.0, last.log10()], y: [low.log10(), high.log10()] }
    }

    /// Returns a point of the picture; values below the axis are on it.
    fn at(&self, x: f64, y: f64) -> String {
        let [left, top, width, height] = PLOT;
        let share = |value: f64, [low, high]: [f64; 2]| ((value.log10() - low) / (high - low)).clamp(0.0, 1.0);
        let (x, y) = (share(x, self.x), share(y.max(f64::MIN_POSITIVE), self.y));
        format!("{:.1},{:.1}", left + x * width, top + (1.0 - y) * height)
    }
}

fn svg(groups: &[Group]) -> String {
    let axes = Axes::of(groups);
    let height = PLOT[1] + PLOT[3] + 50.0 + 18.0 * groups.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 570 {height}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"570\" height=\"{height}\" fill=\"white\"/>\n"
    );
    grid(&mut out, &axes);
    guides(&mut out, &axes, groups);
    for (index, group) in groups.iter().enumerate() {
        curve(&mut out, &axes, group, COLORS[index % COLORS.len()]);
        caption(&mut out, index, group);
    }
    out.push_str("</svg>\n");
    out
}

/// Draws the mean with its band, and the bound.
fn curve(out: &mut String, axes: &Axes, Group { band, bound, .. }: &Group, color: &str) {
    let line = |values: &[f64]| {
        thinned(values.len(), 200).iter().map(|k| axes.at(*k as f64 + 1.0, values[*k])).collect::<Vec<_>>()
    };
    let (mut low, high, mean) = (line(&band.low), line(&band.high), line(&band.mean));
    low.reverse();
    let _ = writeln!(
        out,
        "<polygon points=\"{} {}\" fill=\"{color}\" opacity=\"0.2\"/><polyline points=\"{}\" fill=\"none\" \
         stroke=\"{color}\" stroke-width=\"1.5\"/>",
        high.join(" "),
        low.join(" "),
        mean.join(" ")
    );
    if !bound.is_empty() {
        let points = line(bound).join(" ");
        let _ = writeln!(
            out,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" stroke-dasharray=\"6 3\"/>"
        );
    }
}

/// Writes the name, with the last regret and the last bound.
fn caption(out: &mut String, index: usize, Group { name, band, bound }: &Group) {
    let (y, color) = (PLOT[1] + PLOT[3] + 50.0 + 18.0 * index as f64, COLORS[index % COLORS.len()]);
    let last = band.mean.last().copied().unwrap_or(0.0);
    let allowed = bound.last().map_or(String::new(), |bound| format!(", bound {bound:.2e}"));
    let _ = writeln!(out, "<text x=\"70\" y=\"{y}\" fill=\"{color}\">{}: {last:.1}{allowed}</text>", escape(name));
}

/// Draws powers of ten and the labels of the axes.
fn grid(out: &mut String, axes: &Axes) {
    let [left, top, width, height] = PLOT;
    for power in axes.x[0].ceil() as i32..=axes.x[1].floor() as i32 {
        let value = 10f64.powi(power);
        let x = left + width * (f64::from(power) - axes.x[0]) / (axes.x[1] - axes.x[0]);
        let bottom = top + height;
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{value}</text>",
            bottom + 16.0
        );
    }
    for power in axes.y[0].ceil() as i32..=axes.y[1].floor() as i32 {
        let value = 10f64.powi(power);
        let y = top + height * (1.0 - (f64::from(power) - axes.y[0]) / (axes.y[1] - axes.y[0]));
        let _ = writeln!(
            out,
            "<path d=\"M{left} {y:.1}h{width}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#999\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">episode</text>\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">cumulative regret</text>",
        left + width / 2.0,
        top + height + 32.0,
        top + height / 2.0
    );
}

/// Draws lines of slope 1/2 and 1 through the end of the highest curve.
fn guides(out: &mut String, axes: &Axes, groups: &[Group]) {
    let ends = groups.iter().filter_map(|group| Some((group.band.mean.len() as f64, *group.band.mean.last()?)));
    let Some((last, high)) = ends.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    for (slope, name) in [(0.5, "sqrt K"), (1.0, "K")] {
        let points: Vec<String> = (0..=40)
            .map(|step| 10f64.powf(axes.x[1] * f64::from(step) / 40.0))
            .map(|k| axes.at(k, high * (k / last).powf(slope)))
            .collect();
        let middle = axes.at(last.sqrt(), high * last.powf(-slope / 2.0));
        let (x, y) = middle.split_once(',').unwrap_or(("0", "0"));
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#aaa\" stroke-dasharray=\"4 4\"/><text x=\"{x}\" y=\"{y}\" \
             fill=\"#888\">{name}</text>",
            points.join(" ")
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
