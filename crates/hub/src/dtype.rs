//! The number formats of weights.

use std::fmt;

/// A floating-point format of stored weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Dtype {
    F32,
    Bf16,
    F16,
}

impl Dtype {
    /// Finds a format by its name in `config.json`.
    pub fn from_torch(name: &str) -> Option<Self> {
        match name.strip_prefix("torch.").unwrap_or(name) {
            "float32" | "float" => Some(Self::F32),
            "bfloat16" => Some(Self::Bf16),
            "float16" | "half" => Some(Self::F16),
            _ => None,
        }
    }

    /// Finds a format by its name in a safetensors header.
    pub fn from_safetensors(name: &str) -> Option<Self> {
        [Self::F32, Self::Bf16, Self::F16].into_iter().find(|dtype| dtype.safetensors() == name)
    }

    /// Returns its name in `config.json`.
    pub fn torch(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::F16 => "float16",
        }
    }

    /// Returns its name in a safetensors header.
    pub fn safetensors(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::Bf16 => "BF16",
            Self::F16 => "F16",
        }
    }

    /// Returns the number of bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    /// Appends the numbers in little-endian `bytes`.
    pub(crate) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        let pairs = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        match self {
            Self::F32 => values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            // A bf16 is the upper half of an f32.
            Self::Bf16 => values.extend(pairs().map(|bits| f32::from_bits(u32::from(bits) << 16))),
            Self::F16 => values.extend(pairs().map(|bits| half::f16::from_bits(bits).to_f32())),
        }
    }

    /// Appends numbers, each rounded to nearest, ties to even.
    pub(crate) fn encode(self, values: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Bf16 => bytes.extend(values.iter().flat_map(|value| half::bf16::from_f32(*value).to_le_bytes())),
            Self::F16 => bytes.extend(values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes())),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.torch())
    }
}
