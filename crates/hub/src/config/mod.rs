//! The shape of a decoder: `config.json` and `generation_config.json` of Llama, Qwen2, Qwen3 and Mistral, in the old
//! and the new spelling. Absent keys mean the same as in transformers.

mod family;
pub(crate) mod keys;
mod rope;
mod window;
mod write;

use std::path::Path;

use pbpo_outside::file::limit;

use crate::{Dtype, Error, files, quoted};
pub use family::Family;
use keys::Keys;
pub use rope::Rope;

/// The shape of a decoder-only transformer with RMSNorm, SwiGLU and rotary positions.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelConfig {
    pub family: Family,
    /// The transformers class of the weights, as `LlamaForCausalLM`, if the file names one.
    pub architecture: Option<String>,
    /// Rows of the embedding; may exceed the tokenizer's vocabulary.
    pub vocab: usize,
    /// Length of a hidden state.
    pub width: usize,
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Length of one head's query, key or value; even.
    pub head_dim: usize,
    /// Length of the hidden layer of the feed-forward block.
    pub ff: usize,
    /// Longest sequence, in tokens.
    pub context: usize,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    pub rope: Rope,
    pub norm_eps: f64,
    /// The output layer is the embedding; `lm_head.weight` is absent from the weights.
    pub tied: bool,
    /// Projections to queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// The projection after attention has a bias.
    pub output_bias: bool,
    /// The feed-forward block's projections have a bias.
    pub mlp_bias: bool,
    /// Queries and keys are normalised in every head before rotation.
    pub qk_norm: bool,
    /// The number of last tokens that every layer sees, the current one included; `None` if layers see the whole
    /// sequence.
    pub sliding_window: Option<usize>,
    /// The number format that the config names for the weights; f32 if it names none.
    pub dtype: Dtype,
    pub bos: Option<u32>,
    /// Tokens that end a response: those of `generation_config.json`, else of `config.json`.
    pub eos: Vec<u32>,
    pub pad: Option<u32>,
    /// Outputs of a `...ForSequenceClassification` head; 2 if the file does not say.
    pub num_labels: usize,
    /// The bound of a reward model that pbpoc trained: each reward is `b tanh(s / b)` of the head's output `s`.
    /// transformers gives `s`.
    pub reward_bound: Option<f64>,
}

impl ModelConfig {
    /// Reads `config.json` and, if it is there, `generation_config.json` of a directory.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let file = dir.join("config.json");
        let Some(bytes) = files::read_own(dir, "config.json", limit::CONFIG)? else {
            return Err(Error::new(format!("no `config.json` in {}", dir.display()))
                .help("name a directory that transformers' `save_pretrained` wrote"));
        };
        let map = files::json_object(&file, &bytes)?;
        let mut config = Self::parse(&Keys { file: &file, prefix: "", map: &map })?;
        config.read_generation(dir)?;
        Ok(config)
    }

    fn parse(keys: &Keys) -> Result<Self, Error> {
        let family = family(keys)?;
        refuse(keys)?;
        let absent = family.defaults();
        // A key that is present and null means "derive it", which differs from an absent key.
        let unless_null = |key: &str, value: Option<usize>| value.filter(|_| !keys.map.contains_key(key));
        let width = keys.size("hidden_size")?.unwrap_or(4096);
        let layers = keys.size("num_hidden_layers")?.unwrap_or(32);
        let heads = keys.size("num_attention_heads")?.unwrap_or(32);
        let kv_heads = keys.size("num_key_value_heads")?.or(unless_null("num_key_value_heads", absent.kv_heads));
        let head_dim = keys.size("head_dim")?.or(unless_null("head_dim", absent.head_dim));
        let context = keys.size("max_position_embeddings")?.unwrap_or(absent.context);
        let biased = keys.flag("attention_bias")?.unwrap_or(false) && matches!(family, Family::Llama | Family::Qwen3);
        let (rope_theta, rope) = rope::parse(keys, context)?;
        let or_absent = |key: &str, value: Option<u32>| match keys.map.contains_key(key) {
            true => keys.ids(key),
            false => Ok(Vec::from_iter(value)),
        };
        let mut config = Self {
            family,
            architecture: keys.texts("architectures")?.and_then(|list| list.first().map(|name| (*name).to_owned())),
            vocab: keys.size("vocab_size")?.unwrap_or(absent.vocab),
            width,
            layers,
            heads,
            kv_heads: kv_heads.unwrap_or(heads),
            head_dim: head_dim.unwrap_or(width / heads),
            ff: keys.size("intermediate_size")?.unwrap_or(absent.ff),
            context,
            rope_theta,
            rope,
            norm_eps: keys.positive("rms_norm_eps")?.unwrap_or(1e-6),
            tied: keys.flag("tie_word_embeddings")?.unwrap_or(false),
            qkv_bias: biased || family == Family::Qwen2,
            output_bias: biased,
            mlp_bias: keys.flag("mlp_bias")?.unwrap_or(false) && family == Family::Llama,
            qk_norm: family == Family::Qwen3,
            sliding_window: window::parse(keys, family, layers)?,
            dtype: dtype(keys)?,
            bos: or_absent("bos_token_id", absent.bos)?.first().copied(),
            eos: or_absent("eos_token_id", absent.eos)?,
            pad: keys.ids("pad_token_id")?.first().copied(),
            num_labels: labels(keys)?,
            reward_bound: keys.positive("reward_bound")?,
        };
        config.check(keys)?;
        // The family's default end tokens may lie outside a small vocabulary.
        config.eos.retain(|id| (*id as usize) < config.vocab);
        Ok(config)
    }

    fn check(&self, keys: &Keys) -> Result<(), Error> {
        self.has_tokens(keys)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            let message = format!("{} does not divide the {} of `num_attention_heads`", self.kv_heads, self.heads);
            return Err(keys.error("num_key_value_heads", message));
        }
        if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return Err(keys.error("head_dim", format!("{} is not an even number above 0", self.head_dim)));
        }
        if keys.get("head_dim").is_none() && !self.width.is_multiple_of(self.heads) {
            let message = format!("{} is not a multiple of the {} of `num_attention_heads`", self.width, self.heads);
            return Err(keys.error("hidden_size", message));
        }
        match self.inverse_frequencies().iter().all(|frequency| frequency.is_finite()) {
            true => Ok(()),
            false => Err(keys.error("rope_theta", "with the rotary scaling of this file, frequencies are not finite")),
        }
    }

    /// Checks that the special tokens that a file names are in the vocabulary.
    fn has_tokens(&self, keys: &Keys) -> Result<(), Error> {
        for key in ["eos_token_id", "bos_token_id", "pad_token_id"] {
            if let Some(id) = keys.ids(key)?.into_iter().find(|id| *id as usize >= self.vocab) {
                return Err(keys.error(key, format!("{id} is not in the vocabulary of {} tokens", self.vocab)));
            }
        }
        Ok(())
    }

    /// Takes the special tokens of `generation_config.json`; its stop tokens take precedence over those of
    /// `config.json`.
    fn read_generation(&mut self, dir: &Path) -> Result<(), Error> {
        const NAME: &str = "generation_config.json";
        let Some(bytes) = files::read_own(dir, NAME, limit::CONFIG)? else { return Ok(()) };
        let file = dir.join(NAME);
        let map = files::json_object(&file, &bytes)?;
        let keys = Keys { file: &file, prefix: "", map: &map };
        self.has_tokens(&keys)?;
        let eos = keys.ids("eos_token_id")?;
        if !eos.is_empty() {
            self.eos = eos;
        }
        self.bos = self.bos.or(keys.ids("bos_token_id")?.first().copied());
        self.pad = self.pad.or(keys.ids("pad_token_id")?.first().copied());
        Ok(())
    }
}

fn family(keys: &Keys) -> Result<Family, Error> {
    let known = Family::ALL.map(Family::name).join(", ");
    let Some(name) = keys.text("model_type")? else {
        return Err(keys.error("model_type", format!("missing; known are {known}")));
    };
    Family::ALL
        .into_iter()
        .find(|family| family.name() == name)
        .ok_or_else(|| keys.error("model_type", format!("`{}` is not supported; known are {known}", quoted(name))))
}

/// Refuses settings that would change the numbers and are not implemented.
fn refuse(keys: &Keys) -> Result<(), Error> {
    if keys.get("quantization_config").is_some() {
        return Err(keys
            .error("quantization_config", "quantised weights are not supported")
            .help("use the checkpoint in bfloat16, float16 or float32"));
    }
    if let Some(act) = keys.text("hidden_act")?.filter(|act| *act != "silu" && *act != "swish") {
        return Err(keys.error("hidden_act", format!("`{}` is not supported; only silu is", quoted(act))));
    }
    if let Some(part) = keys.float("partial_rotary_factor")?.filter(|part| *part != 1.0) {
        return Err(keys.error("partial_rotary_factor", format!("{part} is not supported; only 1 is")));
    }
    Ok(())
}

fn dtype(keys: &Keys) -> Result<Dtype, Error> {
    let key = if keys.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    let Some(name) = keys.text(key)? else { return Ok(Dtype::F32) };
    let known = "known are float32, bfloat16, float16";
    let unknown = || keys.error(key, format!("`{}` is not supported; {known}", quoted(name)));
    Dtype::from_torch(name).ok_or_else(unknown)
}

fn labels(keys: &Keys) -> Result<usize, Error> {
    match keys.object("id2label")? {
        Some(names) => Ok(names.len().max(1)),
        None => Ok(keys.size("num_labels")?.unwrap_or(2)),
    }
}
