//! Weights on disk, by their Hugging Face names: reads checkpoints, and lists the tensors to write.
//!
//! Matrices are `[out, in]` there and `[in, out]` here.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use pbpo_hub::adapter::Adapter;
use pbpo_hub::config::ModelConfig;
use pbpo_hub::weights::Weights;
use pbpo_hub::{cache, tokenizer};

use super::compute::Compute;
use super::decoder::{Block, Decoder};
use super::linear::Linear;
use super::lora::Lora;
use crate::error::Fault;
use crate::host::Host;
use crate::tokenizer::{Checkpoint, Tokenizer};

/// A checkpoint in memory.
pub struct Loaded {
    pub model: Decoder,
    /// The head of a classifier, `[labels, width]`, row by row.
    pub score: Option<Vec<f32>>,
    pub tokenizer: Tokenizer,
    pub dir: PathBuf,
    /// The base of adapters, which is the checkpoint itself if it has none: `ORG/NAME[@REVISION]`, or the absolute path
    /// of a directory.
    pub base: String,
    /// The commit, if the checkpoint came from the cache.
    pub revision: Option<String>,
    /// The blake3 digest of the weights' files.
    pub digest: String,
}

/// Loads a checkpoint by name: a directory, or `ORG/NAME` in the cache. For a directory of a PEFT adapter, loads the
/// base that it names and puts the adapter on it. All weights are in f32.
pub fn load(name: &str, host: &Host) -> Result<Loaded, Fault> {
    load_as(name, host, Compute::F32, false)
}

/// Loads a checkpoint for another number format. With `frozen`, its weights are not trained, so matrices are kept in
/// that format too; matrices under an adapter always are.
pub fn load_as(name: &str, host: &Host, compute: Compute, frozen: bool) -> Result<Loaded, Fault> {
    let found = cache::resolve_model(name, &host.base)?;
    if is_adapter(&found.dir) {
        return with_adapter(found.dir, host, compute);
    }
    let config = ModelConfig::read(&found.dir)?;
    let tokenizer = tokenizer(&found.dir, &config)?;
    let weights = Weights::open(&found.dir)?;
    let keep = if frozen { compute } else { Compute::F32 };
    let read =
        Read { weights: &weights, dir: &found.dir, device: &host.device, compute, keep, names: RefCell::default() };
    let (model, score) = read.decoder(config)?;
    read.leaves_no_layer()?;
    let base = match &found.revision {
        Some(_) => name.to_owned(),
        None => std::path::absolute(&found.dir)?.display().to_string(),
    };
    Ok(Loaded { model, score, tokenizer, digest: weights.digest()?, dir: found.dir, base, revision: found.revision })
}

fn is_adapter(dir: &std::path::Path) -> bool {
    dir.join("adapter_config.json").is_file()
}

/// Returns the tokenizer of a checkpoint by name.
pub fn load_tokenizer(name: &str, host: &Host) -> Result<Tokenizer, Fault> {
    let found = cache::resolve_model(name, &host.base)?;
    tokenizer(&found.dir, &ModelConfig::read(&found.dir)?)
}

fn tokenizer(dir: &std::path::Path, config: &ModelConfig) -> Result<Tokenizer, Fault> {
    let inner = tokenizer::Tokenizer::read(dir, config.vocab)?;
    let mut ends = config.eos.clone();
    ends.extend(inner.eos().filter(|eos| !ends.contains(eos)));
    Ok(Tokenizer::Checkpoint(Box::new(Checkpoint::new(inner, ends))))
}

fn with_adapter(dir: PathBuf, host: &Host, compute: Compute) -> Result<Loaded, Fault> {
    let adapter = Adapter::open(&dir)?;
    let base = adapter.config.base_in(&host.base).ok_or_else(|| {
        Fault::new(format!("{}: the adapter does not name its base model", dir.display()))
            .help("set `base_model_name_or_path` in its adapter_config.json")
    })?;
    let of_base = |fault: Fault| Fault {
        message: format!("{}: the base of this adapter: {}", dir.display(), fault.message),
        ..fault
    };
    let under = cache::resolve_model(&base, &host.base).map_err(|error| of_base(error.into()))?.dir;
    if is_adapter(&under) {
        return Err(Fault::new(format!("{}: the adapter's base `{base}` is an adapter itself", dir.display()))
            .help("merge the base first: `pbpoc export --model ... --out ...`"));
    }
    let loaded = load_as(&base, host, compute, true).map_err(of_base)?;
    let mut left: Vec<&String> = adapter.modules.keys().collect();
    let lora = Lora {
        rank: adapter.config.r,
        alpha: adapter.config.scale() * adapter.config.r as f64,
        targets: adapter.modules.keys().cloned().collect(),
    };
    let model = lora.put(loaded.model, |name, linear| {
        let [inputs, outputs] = linear.weight.val().dims();
        if adapter.modules.get(name) != Some(&(inputs, outputs)) {
            return Err(Fault::new(format!(
                "{}: `{name}` of the adapter is not {inputs} to {outputs}, as the base's is",
                dir.display()
            )));
        }
        left.retain(|module| *module != name);
        let (a, b) = (adapter.a(name)?, adapter.b(name)?);
        Ok((transposed(&a, lora.rank, inputs), transposed(&b, outputs, lora.rank)))
    })?;
    if let Some(module) = left.first() {
        return Err(Fault::new(format!("{}: the base has no `{module}`", dir.display()))
            .help("this adapter belongs to another model"));
    }
    let digest = format!("{}+{}", loaded.digest, adapter.digest()?);
    Ok(Loaded { model, digest, dir, ..loaded })
}

/// Reads the tensors of one checkpoint.
struct Read<'a> {
    weights: &'a Weights,
    dir: &'a std::path::Path,
    device: &'a Device,
    compute: Compute,
    /// The number format in which matrices are kept.
    keep: Compute,
    /// The tensors that were read.
    names: RefCell<HashSet<String>>,
}

impl Read<'_> {
    /// Returns an error if a tensor of a layer was not read, because the model would then ignore it.
    fn leaves_no_layer(&self) -> Result<(), Fault> {
        let names = self.names.borrow();
        let ignored = |name: &str| names.contains(name) || name.ends_with("rotary_emb.inv_freq");
        let left = self.weights.names().find(|name| name.contains("layers.") && !ignored(name));
        left.map_or(Ok(()), |name| {
            let dir = self.dir.display();
            Err(Fault::new(format!("{dir}: the weights have a tensor `{name}` that config.json has no place for"))
                .help("config.json and the weights are of different models: look at `num_hidden_layers` and at biases"))
        })
    }

    fn decoder(&self, mut config: ModelConfig) -> Result<(Decoder, Option<Vec<f32>>), Fault> {
        let (width, vocab) = (config.width, config.vocab);
        let has = |name: &str| self.weights.shape(name).is_some();
        // The plain decoder class of transformers uses no prefix.
        let prefix = if has("embed_tokens.weight") { "" } else { "model." };
        let labels = self.weights.shape("score.weight").and_then(|shape| shape.first().copied());
        let score = labels.map(|labels| self.values("score.weight", &[labels, width])).transpose()?;
        let classifier = score.is_some() && !has("lm_head.weight");
        let tied = is_tied(&config, self.weights)?;
        let head = if tied || classifier { None } else { Some(self.linear("lm_head", width, vocab, false)?) };
        // Without a head the embedding counts as the output layer; a classifier does not use it.
        config.tied = head.is_none();
        let embed = self.matrix(&format!("{prefix}embed_tokens.weight"), [vocab, width])?;
        let norm = self.vector(&format!("{prefix}norm.weight"), width)?;
        let blocks = (0..config.layers)
            .map(|i| self.block(&config, &format!("{prefix}layers.{i}")))
            .collect::<Result<_, _>>()?;
        Ok((Decoder { embed, blocks, norm, head, config, compute: self.compute }, score))
    }

    fn block(&self, config: &ModelConfig, name: &str) -> Result<Block, Fault> {
        let ModelConfig { width, ff, heads, kv_heads, head_dim: dim, .. } = *config;
        let part = |part: &str| format!("{name}.{part}");
        let norm = |name: &str| {
            config.qk_norm.then(|| self.vector(&part(&format!("self_attn.{name}.weight")), dim)).transpose()
        };
        let attention = |name: &str, from, to, bias| self.linear(&part(&format!("self_attn.{name}")), from, to, bias);
        let mlp = |name: &str, from, to| self.linear(&part(&format!("mlp.{name}")), from, to, config.mlp_bias);
        let (q, k) = (
            attention("q_proj", width, heads * dim, config.qkv_bias)?,
            attention("k_proj", width, kv_heads * dim, config.qkv_bias)?,
        );
        let (v, out) = (
            attention("v_proj", width, kv_heads * dim, config.qkv_bias)?,
            attention("o_proj", heads * dim, width, config.output_bias)?,
        );
        Ok(Block::of(
            config,
            [
                self.vector(&part("input_layernorm.weight"), width)?,
                self.vector(&part("post_attention_layernorm.weight"), width)?,
            ],
            [q, k, v, out],
            [norm("q_norm")?, norm("k_norm")?],
            [mlp("gate_proj", width, ff)?, mlp("up_proj", width, ff)?, mlp("down_proj", ff, width)?],
        ))
    }

    fn linear(&self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, Fault> {
        let weight = self.values(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = bias.then(|| self.vector(&format!("{name}.bias"), outputs)).transpose()?;
        let data = TensorData::new(transposed(&weight, outputs, inputs), [inputs, outputs]);
        Ok(Linear { bias, ..Linear::new(self.kept(data)) })
    }

    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Param<Tensor<2>>, Fault> {
        let data = TensorData::new(self.values(name, &shape)?, shape);
        Ok(self.kept(data))
    }

    fn kept(&self, matrix: TensorData) -> Param<Tensor<2>> {
        Param::from_tensor(self.keep.enter(Tensor::from_data(matrix, self.device)))
    }

    fn vector(&self, name: &str, length: usize) -> Result<Param<Tensor<1>>, Fault> {
        let data = TensorData::new(self.values(name, &[length])?, [length]);
        Ok(Param::from_tensor(Tensor::from_data(data, self.device)))
    }

    /// Returns the values of a tensor, which must have the shape given by the config.
    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Fault> {
        self.names.borrow_mut().insert(name.to_owned());
        match self.weights.shape(name) {
            Some(found) if found == shape => Ok(self.weights.f32(name)?),
            Some(found) => Err(Fault::new(format!(
                "{}: tensor `{name}` is {found:?}, where config.json says {shape:?}",
                self.dir.display()
            ))
            .help("config.json and the weights are of different models")),
            None => Err(Fault::new(format!("{}: the weights have no tensor `{name}`", self.dir.display()))
                .help("config.json and the weights are of different models, or a part of the weights is missing")),
        }
    }
}

/// Tells whether the embedding is also the output layer. The config is ignored if the weights have a separate output
/// layer, as in checkpoints merged from adapters with new tokens; transformers keeps both as well.
pub fn is_tied(config: &ModelConfig, weights: &Weights) -> Result<bool, Fault> {
    const HEAD: &str = "lm_head.weight";
    if !config.tied || weights.shape(HEAD).is_none() {
        return Ok(config.tied);
    }
    let embedding = ["embed_tokens.weight", "model.embed_tokens.weight"];
    let embedding = embedding.into_iter().find(|name| weights.shape(name).is_some());
    Ok(match embedding {
        Some(embedding) => weights.same(HEAD, embedding)?,
        None => true,
    })
}

/// Returns a matrix `[rows, cols]` as `[cols, rows]`, in blocks that stay in the cache.
fn transposed(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    const BLOCK: usize = 64;
    let mut out = vec![0.0; values.len()];
    for r0 in (0..rows).step_by(BLOCK) {
        for c0 in (0..cols).step_by(BLOCK) {
            for r in r0..(r0 + BLOCK).min(rows) {
                for c in c0..(c0 + BLOCK).min(cols) {
                    out[c * rows + r] = values[r * cols + c];
                }
            }
        }
    }
    out
}

/// A tensor to write.
pub enum Out {
    /// Written `[out, in]`.
    Linear(Tensor<2>),
    Matrix(Tensor<2>),
    Vector(Tensor<1>),
}

impl Out {
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Out::Linear(matrix) => matrix.dims().into_iter().rev().collect(),
            Out::Matrix(matrix) => matrix.dims().to_vec(),
            Out::Vector(vector) => vector.dims().to_vec(),
        }
    }

    /// Returns the numbers in the order of [`Self::shape`].
    pub fn values(&self) -> Vec<f32> {
        match self {
            Out::Linear(matrix) => {
                let [inputs, outputs] = matrix.dims();
                transposed(&floats(matrix.clone()), inputs, outputs)
            }
            Out::Matrix(matrix) => floats(matrix.clone()),
            Out::Vector(vector) => floats(vector.clone()),
        }
    }
}

/// Returns the numbers of a tensor, row by row.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data_as::<f32>().try_into_vec().expect("weights are floats")
}

impl Decoder {
    /// Returns every tensor by its Hugging Face name. Adapters are not among them.
    pub fn tensors(&self) -> BTreeMap<String, Out> {
        let mut out = BTreeMap::new();
        out.insert("model.embed_tokens.weight".into(), Out::Matrix(self.embed.val()));
        out.insert("model.norm.weight".into(), Out::Vector(self.norm.val()));
        let head = self.head.as_ref().map(|head| ("lm_head".to_owned(), head));
        for (name, linear) in self.linears().into_iter().chain(head) {
            out.insert(format!("{name}.weight"), Out::Linear(linear.weight.val()));
            out.extend(linear.bias.as_ref().map(|bias| (format!("{name}.bias"), Out::Vector(bias.val()))));
        }
        for (i, block) in self.blocks.iter().enumerate() {
            let norms = [
                ("input_layernorm", Some(&block.attention_norm)),
                ("post_attention_layernorm", Some(&block.ff_norm)),
                ("self_attn.q_norm", block.attention.q_norm.as_ref()),
                ("self_attn.k_norm", block.attention.k_norm.as_ref()),
            ];
            for (part, norm) in norms {
                out.extend(norm.map(|norm| (format!("model.layers.{i}.{part}.weight"), Out::Vector(norm.val()))));
            }
        }
        out
    }
}
