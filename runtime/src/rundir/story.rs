//! The story of a run: everything that its report, its manifest and the command line show. It is a fold over the run's
//! events, and over the lines of its logs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::log::{self, Figures, Line};
use crate::error::Fault;
use crate::event::{Evaluation, Event, Metrics};

/// The story of a run so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Every episode's figures.
    pub episodes: Vec<Metrics>,
    pub evaluations: Vec<Evaluation>,
    /// Figures of the run as a whole.
    pub summary: Metrics,
    /// The figures of stages outside of loops, the last of each name.
    pub outside: Metrics,
    pub notices: Vec<Notice>,
    /// The checkpoints that were read, by stage.
    pub models: BTreeMap<String, ReadModel>,
    /// The number of response tokens sampled; known when the run has ended well.
    pub generated: Option<u64>,
    /// The checkpoints of `save` that are kept, in the order in which they were written.
    pub checkpoints: Vec<Saved>,
}

/// A notice for the user, and the stage that it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    pub stage: String,
    pub text: String,
}

/// A checkpoint that was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadModel {
    pub name: String,
    pub revision: Option<String>,
    pub digest: String,
}

/// A checkpoint that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The stage that wrote it; a stage removes only its own checkpoints.
    pub stage: String,
    pub player: String,
    pub step: usize,
}

impl Saved {
    /// Returns the path inside the run directory.
    pub fn path(&self) -> String {
        format!("checkpoints/{}/step-{:06}", self.player, self.step)
    }
}

impl Story {
    /// Reads the story of a run from its directory, while the run goes on or after it has ended or was killed.
    pub fn read(dir: &Path) -> Result<Self, Fault> {
        let mut story = Self::default();
        let mut begun = false;
        log::read(&dir.join("events.jsonl"), |text| {
            let line = Line::read(text)?;
            begun |= matches!(line, Line::Log { .. });
            story.tell(line);
            if begun { Ok(()) } else { Err("the first line should name the version".into()) }
        })?;
        log::read(&dir.join("metrics.jsonl"), |text| {
            match Figures::read(text)? {
                Figures::Episode(metrics) => story.episodes.push(metrics),
                Figures::Stage(metrics) => story.outside.extend(metrics),
                Figures::Other => {}
            }
            Ok(())
        })?;
        Ok(story)
    }

    /// Goes on by an event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Episode { metrics, .. } => self.episodes.push(metrics.clone()),
            Event::Figures { metrics, .. } => self.outside.extend(metrics.clone()),
            Event::Progress { .. } | Event::Preferences { .. } => {}
            Event::Stage { .. } | Event::Loaded { .. } | Event::Notice { .. } | Event::Evaluation(_) => {
                self.line(event)
            }
            Event::Summary { .. } | Event::Usage { .. } => self.line(event),
        }
    }

    fn line(&mut self, event: &Event) {
        Line::of(event).into_iter().for_each(|line| self.tell(line));
    }

    /// Goes on by a line of `events.jsonl`.
    pub fn tell(&mut self, line: Line) {
        match line {
            // Nothing shows yet when stages began.
            Line::Log { .. } | Line::Stage { .. } => {}
            Line::Model { stage, name, revision, digest } => {
                self.models.insert(stage, ReadModel { name, revision, digest });
            }
            Line::Notice { stage, text } => self.notices.push(Notice { stage, text }),
            Line::Evaluation(evaluation) => self.evaluations.push(evaluation),
            Line::Summary { metrics } => self.summary.extend(metrics),
            Line::Usage { generated } => self.generated = Some(generated),
            Line::Checkpoint { stage, player, step, keep } => self.checkpoint(Saved { stage, player, step }, keep),
        }
    }

    /// Adds a checkpoint, which replaces one of the same step; of its stage's checkpoints the newest `keep` stay.
    fn checkpoint(&mut self, new: Saved, keep: Option<usize>) {
        let stage = new.stage.clone();
        self.checkpoints.retain(|saved| *saved != new);
        self.checkpoints.push(new);
        let own = self.checkpoints.iter().filter(|saved| saved.stage == stage).count();
        let mut surplus = own.saturating_sub(keep.unwrap_or(own));
        self.checkpoints.retain(|saved| {
            let old = saved.stage == stage && surplus > 0;
            surplus -= usize::from(old);
            !old
        });
    }

    /// Returns the run's evaluations before and after: for the policy and the data of the first report of a loop, the
    /// evaluation before that loop and the last one in a loop, which may be a later loop with another label. Returns
    /// `None` if no loop has an evaluation.
    pub fn first_and_last(&self) -> Option<(&Evaluation, &Evaluation)> {
        let first = self.evaluations.iter().find(|e| e.before)?;
        let last = self.evaluations.iter().rfind(|e| e.looped && e.subject == first.subject)?;
        Some((first, last))
    }

    /// Returns the last evaluation of each report, in the order in which the reports were first made, without reports
    /// that were only made before a loop.
    pub fn reports(&self) -> Vec<&Evaluation> {
        let mut reports: Vec<&Evaluation> = Vec::new();
        for evaluation in self.evaluations.iter().filter(|e| !e.before) {
            match reports.iter_mut().find(|report| report.label == evaluation.label) {
                Some(report) => *report = evaluation,
                None => reports.push(evaluation),
            }
        }
        reports
    }

    /// Returns the reports that [`Self::first_and_last`] does not cover.
    pub fn other_reports(&self) -> Vec<&Evaluation> {
        let headline = self.first_and_last().map(|(first, _)| &first.subject);
        let spoken_for = |report: &&Evaluation| report.looped && Some(&report.subject) == headline;
        self.reports().into_iter().filter(|report| !spoken_for(report)).collect()
    }

    /// Returns the final figures: `<metric>/before` and `<metric>/after` of [`Self::first_and_last`],
    /// `<metric>/<label>` of the last evaluation of each report, the figures of the run as a whole, the last episode's
    /// means, and the figures of stages outside of loops.
    pub fn results(&self) -> Metrics {
        let told = |(name, _): &(&String, &f64)| !name.starts_with("timing");
        let mut results: Metrics = self.outside.iter().filter(told).map(own).collect();
        results.extend(self.episodes.last().into_iter().flatten().filter(told).map(own));
        let mut add = |evaluation: &Evaluation, name: &str| {
            results.extend(evaluation.metrics.iter().map(|(metric, value)| (format!("{metric}/{name}"), *value)));
        };
        if let Some((first, last)) = self.first_and_last() {
            add(first, "before");
            add(last, "after");
        }
        self.reports().into_iter().for_each(|e| add(e, &e.label));
        results.extend(self.summary.clone());
        results
    }
}

fn own((name, value): (&String, &f64)) -> (String, f64) {
    (name.clone(), *value)
}
