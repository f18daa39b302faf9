//! LoRA adapters as PEFT saves them: `adapter_config.json` and `adapter_model.safetensors`.

use std::collections::BTreeMap;
use std::path::Path;

use pbpo_outside::file::limit;
use serde_json::{Value, json};

use crate::config::keys::Keys;
use crate::weights::{self, Weights};
use crate::{Dtype, Error, files, quoted};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PREFIX: &str = "base_model.model.";

/// The settings of a LoRA adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterConfig {
    /// The rank: rows of A, columns of B.
    pub r: usize,
    pub alpha: f64,
    /// The scale is `alpha / sqrt(r)` (rank-stabilised LoRA, <https://arxiv.org/abs/2312.03732>) instead of `alpha /
    /// r`.
    pub rslora: bool,
    pub dropout: f64,
    /// Names of the adapted modules, as `q_proj`; sorted.
    pub target_modules: Vec<String>,
    /// The model that it adapts, as a name or a path.
    pub base: Option<String>,
    /// Branch, tag or commit of that model; `main` if `None`.
    pub revision: Option<String>,
    /// `CAUSAL_LM` or `SEQ_CLS`.
    pub task: String,
}

impl AdapterConfig {
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let file = dir.join(CONFIG);
        let Some(bytes) = files::read_own(dir, CONFIG, limit::CONFIG)? else {
            return Err(Error::new(format!("no `{CONFIG}` in {}", dir.display()))
                .help("name a directory that PEFT's `save_pretrained` wrote"));
        };
        let map = files::json_object(&file, &bytes)?;
        let keys = Keys { file: &file, prefix: "", map: &map };
        match keys.text("peft_type")? {
            Some("LORA") => {}
            other => {
                let found = quoted(other.unwrap_or("missing"));
                return Err(keys.error("peft_type", format!("{found} is not supported; only LORA is")));
            }
        }
        refuse(&keys)?;
        let missing = |key: &str| keys.error(key, "missing");
        Ok(Self {
            r: keys.size("r")?.ok_or_else(|| missing("r"))?,
            alpha: keys.positive("lora_alpha")?.ok_or_else(|| missing("lora_alpha"))?,
            rslora: keys.flag("use_rslora")?.unwrap_or(false),
            dropout: keys.float("lora_dropout")?.unwrap_or(0.0),
            target_modules: targets(&keys)?,
            base: keys.text("base_model_name_or_path")?.map(str::to_owned),
            revision: keys.text("revision")?.filter(|revision| !revision.is_empty()).map(str::to_owned),
            task: keys.text("task_type")?.unwrap_or("CAUSAL_LM").to_owned(),
        })
    }

    /// Returns the name of the base with its revision, for [`crate::resolve_model`]; a directory has no revision. `dir`
    /// is the directory from which relative paths start.
    pub fn base_in(&self, dir: &Path) -> Option<String> {
        let base = self.base.as_deref()?;
        Some(match &self.revision {
            Some(revision) if !dir.join(base).is_dir() => format!("{base}@{revision}"),
            _ => base.to_owned(),
        })
    }

    /// Returns the factor of the product B A.
    pub fn scale(&self) -> f64 {
        let r = self.r as f64;
        self.alpha / if self.rslora { r.sqrt() } else { r }
    }

    /// Returns `adapter_config.json` as PEFT reads it.
    pub fn to_json(&self) -> Value {
        json!({
            "peft_type": "LORA",
            "task_type": self.task,
            "base_model_name_or_path": self.base,
            "revision": self.revision,
            "r": self.r,
            "lora_alpha": self.alpha,
            "lora_dropout": self.dropout,
            "use_rslora": self.rslora,
            "target_modules": self.target_modules,
            "bias": "none",
            "fan_in_fan_out": false,
            "init_lora_weights": true,
            "inference_mode": true,
            "modules_to_save": null,
            "use_dora": false,
            "rank_pattern": {},
            "alpha_pattern": {},
        })
    }
}

/// Keys that do not change the numbers, or that are read elsewhere.
const HARMLESS: [&str; 19] = [
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "inference_mode",
    "layers_pattern",
    "loftq_config",
    "lora_alpha",
    "lora_dropout",
    "megatron_config",
    "megatron_core",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "revision",
    "target_modules",
    "task_type",
];

/// Refuses every other key that is set: variants of LoRA, and other things saved beside it, change the numbers.
fn refuse(keys: &Keys) -> Result<(), Error> {
    let unset = |key: &str, value: &Value| match (key, value) {
        ("use_rslora", _) => true,
        ("bias", value) => value == "none",
        // The initialisations that leave the base model's weights as they are.
        ("init_lora_weights", Value::String(way)) => ["gaussian", "orthogonal", "eva"].contains(&way.as_str()),
        ("init_lora_weights", value) => value.is_boolean(),
        (_, Value::Null | Value::Bool(false)) => true,
        (_, Value::Array(list)) => list.is_empty(),
        (_, Value::Object(map)) => map.is_empty(),
        _ => false,
    };
    match keys.map.iter().find(|(key, value)| !HARMLESS.contains(&key.as_str()) && !unset(key, value)) {
        Some((key, value)) => Err(keys
            .error(key, format!("`{}` is not supported", quoted(&value.to_string())))
            .help("in Python, `PeftModel.merge_and_unload` gives a model without an adapter, which can be read")),
        None => Ok(()),
    }
}

fn targets(keys: &Keys) -> Result<Vec<String>, Error> {
    const LINEAR: [&str; 7] = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"];
    let names = match keys.get("target_modules") {
        Some(Value::String(text)) if text == "all-linear" => LINEAR.to_vec(),
        Some(Value::String(text)) => {
            let message = format!("the pattern `{}` is not supported; list the names", quoted(text));
            return Err(keys.error("target_modules", message));
        }
        _ => keys.texts("target_modules")?.ok_or_else(|| keys.error("target_modules", "missing"))?,
    };
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// An adapter on disk. A module's path is its name in the base model, as `model.layers.0.self_attn.q_proj`.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub config: AdapterConfig,
    weights: Weights,
    /// Paths of the adapted modules, each with the lengths of its input and output.
    pub modules: BTreeMap<String, (usize, usize)>,
}

impl Adapter {
    /// Reads the settings and checks every tensor's name and shape: each module has A of `[r, in]` and B of `[out, r]`,
    /// and there are no other tensors.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let config = AdapterConfig::read(dir)?;
        let file = dir.join(WEIGHTS);
        if !file.is_file() {
            let pickle = dir.join("adapter_model.bin").is_file();
            let error = Error::new(format!("no `{WEIGHTS}` in {}", dir.display()));
            return Err(match pickle {
                true => error.help("`adapter_model.bin` is a pickle file, which can run code: save it as safetensors"),
                false => error,
            });
        }
        let weights = Weights::open_file(&file)?;
        let mut modules = BTreeMap::new();
        for name in weights.names() {
            let path = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.strip_suffix(".lora_A.weight").or_else(|| rest.strip_suffix(".lora_B.weight")));
            let Some(path) = path else {
                return Err(Error::at(&file, format!("tensor `{}` is not of a LoRA", quoted(name))));
            };
            if !modules.contains_key(path) {
                modules.insert(path.to_owned(), lengths(&file, &weights, path, config.r)?);
            }
        }
        Ok(Self { config, weights, modules })
    }

    /// Returns A of a module, `[r, in]` in row-major order.
    pub fn a(&self, path: &str) -> Result<Vec<f32>, Error> {
        self.weights.f32(&name_a(path))
    }

    /// Returns B of a module, `[out, r]` in row-major order.
    pub fn b(&self, path: &str) -> Result<Vec<f32>, Error> {
        self.weights.f32(&name_b(path))
    }

    pub fn digest(&self) -> Result<String, Error> {
        self.weights.digest()
    }
}

fn lengths(file: &Path, weights: &Weights, path: &str, r: usize) -> Result<(usize, usize), Error> {
    let shape = |name: String| match weights.shape(&name) {
        Some(shape) => Ok((name, shape)),
        None => Err(Error::at(file, format!("no tensor `{name}`"))),
    };
    match (shape(name_a(path))?, shape(name_b(path))?) {
        ((_, &[rank_a, input]), (_, &[output, rank_b])) if rank_a == r && rank_b == r => Ok((input, output)),
        ((a, shape_a), (b, shape_b)) => {
            let message = format!("`{a}` is {shape_a:?} and `{b}` is {shape_b:?}; with r = {r} they must be");
            Err(Error::at(file, format!("{message} [{r}, in] and [out, {r}]")))
        }
    }
}

/// Returns the name of a module's A, `[r, in]`.
pub fn name_a(path: &str) -> String {
    format!("{PREFIX}{path}.lora_A.weight")
}

/// Returns the name of a module's B, `[out, r]`.
pub fn name_b(path: &str) -> String {
    format!("{PREFIX}{path}.lora_B.weight")
}

/// Writes an adapter. `modules` are paths with the lengths of their input and output; `data` gives the numbers of the
/// tensor `name_a(path)` or `name_b(path)` in row-major order.
pub fn write(
    dir: &Path,
    config: &AdapterConfig,
    modules: &BTreeMap<String, (usize, usize)>,
    mut data: impl FnMut(&str) -> Result<Vec<f32>, Error>,
    dtype: Dtype,
) -> Result<(), Error> {
    let pair = |(path, (input, output)): (&String, &(usize, usize))| {
        [(name_a(path), vec![config.r, *input]), (name_b(path), vec![*output, config.r])]
    };
    let tensors: Vec<(String, Vec<usize>)> = modules.iter().flat_map(pair).collect();
    weights::write_file(&dir.join(WEIGHTS), &tensors, &mut data, dtype)?;
    files::write_json(&dir.join(CONFIG), &config.to_json())
}
