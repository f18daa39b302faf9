//! Makes a verdict from answers: averages both orders of a pair, and decides about ties.

use serde::{Deserialize, Serialize};

use crate::usage::Usage;
use crate::{Error, Query, Verdict};

/// The way a pair is asked about, and the condition for a tie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderSettings {
    /// If true, asks in both orders and averages, because judges favour a position. Doubles the calls.
    pub swap: bool,
    /// The margin of ties: a probability within `1/2 +- margin` is a tie; with 0 only 1/2 itself is one. In `0..0.5`.
    pub margin: f64,
    pub ties: Ties,
}

/// The handling of ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// `Verdict::Tie`: no label.
    #[default]
    Drop,
    /// `Verdict::Prefer(0.5)`.
    Half,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self { swap: true, margin: 0.0, ties: Ties::Drop }
    }
}

/// The content of one answer, for the order in which it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// The probability that the response shown first is better, a tie counting half.
    First(f64),
    Abstain(String),
}

impl Reading {
    /// Makes a reading from weights that need not sum to 1. Returns `None` if they are not valid weights.
    pub fn of_weights(first: f64, second: f64, tie: f64) -> Option<Self> {
        let sum = first + second + tie;
        let sound = [first, second, tie].iter().all(|weight| *weight >= 0.0) && sum > 0.0 && sum.is_finite();
        sound.then(|| Self::First((first + tie / 2.0) / sum))
    }
}

/// The answer to one question, or the reason why there is none.
pub(crate) type Answer = Result<Reading, String>;

impl OrderSettings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (0.0..0.5).contains(&self.margin) {
            return Ok(());
        }
        Err(Error::new(format!("`margin` is {}: it must lie in 0..0.5", self.margin)))
    }

    /// Returns the questions of a query: in its order, and swapped if set.
    pub(crate) fn questions(&self, query: &Query) -> Vec<Query> {
        let swapped = || Query { first: query.second.clone(), second: query.first.clone(), ..query.clone() };
        std::iter::once(query.clone()).chain(self.swap.then(swapped)).collect()
    }

    /// Returns the verdict from the answers to `questions`, in their order. Both orders must have an answer, because a
    /// single one would bring back the bias that swapping removes. Ties and flips are counted here.
    pub(crate) fn verdict(&self, answers: &[Answer], usage: &mut Usage) -> Verdict {
        let mut probabilities = Vec::new();
        let mut abstained = None;
        for (answer, swapped) in answers.iter().zip([false, true]) {
            match answer {
                Ok(Reading::First(p)) => probabilities.push(if swapped { 1.0 - p } else { *p }),
                Ok(Reading::Abstain(why)) => abstained = abstained.or(Some(why.clone())),
                Err(why) => return Verdict::Failed(why.clone()),
            }
        }
        if let Some(why) = abstained {
            return Verdict::Abstain(why);
        }
        if let [first, second] = probabilities[..] {
            usage.flips += u64::from((first - 0.5) * (second - 0.5) < 0.0);
        }
        let mean = probabilities.iter().sum::<f64>() / probabilities.len() as f64;
        match self.ties {
            _ if (mean - 0.5).abs() > self.margin => Verdict::Prefer(mean),
            Ties::Drop => Verdict::Tie,
            Ties::Half => {
                usage.ties += 1;
                Verdict::Prefer(0.5)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(settings: OrderSettings, answers: &[Answer]) -> (Verdict, Usage) {
        let mut usage = Usage::default();
        (settings.verdict(answers, &mut usage), usage)
    }

    #[test]
    fn orders_are_averaged_and_opposite_ones_are_flips() {
        let first = |p| Ok(Reading::First(p));
        let settings = OrderSettings::default();
        let (same, usage) = verdict(settings.clone(), &[first(0.75), first(0.5)]);
        assert_eq!((same, usage.flips), (Verdict::Prefer(0.625), 0));
        let (biased, usage) = verdict(settings.clone(), &[first(1.0), first(1.0)]);
        assert_eq!((biased, usage.flips), (Verdict::Tie, 1));
        let half = OrderSettings { ties: Ties::Half, margin: 0.2, ..settings };
        let (tie, usage) = verdict(half, &[first(0.75), first(0.5)]);
        assert_eq!((tie, usage.ties), (Verdict::Prefer(0.5), 1));
    }

    #[test]
    fn a_pair_needs_both_answers() {
        let abstain: Answer = Ok(Reading::Abstain("hm".into()));
        let first: Answer = Ok(Reading::First(0.9));
        let settings = OrderSettings::default();
        assert_eq!(verdict(settings.clone(), &[first.clone(), abstain.clone()]).0, Verdict::Abstain("hm".into()));
        assert_eq!(verdict(settings, &[abstain, Err("500".into())]).0, Verdict::Failed("500".into()));
    }

    #[test]
    fn a_tie_is_half_a_win() {
        assert_eq!(Reading::of_weights(1.0, 0.0, 1.0), Some(Reading::First(0.75)));
        assert_eq!(Reading::of_weights(0.0, 0.0, 0.0), None);
        assert_eq!(Reading::of_weights(f64::NAN, 1.0, 0.0), None);
    }
}
