//! Oracles: they say which of two responses is better.

use std::sync::Arc;

use burn::tensor::Device;
use pbpo_hub::records::{Said, Text};
use pbpo_judge::{Judge, Query, Usage, Verdict};
pub use pbpo_plan::ops::oracle::Labels;

use crate::batch::{Batch, Row};
use crate::context::Context;
use crate::data::{Source, shown};
use crate::error::Fault;
use crate::event::Event;
use crate::model::RewardModel;
use crate::tokenizer::Tokenizer;

/// The number of pairs after which a judge that has answered none is an error (our choice).
const MUTE: usize = 8;

/// The labeller of pairs.
pub enum Oracle {
    /// Uses the score of the data's task.
    Task(Btl),
    /// Uses the data's own check. If both or neither pass, the label is a tie of equal chances with `draws_ties`, else
    /// the pair is left out.
    Verifier { btl: Btl, draws_ties: bool },
    /// Uses the score of a reward model from disk.
    Scorer(Box<Scorer>),
    /// Uses a judge that compares, and gives a probability.
    Judge(Asked),
}

/// Bradley-Terry-Luce labels on a score: P(first preferred) = sigmoid(scale (s1 - s2)), then flipped with probability
/// `flip`.
#[derive(Clone, Copy, Debug)]
pub struct Btl {
    pub scale: f64,
    pub flip: f64,
    pub labels: Labels,
}

/// A reward model that is not a player.
pub struct Scorer {
    pub model: RewardModel,
    pub tokenizer: Arc<Tokenizer>,
    pub btl: Btl,
    /// The blake3 digest of its weights.
    pub digest: String,
}

/// A judge, and the handling of its verdicts.
pub struct Asked {
    pub judge: Box<dyn Judge>,
    pub labels: Labels,
    /// If true, both responses of a tie are equally likely; else the pair is left out.
    pub draws_ties: bool,
    /// If true, the judge may know none of the pairs; pairs that it does not know are dropped.
    pub may_be_mute: bool,
    /// The blake3 digest of the file of a recorded judge.
    pub digest: Option<String>,
}

/// An oracle's opinion of a pair.
#[derive(Clone, Copy, Debug)]
pub struct Opinion {
    /// The probability that the first response is preferred; `None` without a label.
    pub first: Option<f64>,
    /// The first score less the other, if the oracle has scores.
    pub margin: Option<f64>,
    /// True if both responses are equally good; `None` without an answer.
    pub tie: Option<bool>,
}

impl Oracle {
    /// Returns the digest of what the oracle reads, if it reads weights or a file.
    pub fn digest(&self) -> Option<String> {
        match self {
            Oracle::Task(_) | Oracle::Verifier { .. } => None,
            Oracle::Scorer(scorer) => Some(scorer.digest.clone()),
            Oracle::Judge(asked) => asked.digest.clone(),
        }
    }

    /// Returns what a judge has spent so far.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Oracle::Task(_) | Oracle::Verifier { .. } | Oracle::Scorer(_) => None,
            Oracle::Judge(asked) => Some(asked.judge.usage()),
        }
    }

    /// Makes a judge go on from what an earlier one has spent.
    pub fn resume(&self, usage: Usage) {
        match self {
            Oracle::Task(_) | Oracle::Verifier { .. } | Oracle::Scorer(_) => {}
            Oracle::Judge(asked) => asked.judge.resume(usage),
        }
    }

    /// Returns noise and sharpness, if there is a score, and the way in which labels are made.
    pub fn btl(&self) -> Btl {
        match self {
            Oracle::Task(btl) | Oracle::Verifier { btl, .. } => *btl,
            Oracle::Scorer(scorer) => scorer.btl,
            Oracle::Judge(asked) => Btl { scale: 1.0, flip: 0.0, labels: asked.labels },
        }
    }

    /// Returns the score of each response.
    pub fn scores(&self, source: &Source, rows: &[&Row], device: &Device) -> Result<Vec<f64>, Fault> {
        match self {
            Oracle::Task(_) | Oracle::Verifier { .. } => {
                rows.iter().map(|row| source.score(row.item, &row.response)).collect()
            }
            Oracle::Scorer(scorer) => {
                let scores = scorer.scores(source, rows, device)?;
                match scores.iter().position(|score| !score.is_finite()) {
                    Some(at) => Err(not_finite(source, rows[at], scores[at])),
                    None => Ok(scores),
                }
            }
            Oracle::Judge(_) => Err(Fault::new("a judge compares two responses; it has no score for one")
                .help("use an oracle with a score: btl, verifier or reward_model")),
        }
    }

    /// Returns an opinion of each pair of rows, which belong to the same prompts.
    pub fn compare(
        &self,
        source: &Source,
        first: &[Row],
        second: &[Row],
        context: &mut Context<'_>,
    ) -> Result<Vec<Opinion>, Fault> {
        if let Oracle::Judge(asked) = self {
            return asked.compare(source, first, second, context);
        }
        let rows = |rows: &[Row]| self.scores(source, &rows.iter().collect::<Vec<_>>(), &context.device);
        let (a, b) = (rows(first)?, rows(second)?);
        let opinion = |margin: f64| {
            let first = match self {
                // With different results the right response wins.
                Oracle::Verifier { draws_ties, .. } if margin == 0.0 => draws_ties.then_some(0.5),
                Oracle::Verifier { .. } => Some(f64::from(u8::from(margin > 0.0))),
                _ => Some(1.0 / (1.0 + (-self.btl().scale * margin).exp())),
            };
            Opinion { first, margin: Some(margin), tie: Some(margin == 0.0) }
        };
        Ok(a.into_iter().zip(b).map(|(a, b)| opinion(a - b)).collect())
    }
}

/// Makes the fault for a score that is not finite, which would prefer whichever response comes second.
fn not_finite(source: &Source, row: &Row, score: f64) -> Fault {
    let fault = Fault::model_not_finite("the oracle's reward of a response", score).at_row(row.item);
    fault.name_row(|item| format!("prompt {} of `{}`", item + 1, source.data.name))
}

impl Scorer {
    /// Reads prompts and responses with the reward model's own tokenizer, as text.
    fn scores(&self, source: &Source, rows: &[&Row], device: &Device) -> Result<Vec<f64>, Fault> {
        let own = Source::new(&source.data, &self.tokenizer)?;
        let read = |row: &&Row| {
            let (text, ended) = (source.text(row.item, &row.response), source.tokenizer.ended(&row.response));
            // Plain text that was cut off is read as it is. A chat is always closed by the template.
            let closed = ended || matches!(source.data.items[row.item].prompt, Text::Chat(_));
            let text = if closed { Text::Plain(text) } else { Text::Said(Said { text, ended, ids: None }) };
            Ok(own.read(row.item, &text)?.0)
        };
        let rows: Vec<Row> = rows.iter().map(read).collect::<Result<_, Fault>>()?;
        let (longest, most) = (rows.iter().map(Row::length).max().unwrap_or(1), self.model.backbone.config.context);
        if longest > most {
            return Err(Fault::new(format!(
                "a prompt with its response has {longest} tokens, the reward model of the oracle reads {most}"
            ))
            .help(format!("leave long prompts out (`longest` in the data block of `{}`)", source.data.name)));
        }
        let mut scores = Vec::with_capacity(rows.len());
        for chunk in rows.chunks((self.model.backbone.reads(longest) / longest.max(1)).clamp(1, 64)) {
            let rewards = self.model.rewards(&Batch::new(chunk, device));
            scores.extend(crate::model::disk::floats(rewards).into_iter().map(f64::from));
        }
        Ok(scores)
    }
}

impl Asked {
    fn compare(
        &self,
        source: &Source,
        first: &[Row],
        second: &[Row],
        context: &mut Context<'_>,
    ) -> Result<Vec<Opinion>, Fault> {
        let query = |(a, b): (&Row, &Row)| {
            let item = &source.data.items[a.item];
            let (first, second) = (source.text(a.item, &a.response), source.text(b.item, &b.response));
            Query { prompt: shown(&item.prompt), first, second, answer: item.answer.clone() }
        };
        let queries: Vec<Query> = first.iter().zip(second).map(query).collect();
        let before = self.judge.usage();
        let verdicts = self.judge.judge(&queries)?;
        let after = self.judge.usage();
        for notice in self.judge.notices() {
            context.notice_once("oracle", notice)?;
        }
        let silent = |verdict: &Verdict| matches!(verdict, Verdict::Abstain(_) | Verdict::Failed(_));
        let mute = !self.may_be_mute && verdicts.len() >= MUTE && verdicts.iter().all(silent);
        if let (true, Some(Verdict::Abstain(why) | Verdict::Failed(why))) = (mute, verdicts.first()) {
            // The run ends here, and these counts would be lost.
            let counted = [
                ("oracle/queries", verdicts.len() as f64),
                ("oracle/labels", 0.0),
                ("oracle/abstentions", (after.abstentions - before.abstentions) as f64),
                ("oracle/failures", (after.failures - before.failures) as f64),
            ];
            let metrics = counted.map(|(name, value)| (name.to_owned(), value)).into();
            context.emit(Event::Figures { stage: "oracle".into(), step: context.step(), metrics })?;
            return Err(Fault::new(format!("the judge answers none of {} pairs; the first: {why}", verdicts.len()))
                .help("try the judge's prompt on one pair by hand; the answers are kept"));
        }
        if after.texts > before.texts {
            let text = "the judge's server gives no log-probabilities: the text of its answers is read, as `verdict = text` does";
            context.notice_once("oracle", text.to_owned())?;
        }
        for (name, value) in [
            ("oracle/calls", after.calls - before.calls),
            ("oracle/stored", after.stored - before.stored),
            ("oracle/failures", after.failures - before.failures),
            ("oracle/abstentions", after.abstentions - before.abstentions),
            ("oracle/flips", after.flips - before.flips),
        ] {
            context.add(name, value as f64);
        }
        context.add("oracle/cost_usd", after.cost_usd - before.cost_usd);
        if after.calls > before.calls {
            let calls = (after.calls - before.calls) as f64;
            context.record("oracle/latency_s", (after.latency_s - before.latency_s) / calls);
        }
        Ok(verdicts.into_iter().map(|verdict| self.opinion(&verdict)).collect())
    }

    fn opinion(&self, verdict: &Verdict) -> Opinion {
        let first = match verdict {
            Verdict::Prefer(p) => Some(*p),
            Verdict::Tie => self.draws_ties.then_some(0.5),
            Verdict::Abstain(_) | Verdict::Failed(_) => None,
        };
        let tie = match verdict {
            Verdict::Prefer(p) => Some(*p == 0.5),
            Verdict::Tie => Some(true),
            Verdict::Abstain(_) | Verdict::Failed(_) => None,
        };
        Opinion { first, margin: None, tie }
    }
}
