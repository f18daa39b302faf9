//! The display of a run in progress: a progress bar on stderr. All texts are shown without control characters.

use std::fmt::Write;
use std::io;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pbpo_outside::shown;
use pbpo_plan::Op;
use pbpo_runtime::Fault;
use pbpo_runtime::event::{Checkpoint, Evaluation, Event, Metrics, Observer};
use pbpo_runtime::rundir::RunDir;

use crate::cli::eprint;

/// The figures of an episode that the bar shows, with their short names.
const SHOWN: [(&str, &str); 5] = [
    ("game/value", "gap"),
    ("confidence/nll", "nll"),
    ("objective/kl", "kl"),
    ("rewards/margins", "margin"),
    ("logratio/margins", "log-ratio"),
];

/// The progress bar. It is hidden if stderr is not a terminal; evaluations are then printed as lines.
pub struct Progress {
    bar: ProgressBar,
    accuracy: Option<f64>,
    started: Instant,
    quiet: bool,
    /// True if another point has run the current stage.
    reused: bool,
    title: String,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, accuracy: None, started: Instant::now(), quiet, reused: false, title: String::new() }
    }

    /// Sets the text before every line.
    pub fn title(&mut self, title: &str) {
        title.clone_into(&mut self.title);
    }

    fn show(&self, what: &str, done: usize, total: usize, message: String) {
        let template = format!("{}{{elapsed:>4}} {what} [{{bar:30}}] {{pos}}/{{len}} {{msg}} eta {{eta}}", self.title);
        if self.bar.length() != Some(total as u64) || done <= 1 {
            self.bar.reset();
            self.bar.set_length(total as u64);
        }
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.set_message(shown::line(&message).into_owned());
        self.bar.set_position(done as u64);
    }

    fn print(&self, line: String) {
        let line = shown::line(&line);
        if self.quiet {
            return;
        }
        if self.bar.is_hidden() {
            eprint(&format!("{}{:6.1}s {line}\n", self.title, self.started.elapsed().as_secs_f64()));
        } else {
            self.bar.println(format!("{}{line}", self.title));
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Stage { name, op, reused } if *op == Op::Imitate => {
                let what = if *reused { "as in an earlier point" } else { "learning from demonstrations" };
                self.print(format!("{name}: {what}"));
                self.reused = *reused;
            }
            Event::Stage { reused, .. } => self.reused = *reused,
            // Repeated events of a shared stage are not progress.
            Event::Progress { .. } | Event::Episode { .. } if self.reused => {}
            Event::Preferences { .. } | Event::Usage { .. } | Event::Loaded { .. } | Event::Figures { .. } => {}
            Event::Notice { stage, text } => self.print(format!("{stage}: {text}")),
            Event::Summary { metrics } => self.print(figures(metrics)),
            Event::Progress { done, total, metrics, .. } => {
                let loss = metrics.get("loss").map_or(String::new(), |l| format!("loss {l:.3}"));
                self.show("imitate", *done, *total, loss);
            }
            Event::Episode { done, total, metrics, .. } => {
                let mut message = String::new();
                for (name, short) in SHOWN {
                    if let Some(value) = metrics.get(name) {
                        let _ = write!(message, "{short} {value:+.3} ");
                    }
                }
                if let Some(accuracy) = self.accuracy {
                    let _ = write!(message, "accuracy {accuracy:.3}");
                }
                self.show("episode", *done, *total, message);
            }
            Event::Evaluation(Evaluation { label, before, step, metrics, .. }) => {
                let label = if *before { "before" } else { label };
                self.accuracy = metrics.get("accuracy").copied().or(self.accuracy);
                self.print(format!("{label} (episode {step}): {}", figures(metrics)));
            }
        }
        Ok(())
    }
}

fn figures(metrics: &Metrics) -> String {
    metrics.iter().map(|(name, value)| format!("{name} {value:.3}")).collect::<Vec<_>>().join("  ")
}

/// Both listeners of a run.
pub struct Both<'a>(pub &'a mut RunDir, pub &'a mut Progress);

impl Observer for Both<'_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.event(event)?;
        self.1.event(event)
    }

    fn save(&mut self, checkpoint: &Checkpoint<'_>) -> Result<(), Fault> {
        self.0.save(checkpoint)
    }
}
