//! The families of architectures, and the meaning of absent keys in each family's config.

/// A family of architectures: the `model_type` of `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Family {
    Llama,
    Qwen2,
    Qwen3,
    Mistral,
}

impl Family {
    pub const ALL: [Self; 4] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Mistral];

    /// Returns the `model_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Mistral => "mistral",
        }
    }

    /// Returns the class of transformers for a language model, without its suffix: `Qwen2` of `Qwen2ForCausalLM`.
    pub fn class(self) -> &'static str {
        match self {
            Self::Llama => "Llama",
            Self::Qwen2 => "Qwen2",
            Self::Qwen3 => "Qwen3",
            Self::Mistral => "Mistral",
        }
    }
}

/// The values of absent keys that differ between families.
pub(super) struct Defaults {
    pub vocab: usize,
    pub ff: usize,
    pub kv_heads: Option<usize>,
    pub head_dim: Option<usize>,
    pub context: usize,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
}

impl Family {
    pub(super) fn defaults(self) -> Defaults {
        let llama = Defaults {
            vocab: 32000,
            ff: 11008,
            kv_heads: None,
            head_dim: None,
            context: 2048,
            bos: Some(1),
            eos: Some(2),
        };
        let qwen2 = Defaults {
            vocab: 151_936,
            ff: 22016,
            kv_heads: Some(32),
            head_dim: None,
            context: 32768,
            bos: None,
            eos: None,
        };
        match self {
            Self::Llama => llama,
            Self::Mistral => Defaults { ff: 14336, kv_heads: Some(8), context: 131_072, ..llama },
            Self::Qwen2 => qwen2,
            Self::Qwen3 => Defaults { head_dim: Some(128), ..qwen2 },
        }
    }
}
