//! `oracle`: who labels.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::data::BadRows;
use super::load::Compute;
use super::{Info, flattened, free, no_rows};

/// Who labels, and how. Scales and chances are those of Bradley-Terry-Luce labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Settings {
    Btl(Btl),
    Verifier(Verifier),
    RewardModel(RewardModel),
    Recorded(Recorded),
    Chat(Chat),
    Decision(Decision),
}

/// The way in which a label is made from the probability that the first response is preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// A hard label is drawn from it.
    #[default]
    Sample,
    /// The likelier response wins; a tie is drawn.
    Likelier,
    /// The probability is the label.
    Soft,
}

impl Labels {
    /// Tells whether labels are drawn. Plans of oracles with a score do not say so, because they are older than the
    /// setting.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference.
    fn are_sampled(&self) -> bool {
        *self == Labels::Sample
    }
}

/// What becomes of a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The pair is left out.
    Drop,
    /// A coin decides; as a soft label its probability is 1/2.
    Draw,
}

/// The score of a task or of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Btl {
    /// The task, or `world`.
    pub score: String,
    /// The sharpness of the preference.
    pub scale: f64,
    /// The chance that a label is turned around.
    pub flip: f64,
    #[serde(default, skip_serializing_if = "Labels::are_sampled")]
    pub labels: Labels,
}

/// The check of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verifier {
    pub ties: Ties,
    pub flip: f64,
    #[serde(default, skip_serializing_if = "Labels::are_sampled")]
    pub labels: Labels,
}

/// The score of a reward model from disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardModel {
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
    pub scale: f64,
    pub flip: f64,
    #[serde(default, skip_serializing_if = "Labels::are_sampled")]
    pub labels: Labels,
}

/// Labels from a file: the names of columns, if they are not the usual ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    pub file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_rows: Option<BadRows>,
    pub unknown: Unknown,
    pub labels: Labels,
}

/// What becomes of a pair that is not in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The run stops.
    Fail,
    /// The pair is left out.
    Drop,
}

/// A language model behind an OpenAI-compatible server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    pub model: String,
    /// What is asked, with `{prompt}`, `{first}`, `{second}` and `{answer}`; else a plain question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// The longest verdict, in tokens; `None` leaves it to the server.
    pub max_new: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie: Option<String>,
    /// The further fields of a request, as the text of a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<String>,
    pub verdict: Verdict,
    #[serde(flatten)]
    pub asked: Asked,
    #[serde(flatten)]
    pub server: Server,
}

/// The server's name for the longest verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    MaxTokens,
    MaxCompletionTokens,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Text,
    Logprobs,
}

/// A server that answers a typed question with probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub model: String,
    pub wire: Wire,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    #[serde(flatten)]
    pub asked: Asked,
    #[serde(flatten)]
    pub server: Server,
}

/// The protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    Systemone,
    Openai,
}

/// How a pair is shown to a judge, and what becomes of its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub order: Order,
    pub labels: Labels,
    pub ties: Ties,
}

/// The order in which a judge sees a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// In both orders; the mean counts.
    Both,
    /// The first response first.
    Given,
}

/// A judge's server, and what it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The environment variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The seconds for a whole answer.
    pub timeout: f64,
    pub retries: u64,
    /// The number of calls at once.
    pub concurrency: u64,
    /// The most calls a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_calls: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_usd: Option<f64>,
    /// The price of a million prompt tokens, in US dollars.
    pub usd_in: f64,
    /// The price of a million answer tokens.
    pub usd_out: f64,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: true,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: flattened::<Settings>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    match stage.settings() {
        Ok(Settings::RewardModel(RewardModel { model, compute, .. })) => {
            estimate.load(&model, |shape| Model::loaded(shape, compute.unwrap_or_default(), None).kept())
        }
        Ok(
            Settings::Btl(_)
            | Settings::Verifier(_)
            | Settings::Recorded(_)
            | Settings::Chat(_)
            | Settings::Decision(_),
        )
        | Err(_) => Room::default(),
    }
}
