//! The report: one self-contained HTML page with the results, curves as SVG, and completions.

use std::fmt::Write;

use pbpo_plan::Plan;

use super::story::Story;
use crate::event::{Completion, Evaluation};

/// The curves shown first, if the run has them.
const CURVES: &[(&str, &str)] = &[
    ("game/value", "gap of policy over reference, under the reward model"),
    ("confidence/nll", "mean negative log-likelihood of preferences, nats"),
    ("objective/kl", "KL of policy to reference, nats a response"),
    ("rm/accuracy", "reward model: share of pairs ordered as labelled"),
    ("explorer/logdet", "log det of the feature covariance"),
    ("explorer/uncertainty_mean", "norm of the chosen pairs' differences in the inverse covariance"),
    ("rewards/margins", "implicit reward, beta times the log-ratio: chosen less rejected"),
    ("logratio/margins", "log-ratio of policy and reference: chosen less rejected, nats"),
    ("oracle/agreement", "share of labels that agree with the score"),
    ("policy/objective", "policy objective"),
    ("regret/cumulative", "cumulative regret of the main policy"),
    ("regret/pair", "regret of the compared pair, an episode"),
    ("set/size", "radius or slack of the confidence set"),
    ("explorer/value", "what the enhancer found"),
];

/// Returns the page of a run that took so many seconds.
pub fn html(plan: &Plan, run: &Story, seconds: f64) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>pbpoc run</title><style>\
         body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
         table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
         code,pre{font:13px/1.4 ui-monospace,monospace}.curves{display:flex;flex-wrap:wrap;gap:1rem}\
         figure{margin:0}figcaption{font-size:13px;color:#555;max-width:28rem}</style>",
    );
    let _ = write!(page, "<h1>{}</h1><p>seed {}, {:.1} s</p>", escape(&plan.point), plan.seed, seconds);
    outcome(&mut page, run);
    page.push_str("<div class=\"curves\">");
    evaluation_curves(&mut page, &run.evaluations);
    for (name, caption) in CURVES {
        let points: Vec<(f64, f64)> =
            run.episodes.iter().enumerate().filter_map(|(i, m)| m.get(*name).map(|v| (i as f64 + 1.0, *v))).collect();
        curve(&mut page, name, caption, &points);
    }
    page.push_str("</div>");
    completions(&mut page, run);
    let _ = write!(page, "<details><summary>Plan</summary><pre>{}</pre></details></html>", escape(&plan.text()));
    page
}

fn outcome(page: &mut String, run: &Story) {
    let headline = run.first_and_last();
    if headline.is_none() && run.other_reports().is_empty() {
        return;
    }
    page.push_str("<h2>Evaluation</h2>");
    if let Some((first, last)) = headline {
        page.push_str("<table><tr><th></th><th>before</th><th>after</th></tr>");
        for (metric, before) in &first.metrics {
            if let Some(after) = last.metrics.get(metric) {
                let _ = write!(page, "<tr><td>{}</td><td>{before:.3}</td><td>{after:.3}</td></tr>", escape(metric));
            }
        }
        page.push_str("</table>");
    }
    for Evaluation { label, subject, metrics, .. } in run.other_reports() {
        let _ = write!(page, "<table><tr><th>{}</th><th>{}</th></tr>", escape(label), escape(subject));
        for (metric, value) in metrics {
            let _ = write!(page, "<tr><td>{}</td><td>{value:.3}</td></tr>", escape(metric));
        }
        page.push_str("</table>");
    }
}

fn evaluation_curves(page: &mut String, evaluations: &[Evaluation]) {
    let of = |e: &Evaluation| e.metrics.keys().map(|name| (name.clone(), e.subject.clone())).collect::<Vec<_>>();
    let curves: std::collections::BTreeSet<(String, String)> = evaluations.iter().flat_map(of).collect();
    for (name, subject) in curves {
        let own = evaluations.iter().filter(|e| e.subject == subject);
        let points: Vec<(f64, f64)> = own.filter_map(|e| e.metrics.get(&name).map(|v| (e.step as f64, *v))).collect();
        curve(page, &format!("eval/{name}"), &format!("{subject}, by `evaluate`"), &points);
    }
}

fn curve(page: &mut String, name: &str, caption: &str, points: &[(f64, f64)]) {
    if points.len() < 2 {
        return;
    }
    const WIDTH: f64 = 440.0;
    const HEIGHT: f64 = 150.0;
    let range = |axis: fn(&(f64, f64)) -> f64| {
        let low = points.iter().map(axis).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(axis).fold(f64::NEG_INFINITY, f64::max);
        (low, if high > low { high } else { low + 1.0 })
    };
    let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
    let line: Vec<String> = points
        .iter()
        .map(|(x, y)| {
            let px = 50.0 + (x - x0) / (x1 - x0) * (WIDTH - 60.0);
            let py = 10.0 + (y1 - y) / (y1 - y0) * (HEIGHT - 30.0);
            format!("{px:.1},{py:.1}")
        })
        .collect();
    let _ = write!(
        page,
        "<figure><svg width=\"{WIDTH}\" height=\"{HEIGHT}\" font-size=\"11\" fill=\"#555\">\
         <text x=\"2\" y=\"16\">{y1:.3}</text><text x=\"2\" y=\"{}\">{y0:.3}</text>\
         <text x=\"50\" y=\"{}\">{x0:.0}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{x1:.0}</text>\
         <polyline fill=\"none\" stroke=\"#1565c0\" stroke-width=\"1.5\" points=\"{}\"/></svg>\
         <figcaption><code>{}</code>: {}</figcaption></figure>",
        HEIGHT - 20.0,
        HEIGHT - 4.0,
        WIDTH - 10.0,
        HEIGHT - 4.0,
        line.join(" "),
        escape(name),
        escape(caption)
    );
}

fn completions(page: &mut String, run: &Story) {
    let cell = |c: &Completion| {
        let score = c.score.map_or(String::new(), |score| format!(" ({score:.2})"));
        format!("<td><code>{}</code>{score}</td>", escape(&c.completion))
    };
    let mut table = |names: &[&str], rows: &[Vec<&Completion>]| {
        if rows.is_empty() {
            return;
        }
        let heads: String = names.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
        let _ = write!(page, "<h2>Completions</h2><table><tr><th>prompt</th>{heads}</tr>");
        for row in rows {
            let prompt = row.first().map_or("", |completion| completion.prompt.as_str());
            let cells: String = row.iter().map(|completion| cell(completion)).collect();
            let _ = write!(page, "<tr><td><code>{}</code></td>{cells}</tr>", escape(prompt));
        }
        page.push_str("</table>");
    };
    if let Some((first, last)) = run.first_and_last() {
        let rows = first.completions.iter().zip(&last.completions).map(|(a, b)| vec![a, b]).collect::<Vec<_>>();
        table(&["before", "after"], &rows);
    }
    for report in run.other_reports() {
        let rows: Vec<Vec<&Completion>> = report.completions.iter().map(|completion| vec![completion]).collect();
        table(&[&report.label], &rows);
    }
}

/// Returns a text escaped for HTML: it contains no markup and no characters that turn the reading direction.
fn escape(text: &str) -> String {
    let text = pbpo_outside::shown::lines(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn no_text_is_markup() {
        let hostile = "</code><script>alert('1')</script>\"&\u{1b}[2J\u{202e}";
        let shown = escape(hostile);
        assert!(!shown.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{shown}");
        assert_eq!(escape("a\nb & 東京"), "a\nb &amp; 東京");
    }
}
