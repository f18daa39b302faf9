//! The parts of a tokenizer that change texts, each within limits: tokenizers come with models from unknown authors.
//!
//! They match the parts of `tokenizers` bit for bit, with two differences, both errors. A text that would grow past the
//! limit is refused before it is made. A pattern that gives up (after a million backtracking steps) is reported,
//! whereas `tokenizers` treats the rest of the text as unmatched.

use std::cell::RefCell;

use fancy_regex::Regex;
use serde::{Deserialize, Deserializer};
use tokenizers::normalizers::{NormalizerWrapper, Replace};
use tokenizers::pattern::{Invert, Pattern};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::split::SplitPattern;
use tokenizers::{
    Decoder as Decode, DecoderWrapper, NormalizedString, Normalizer as Normalize, PostProcessorWrapper,
    PreTokenizedString, PreTokenizer as PreTokenize, Result, SplitDelimiterBehavior, TokenizerImpl,
};

/// A tokenizer of these parts.
pub(super) type Inner =
    TokenizerImpl<tokenizers::ModelWrapper, Normalizer, PreTokenizer, PostProcessorWrapper, Decoder>;

/// The longest text that is tokenized, in bytes.
pub(super) const INPUT: usize = 8 * 1024 * 1024;

/// The longest text that a part may make from it, in bytes.
const GROWN: usize = 4 * INPUT;

/// The longest text that normalizers may make from a piece of the text: so many times its length, and so many bytes more.
/// No character becomes more than 11 times as long by Unicode's own rules.
const TIMES: usize = 32;
const MORE: usize = 256;

/// The largest number of pre-tokenizers that write bytes as characters; each may double a text.
const BYTE_LEVELS: usize = 4;

/// Normalizers, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Normalizer(Vec<Step<NormalizerWrapper>>);

/// Pre-tokenizers, one after the other.
#[derive(Clone, Debug)]
pub(super) struct PreTokenizer(Vec<Split>);

/// Decoders, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Decoder(Vec<Step<DecoderWrapper>>);

#[derive(Clone, Debug)]
enum Step<T> {
    Replace(Regex, String),
    Other(T),
}

#[derive(Clone, Debug)]
enum Split {
    Regex { regex: Regex, behavior: SplitDelimiterBehavior, invert: bool },
    Other(PreTokenizerWrapper),
}

fn grown(bytes: usize, most: usize, by: &str) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    Err(format!("{by} may make {bytes} bytes of the text; {most} are the most").into())
}

/// Returns the most bytes that normalizers may make of a text.
fn most(text: &NormalizedString) -> usize {
    GROWN.min(text.len_original().saturating_mul(TIMES) + MORE)
}

/// Returns the largest number of bytes after each of `gaps` places in `bytes` bytes has been replaced.
fn replaced(bytes: usize, gaps: usize, content: &str) -> usize {
    gaps.saturating_mul(content.len()).saturating_add(bytes)
}

thread_local! {
    /// The reason why a normalizer has given up on this thread; `tokenizers` goes on silently.
    static GIVEN_UP: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Returns the result of `work`, or the reason why a normalizer has given up in it.
pub(super) fn watched<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    GIVEN_UP.take();
    let done = work();
    GIVEN_UP.take().map_or(done, |why| Err(why.into()))
}

impl Normalize for Normalizer {
    fn normalize(&self, text: &mut NormalizedString) -> Result<()> {
        self.steps(text).inspect_err(|error| drop(GIVEN_UP.replace(Some(error.to_string()))))
    }
}

impl Normalizer {
    fn steps(&self, text: &mut NormalizedString) -> Result<()> {
        let most = most(text);
        for step in &self.0 {
            let bytes = text.get().len();
            match step {
                Step::Replace(regex, content) => {
                    // The places are counted only if there could be too many, because counting takes as long as replacing.
                    if replaced(bytes, bytes + 1, content) > most {
                        let places = regex.find_matches(text.get())?.iter().filter(|(_, matched)| *matched).count();
                        grown(replaced(bytes, places, content), most, "Replace")?;
                    }
                    text.replace(regex, content)?;
                }
                Step::Other(NormalizerWrapper::Prepend(part)) => {
                    grown(bytes.saturating_add(part.prepend.len()), most, "Prepend")?;
                    part.normalize(text)?;
                }
                Step::Other(part) => {
                    part.normalize(text)?;
                    grown(text.get().len(), most, "a normalizer")?;
                }
            }
        }
        Ok(())
    }
}

impl PreTokenize for PreTokenizer {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<()> {
        for part in &self.0 {
            match part {
                Split::Regex { regex, behavior, invert: true } => {
                    text.split(|_, piece| piece.split(Invert(regex), *behavior))?;
                }
                Split::Regex { regex, behavior, invert: false } => {
                    text.split(|_, piece| piece.split(regex, *behavior))?;
                }
                Split::Other(part) => part.pre_tokenize(text)?,
            }
        }
        Ok(())
    }
}

impl Decode for Decoder {
    fn decode_chain(&self, mut tokens: Vec<String>) -> Result<Vec<String>> {
        for step in &self.0 {
            let bytes = tokens.iter().map(String::len).sum::<usize>();
            tokens = match step {
                Step::Replace(regex, content) => {
                    grown(replaced(bytes, bytes + tokens.len(), content), GROWN, "Replace")?;
                    tokens.iter().map(|token| replace(regex, content, token)).collect::<Result<_>>()?
                }
                Step::Other(part) => part.decode_chain(tokens)?,
            };
        }
        Ok(tokens)
    }
}

fn replace(regex: &Regex, content: &str, token: &str) -> Result<String> {
    let mut text = String::new();
    for ((start, end), matched) in regex.find_matches(token)? {
        text.push_str(if matched { content } else { token.get(start..end).unwrap_or_default() });
    }
    Ok(text)
}

/// The written form of a `Replace`, whose pattern is not public.
#[derive(Deserialize)]
struct Written {
    pattern: SplitPattern,
}

impl<T> Step<T> {
    fn replace(part: &Replace) -> std::result::Result<Self, String> {
        let written = serde_json::to_value(part).and_then(serde_json::from_value::<Written>);
        let pattern = written.map_err(|error| error.to_string())?.pattern;
        Ok(Self::Replace(regex(&pattern)?, part.content.clone()))
    }
}

fn regex(pattern: &SplitPattern) -> std::result::Result<Regex, String> {
    let compiled = match pattern {
        SplitPattern::String(text) => Regex::new(&fancy_regex::escape(text)),
        SplitPattern::Regex(regex) => Regex::new(regex),
    };
    compiled.map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Normalizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        fn flat(part: NormalizerWrapper, steps: &mut Vec<Step<NormalizerWrapper>>) -> std::result::Result<(), String> {
            match part {
                NormalizerWrapper::Sequence(parts) => parts.into_iter().try_for_each(|part| flat(part, steps))?,
                NormalizerWrapper::Replace(part) => steps.push(Step::replace(&part)?),
                part => steps.push(Step::Other(part)),
            }
            Ok(())
        }
        let mut steps = Vec::new();
        flat(NormalizerWrapper::deserialize(deserializer)?, &mut steps).map_err(serde::de::Error::custom)?;
        Ok(Self(steps))
    }
}

impl<'de> Deserialize<'de> for PreTokenizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        fn flat(part: PreTokenizerWrapper, steps: &mut Vec<Split>) -> std::result::Result<(), String> {
            match part {
                PreTokenizerWrapper::Sequence(parts) => parts.into_iter().try_for_each(|part| flat(part, steps))?,
                PreTokenizerWrapper::Split(part) => {
                    let (behavior, invert) = (part.behavior, part.invert);
                    steps.push(Split::Regex { regex: regex(&part.pattern)?, behavior, invert });
                }
                part => steps.push(Split::Other(part)),
            }
            Ok(())
        }
        let mut steps = Vec::new();
        flat(PreTokenizerWrapper::deserialize(deserializer)?, &mut steps).map_err(serde::de::Error::custom)?;
        let levels =
            steps.iter().filter(|part| matches!(part, Split::Other(PreTokenizerWrapper::ByteLevel(_)))).count();
        if levels > BYTE_LEVELS {
            let message = format!("`pre_tokenizer`: {levels} parts of type ByteLevel; {BYTE_LEVELS} are the most");
            return Err(serde::de::Error::custom(message));
        }
        Ok(Self(steps))
    }
}

impl<'de> Deserialize<'de> for Decoder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        fn flat(part: DecoderWrapper, steps: &mut Vec<Step<DecoderWrapper>>) -> std::result::Result<(), String> {
            match part {
                DecoderWrapper::Sequence(parts) => {
                    parts.get_decoders().iter().try_for_each(|part| flat(part.clone(), steps))?;
                }
                DecoderWrapper::Replace(part) => steps.push(Step::replace(&part)?),
                part => steps.push(Step::Other(part)),
            }
            Ok(())
        }
        let mut steps = Vec::new();
        flat(DecoderWrapper::deserialize(deserializer)?, &mut steps).map_err(serde::de::Error::custom)?;
        Ok(Self(steps))
    }
}
