//! Rotary position frequencies, as `ROPE_INIT_FUNCTIONS` of transformers (`modeling_rope_utils.py`) computes them.

use std::f32::consts::PI as PI32;
use std::f64::consts::PI;

use super::ModelConfig;
use super::keys::Keys;
use crate::{Error, quoted};

/// How the frequencies are stretched for contexts longer than those of pretraining. Contexts are in tokens.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Rope {
    Plain,
    /// Every frequency divided by `factor`.
    Linear {
        factor: f64,
    },
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, smooth between.
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_context: usize,
    },
    /// YaRN (Peng et al. 2023, <https://arxiv.org/abs/2309.00071>).
    Yarn {
        factor: f64,
        beta_fast: f64,
        beta_slow: f64,
        original_context: usize,
        /// The factor of sines and cosines, as given or as transformers derives it.
        attention_factor: f64,
        /// The corrected range is rounded to whole dimensions.
        truncate: bool,
    },
}

/// Reads theta and scaling from `rope_parameters` (new) or from `rope_scaling` and `rope_theta` (old).
pub(super) fn parse(config: &Keys, context: usize) -> Result<(f64, Rope), Error> {
    let filled = |key: &str| Ok(config.object(key)?.filter(|map| !map.is_empty()));
    let (prefix, map) = match (filled("rope_scaling")?, filled("rope_parameters")?) {
        (Some(map), _) => ("rope_scaling.", map),
        (None, Some(map)) => ("rope_parameters.", map),
        (None, None) => return Ok((config.positive("rope_theta")?.unwrap_or(10_000.0), Rope::Plain)),
    };
    let keys = Keys { file: config.file, prefix, map };
    if let Some((kind, _)) = map.iter().find(|(_, value)| value.is_object()) {
        return Err(keys.error(kind, "rotary positions that differ between layers are not supported"));
    }
    if let Some(part) = keys.float("partial_rotary_factor")?.filter(|part| *part != 1.0) {
        return Err(keys.error("partial_rotary_factor", format!("{part} is not supported; only 1 is")));
    }
    let theta = match keys.positive("rope_theta")? {
        Some(theta) => theta,
        None => config.positive("rope_theta")?.unwrap_or(10_000.0),
    };
    let original = match config.size("original_max_position_embeddings")? {
        Some(original) => original,
        None => keys.size("original_max_position_embeddings")?.unwrap_or(context),
    };
    Ok((theta, scaling(&keys, context, original)?))
}

fn scaling(keys: &Keys, context: usize, original_context: usize) -> Result<Rope, Error> {
    let needed = |key: &str| keys.positive(key)?.ok_or_else(|| keys.error(key, "missing"));
    let key = if keys.get("rope_type").is_some() { "rope_type" } else { "type" };
    match keys.text(key)?.unwrap_or("default") {
        "default" => Ok(Rope::Plain),
        "linear" => Ok(Rope::Linear { factor: needed("factor")? }),
        "llama3" => {
            let (low_freq_factor, high_freq_factor) = (needed("low_freq_factor")?, needed("high_freq_factor")?);
            if high_freq_factor <= low_freq_factor {
                return Err(keys.error("high_freq_factor", "must be above `low_freq_factor`"));
            }
            Ok(Rope::Llama3 { factor: needed("factor")?, low_freq_factor, high_freq_factor, original_context })
        }
        "yarn" => {
            let factor = keys.positive("factor")?.unwrap_or(context as f64 / original_context as f64);
            // 0 and null mean the default, as in transformers.
            let beta = |key: &str, absent: f64| Ok(keys.float(key)?.filter(|beta| *beta != 0.0).unwrap_or(absent));
            Ok(Rope::Yarn {
                factor,
                beta_fast: beta("beta_fast", 32.0)?,
                beta_slow: beta("beta_slow", 1.0)?,
                original_context,
                attention_factor: attention_factor(keys, factor)?,
                truncate: keys.flag("truncate")?.unwrap_or(true),
            })
        }
        other => {
            let message = format!("`{}` is not supported; known are default, linear, llama3, yarn", quoted(other));
            Err(keys.error(key, message))
        }
    }
}

fn attention_factor(keys: &Keys, factor: f64) -> Result<f64, Error> {
    if let Some(given) = keys.float("attention_factor")? {
        return Ok(given);
    }
    let scale = |m: f64| if factor <= 1.0 { 1.0 } else { 0.1 * m * factor.ln() + 1.0 };
    let given = |key: &str| Ok(keys.float(key)?.filter(|m| *m != 0.0));
    Ok(match (given("mscale")?, given("mscale_all_dim")?) {
        (Some(m), Some(all)) => scale(m) / scale(all),
        _ => scale(1.0),
    })
}

impl ModelConfig {
    /// Returns the angle by which each pair of dimensions turns from one position to the next, in radians:
    /// `head_dim / 2` numbers, dimension `i` paired with `i + head_dim / 2`.
    pub fn inverse_frequencies(&self) -> Vec<f32> {
        let dim = self.head_dim;
        // As in torch, the exponent is in f32 and its power is rounded to f32.
        let wavelengths = (0..dim / 2).map(|i| {
            let exponent = (2 * i) as f32 / dim as f32;
            self.rope_theta.powf(f64::from(exponent)) as f32
        });
        match &self.rope {
            Rope::Plain => wavelengths.map(|w| 1.0 / w).collect(),
            Rope::Linear { factor } => wavelengths.map(|w| 1.0 / w / *factor as f32).collect(),
            Rope::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let (low, high) = (*low_freq_factor as f32, *high_freq_factor as f32);
                wavelengths.map(|w| llama3(1.0 / w, *factor as f32, low, high, *original_context as f32)).collect()
            }
            Rope::Yarn { factor, beta_fast, beta_slow, original_context, truncate, .. } => {
                // The dimension that turns `rotations` times within the original context.
                let turns = |rotations: f64| {
                    let period = *original_context as f64 / (rotations * 2.0 * PI);
                    dim as f64 * period.ln() / (2.0 * self.rope_theta.ln())
                };
                let (mut low, mut high) = (turns(*beta_fast), turns(*beta_slow));
                if *truncate {
                    (low, high) = (low.floor(), high.ceil());
                }
                let (low, high) = (low.max(0.0), high.min(dim as f64 - 1.0));
                let high = if low == high { high + 0.001 } else { high };
                let yarn = |(i, w): (usize, f32)| {
                    let ramp = ((i as f32 - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
                    let kept = 1.0 - ramp;
                    1.0 / (*factor as f32 * w) * (1.0 - kept) + 1.0 / w * kept
                };
                wavelengths.enumerate().map(yarn).collect()
            }
        }
    }

    /// Returns the factor of sines and cosines: 1, except with YaRN.
    pub fn attention_scale(&self) -> f64 {
        match self.rope {
            Rope::Yarn { attention_factor, .. } => attention_factor,
            _ => 1.0,
        }
    }
}

fn llama3(frequency: f32, factor: f32, low: f32, high: f32, context: f32) -> f32 {
    let wavelength = 2.0 * PI32 / frequency;
    if wavelength < context / high {
        frequency
    } else if wavelength > context / low {
        frequency / factor
    } else {
        let smooth = (context / wavelength - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}
