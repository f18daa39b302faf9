//! Everything that an op uses besides its inputs: the device, its random stream, metrics, and the observer.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Device;
use pbpo_plan::identity::Identity;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::event::{Checkpoint, Event, Metrics, Observer};
use crate::host::Host;
use crate::rng;

/// The counters of a run: the part of its state that is no value of the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// The iteration of the outermost `repeat`, counted from 1, and the number of its iterations.
    pub episode: usize,
    pub episodes: usize,
    /// True inside a loop.
    pub in_loop: bool,
    /// The number of iterations of earlier outermost loops.
    before: usize,
    /// The number of response tokens sampled so far.
    pub generated: u64,
    /// The number of times that each stage has drawn a random stream.
    runs: BTreeMap<String, u64>,
    /// The sum and the count of each figure of the current episode.
    sums: BTreeMap<String, (f64, f64)>,
    /// The sums over the whole run, after each value.
    running: BTreeMap<String, Vec<f64>>,
    /// The notices that were told.
    noticed: BTreeSet<String>,
}

impl Counters {
    /// Begins an outermost loop of `count` iterations.
    pub fn enter(&mut self, count: usize) {
        self.before += self.episode;
        (self.episode, self.episodes) = (0, count);
    }

    /// Returns what was counted since `before`.
    fn since(&self, before: &Counters) -> Counted {
        let new = |(stage, sums): (&String, &Vec<f64>)| {
            (before.running.get(stage) != Some(sums)).then(|| (stage.clone(), sums.clone()))
        };
        Counted {
            generated: self.generated - before.generated,
            running: self.running.iter().filter_map(new).collect(),
            noticed: self.noticed.difference(&before.noticed).cloned().collect(),
        }
    }

    /// Counts what a stage has counted in another point of the sweep.
    pub fn count(&mut self, counted: Counted) {
        let Counted { generated, running, noticed } = counted;
        self.generated += generated;
        self.running.extend(running);
        self.noticed.extend(noticed);
    }
}

/// What an outermost stage adds to the counters, apart from the iterations of its loop.
#[derive(Clone)]
pub struct Counted {
    generated: u64,
    running: BTreeMap<String, Vec<f64>>,
    noticed: BTreeSet<String>,
}

/// The events of an outermost stage that another point of the sweep needs, as they come.
pub struct Recording {
    events: Vec<Event>,
    /// The counters before the stage.
    before: Counters,
}

/// What an op may use besides its inputs.
pub struct Context<'a> {
    /// The plain device, without autodiff.
    pub device: Device,
    /// The directories in which files are looked up.
    pub host: &'a Host,
    pub counters: &'a mut Counters,
    identities: &'a BTreeMap<String, Identity>,
    observer: &'a mut dyn Observer,
    recording: &'a mut Option<Recording>,
}

impl<'a> Context<'a> {
    pub fn new(
        host: &'a Host,
        identities: &'a BTreeMap<String, Identity>,
        counters: &'a mut Counters,
        observer: &'a mut dyn Observer,
        recording: &'a mut Option<Recording>,
    ) -> Self {
        Self { device: host.device.clone(), host, counters, identities, observer, recording }
    }

    /// Returns the number of iterations of outermost loops, including the current one.
    pub fn step(&self) -> usize {
        self.counters.before + self.counters.episode
    }

    /// Returns the random stream of this execution of a stage. Call it once for each execution.
    pub fn rng(&mut self, stage: &str) -> ChaCha8Rng {
        let counter = self.counters.runs.entry(stage.to_owned()).or_default();
        *counter += 1;
        // The executor refuses a plan with a stage that has none.
        rng::stream(self.identities[stage], *counter - 1)
    }

    /// Records a figure; an episode reports the mean of the recorded values.
    pub fn record(&mut self, name: &str, value: f64) {
        let sum = self.counters.sums.entry(name.to_owned()).or_default();
        sum.0 += value;
        sum.1 += 1.0;
    }

    /// Adds to a total; an episode reports the sum.
    pub fn add(&mut self, name: &str, value: f64) {
        let sum = self.counters.sums.entry(name.to_owned()).or_insert((0.0, 1.0));
        sum.0 += value;
    }

    /// Adds a value to a sum over the whole run. Returns the sum after each value so far (at least one).
    pub fn running(&mut self, name: &str, value: f64) -> &[f64] {
        let sums = self.counters.running.entry(name.to_owned()).or_default();
        sums.push(sums.last().copied().unwrap_or(0.0) + value);
        sums
    }

    /// Returns means (of `record`) and totals (of `add`) since the last call.
    pub fn take_metrics(&mut self) -> Metrics {
        std::mem::take(&mut self.counters.sums).into_iter().map(|(name, (sum, n))| (name, sum / n)).collect()
    }

    /// Sends an event to the observer. A figure that is not finite stops the run, because later results would be
    /// worthless.
    pub fn emit(&mut self, event: Event) -> Result<(), Fault> {
        let mut figures = event.metrics().into_iter().flatten();
        if let Some((name, value)) = figures.find(|(_, value)| !value.is_finite()) {
            return Err(Fault::not_finite(&format!("the figure `{name}`"), *value));
        }
        self.observer.event(&event).map_err(|e| {
            Fault::new(format!("the run directory can't be written: {e}"))
                .help("free some space or choose another --out")
        })?;
        if let Some(recording) = self.recording {
            recording.events.push(event);
        }
        Ok(())
    }

    /// Writes a checkpoint.
    pub fn save(&mut self, checkpoint: &Checkpoint<'_>) -> Result<(), Fault> {
        self.observer.save(checkpoint)
    }

    /// Sends a notice for the user, the first time only.
    pub fn notice_once(&mut self, stage: &str, text: String) -> Result<(), Fault> {
        if !self.counters.noticed.insert(format!("{stage}: {text}")) {
            return Ok(());
        }
        self.emit(Event::Notice { stage: stage.to_owned(), text })
    }

    /// Records events and counters from here on, up to [`Self::recorded`].
    pub fn record_events(&mut self) {
        *self.recording = Some(Recording { events: Vec::new(), before: self.counters.clone() });
    }

    /// Returns what was recorded since [`Self::record_events`]; `None` if nothing was.
    pub fn recorded(&mut self) -> Option<(Vec<Event>, Counted)> {
        let Recording { events, before } = self.recording.take()?;
        Some((events, self.counters.since(&before)))
    }

    /// The identity of a stage.
    pub fn identity(&self, stage: &str) -> Result<Identity, Fault> {
        let known = self.identities.get(stage).copied();
        known.ok_or_else(|| Fault::new(format!("the plan has a stage `{stage}` without an identity")))
    }
}
