//! A model's tokenizer: `tokenizer.json` with the special tokens and the chat template beside it.

mod check;
mod parts;

use std::path::{Path, PathBuf};

use pbpo_outside::file::limit;
use pbpo_outside::shown::cut;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use self::parts::Inner;
use crate::template::Template;
use crate::{Chat, Error, files, quoted};

const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
const SPECIAL: &str = "special_tokens_map.json";
const TEMPLATE: &str = "chat_template.jinja";
/// The template for chats with tools, if it is a separate one.
const TOOLS: &str = "additional_chat_templates/tool_use.jinja";

/// All files of which a tokenizer may consist; `save` copies those that exist.
const FILES: [&str; 9] =
    [TOKENIZER, CONFIG, SPECIAL, TEMPLATE, TOOLS, "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model"];

/// Returns the largest size of a file.
fn most(name: &str) -> u64 {
    match name {
        CONFIG | SPECIAL | "added_tokens.json" => limit::CONFIG,
        TEMPLATE | TOOLS => limit::TEMPLATE,
        _ => limit::TOKENIZER,
    }
}

/// A tokenizer as read from a model's directory.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
    /// Names and contents of the files from which it was read, in the order of `FILES`.
    files: Vec<(&'static str, Vec<u8>)>,
    bos: Option<Special>,
    eos: Option<Special>,
    pad: Option<Special>,
    /// The texts of the special tokens that only templates write, each with the name of its variable.
    others: Vec<(&'static str, String)>,
    /// One more than the largest id.
    vocab: usize,
    template: Option<Template>,
    /// The template for chats with tools.
    tools: Option<Template>,
}

/// A special token.
#[derive(Clone, Debug)]
struct Special {
    id: u32,
    text: String,
}

impl Tokenizer {
    /// Reads the tokenizer of a model directory. `vocab` is the number of rows of the model's embedding; a larger id in
    /// the tokenizer is an error.
    pub fn read(dir: &Path, vocab: usize) -> Result<Self, Error> {
        let mut found = Vec::new();
        for name in FILES {
            if let Some(bytes) = files::read_own(dir, name, most(name))? {
                found.push((name, bytes));
            }
        }
        Self::of_files(dir, found, vocab)
    }

    /// Makes a tokenizer from the files of another one, by name. A file that is none of a tokenizer's is an error.
    pub fn from_files(files: Vec<(String, Vec<u8>)>, vocab: usize) -> Result<Self, Error> {
        let known = |(name, bytes): (String, Vec<u8>)| match FILES.iter().find(|known| **known == name) {
            Some(known) => Ok((*known, bytes)),
            None => Err(Error::new(format!("`{}` is not a file of a tokenizer", cut(&name, 100)))),
        };
        Self::of_files(Path::new(""), files.into_iter().map(known).collect::<Result<_, _>>()?, vocab)
    }

    /// Returns names and contents of the files from which it was read.
    pub fn files(&self) -> &[(&'static str, Vec<u8>)] {
        &self.files
    }

    fn of_files(dir: &Path, found: Vec<(&'static str, Vec<u8>)>, vocab: usize) -> Result<Self, Error> {
        let file = dir.join(TOKENIZER);
        let Some((_, bytes)) = found.iter().find(|(name, _)| *name == TOKENIZER) else { return Err(no_tokenizer(dir)) };
        let (mut inner, json) = parse(&file, bytes)?;
        let padding = inner.get_padding().map(|padding| padding.pad_token.clone());
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| Error::at(&file, error))?;
        let settings = Settings::read(dir, &found)?;
        let mut named = |key: &str, absent: Option<String>| special(&mut inner, &settings, key, absent);
        let (bos, eos, pad) = (named("bos_token", None)?, named("eos_token", None)?, named("pad_token", padding)?);
        check::ids(&file, &json, &inner)?;
        let vocab = checked_vocabulary(&file, &inner, vocab)?;
        check::around(&file, &json, vocab)?;
        let mut others = Vec::new();
        for key in ["unk_token", "sep_token", "cls_token", "mask_token"] {
            others.extend(settings.text(key)?.map(|text| (key, text)));
        }
        let template = settings.template(dir, &found, TEMPLATE, "default")?;
        let tools = settings.template(dir, &found, TOOLS, "tool_use")?;
        Ok(Self { template, tools, inner, files: found, bos, eos, pad, others, vocab })
    }

    /// Returns the ids of a text, without bos or eos. Special tokens that are spelled out in the text, as in rendered
    /// chats, become their ids.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.ids(text, false)
    }

    /// Returns the ids of a text with the special tokens that a plain call of the tokenizer adds in transformers: those
    /// of `tokenizer.json`, even if `add_bos_token` in `tokenizer_config.json` says otherwise.
    pub fn encode_with_special(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.ids(text, true)
    }

    fn ids(&self, text: &str, special: bool) -> Result<Vec<u32>, Error> {
        if text.len() > parts::INPUT {
            let (bytes, most) = (text.len(), parts::INPUT);
            return Err(Error::new(format!(
                "a text of {bytes} bytes is too long for a tokenizer; {most} are the most"
            )));
        }
        let encoding = guarded(|| self.inner.encode_fast(text, special))?;
        let ids = encoding.get_ids().to_vec();
        match ids.iter().find(|id| **id as usize >= self.vocab) {
            None => Ok(ids),
            Some(id) => {
                Err(Error::new(format!("tokenizer: it gives id {id}, and its vocabulary has {} tokens", self.vocab)))
            }
        }
    }

    /// Returns the text of ids. Ids outside the vocabulary (rows that pad an embedding) have no text.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, Error> {
        guarded(|| self.inner.decode(ids, skip_special))
    }

    /// Returns one more than the largest id.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Returns the text of one token as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub fn bos(&self) -> Option<u32> {
        self.bos.as_ref().map(|special| special.id)
    }

    pub fn eos(&self) -> Option<u32> {
        self.eos.as_ref().map(|special| special.id)
    }

    pub fn pad(&self) -> Option<u32> {
        self.pad.as_ref().map(|special| special.id)
    }

    pub fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// Returns a chat as text, by the chat template and this tokenizer's special tokens. Encode it with `encode`, because
    /// a template writes the special tokens itself.
    pub fn render(&self, chat: impl Into<Chat>, add_generation_prompt: bool) -> Result<String, Error> {
        let chat = chat.into();
        let template = self.tools.as_ref().filter(|_| chat.tools.is_some()).or(self.template.as_ref());
        match template {
            Some(template) => template.render_with(&chat, add_generation_prompt, self.special()),
            None => Err(Error::new("the tokenizer has no chat template, and the data holds chats").help(format!(
                "put a template into `{TEMPLATE}` beside `{TOKENIZER}`, or use prompts that are strings"
            ))),
        }
    }

    /// Returns the special tokens as transformers names them to templates.
    fn special(&self) -> impl Iterator<Item = (&str, &str)> {
        let known = [("bos_token", &self.bos), ("eos_token", &self.eos), ("pad_token", &self.pad)];
        let known = known.into_iter().filter_map(|(name, special)| Some((name, special.as_ref()?.text.as_str())));
        known.chain(self.others.iter().map(|(name, text)| (*name, text.as_str())))
    }

    /// Returns the blake3 digest in hex of the files from which it was read.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, bytes) in &self.files {
            hasher.update(name.as_bytes());
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Writes the files from which it was read, unchanged, into a directory.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        self.files.iter().try_for_each(|(name, bytes)| files::write_bytes(&dir.join(name), bytes))
    }
}

/// Parses the text and JSON. Broken input ends here, because `tokenizers` panics on some of it.
fn parse(file: &Path, bytes: &[u8]) -> Result<(Inner, Value), Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::at(file, error))?;
    let json: Value = serde_json::from_str(text).map_err(|error| files::json_error(file, &error))?;
    check::parts(file, &json)?;
    // The message may quote a whole part of the file.
    let damaged =
        |error: tokenizers::Error| Error::at(file, format!("not a tokenizer: {}", cut(&error.to_string(), 500)));
    let inner = files::guarded(file, || parts::watched(|| Inner::from_bytes(bytes)).map_err(damaged))?;
    Ok((inner, json))
}

/// Runs `work` of `tokenizers` and turns its panics into errors.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, Error> {
    let done = files::caught(|| parts::watched(work)).ok_or_else(|| {
        Error::new("tokenizer: its parts contradict each other").help("fetch or copy the tokenizer's files again")
    })?;
    done.map_err(|error| Error::new(format!("tokenizer: {error}")))
}

/// The settings in `tokenizer_config.json`, and those that only `special_tokens_map.json` has.
struct Settings {
    file: PathBuf,
    config: Map<String, Value>,
    special: Map<String, Value>,
}

impl Settings {
    fn read(dir: &Path, found: &[(&'static str, Vec<u8>)]) -> Result<Self, Error> {
        let object = |name: &str| match found.iter().find(|(file, _)| *file == name) {
            Some((_, bytes)) => files::json_object(&dir.join(name), bytes),
            None => Ok(Map::new()),
        };
        Ok(Self { file: dir.join(CONFIG), config: object(CONFIG)?, special: object(SPECIAL)? })
    }

    /// Returns the text of a special token: a string, or an object with `content`.
    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let given = |map: &Map<String, Value>| map.get(key).filter(|value| !value.is_null()).cloned();
        let Some(value) = given(&self.config).or_else(|| given(&self.special)) else { return Ok(None) };
        let text = value.as_str().or_else(|| value.get("content")?.as_str());
        let wrong = || Error::at(&self.file, format!("`{key}`: expected a string or an object with `content`"));
        text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
    }

    /// Returns a chat template: its own file; else, for the default template, a string in the config; else the template
    /// of that name in a list there.
    fn template(
        &self,
        dir: &Path,
        found: &[(&'static str, Vec<u8>)],
        file: &str,
        named: &str,
    ) -> Result<Option<Template>, Error> {
        if let Some((_, bytes)) = found.iter().find(|(name, _)| *name == file) {
            let file = dir.join(file);
            let source = std::str::from_utf8(bytes).map_err(|error| Error::at(&file, error))?;
            return Template::new(source, &file).map(Some);
        }
        // A file takes precedence over everything in the config.
        let source = match self.config.get("chat_template") {
            Some(Value::Array(list)) if !found.iter().any(|(name, _)| *name == TEMPLATE) => {
                let is_it = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(named);
                list.iter().find(is_it).and_then(|entry| entry.get("template")).and_then(Value::as_str)
            }
            other if named == "default" => other.and_then(Value::as_str),
            _ => None,
        };
        let place = self.file.with_file_name(format!("{CONFIG} `chat_template`"));
        source.map(|source| Template::new(source, &place)).transpose()
    }
}

/// Looks up a special token, and makes the tokenizer treat it as special, as transformers does.
fn special(
    inner: &mut Inner,
    settings: &Settings,
    key: &str,
    absent: Option<String>,
) -> Result<Option<Special>, Error> {
    let Some(text) = settings.text(key)?.or(absent) else { return Ok(None) };
    let Some(id) = inner.token_to_id(&text) else {
        return Err(Error::at(
            &settings.file,
            format!("`{key}` is `{}`, which {TOKENIZER} does not have", quoted(&text)),
        )
        .help("the tokenizer's files are of different models, or one of them was edited"));
    };
    if !inner.get_added_tokens_decoder().contains_key(&id) {
        inner
            .add_special_tokens([AddedToken::from(text.clone(), true)])
            .map_err(|error| Error::at(&settings.file, format!("`{key}`: {error}")))?;
    }
    Ok(Some(Special { id, text }))
}

/// Returns one more than the largest id, which must fit a vocabulary.
fn checked_vocabulary(file: &Path, inner: &Inner, vocab: usize) -> Result<usize, Error> {
    match inner.get_vocab(true).into_iter().max_by_key(|(_, id)| *id) {
        Some((token, id)) if id as usize >= vocab => {
            let message = format!("`{}` has id {id}, but the model's vocabulary has {vocab} tokens", quoted(&token));
            let help = "use the tokenizer that came with the model, or resize the model's embedding";
            Err(Error::at(file, message).help(help))
        }
        largest => Ok(largest.map_or(0, |(_, id)| id as usize + 1)),
    }
}

fn no_tokenizer(dir: &Path) -> Error {
    let help = "in Python, `AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)` of transformers writes it";
    Error::new(format!("no `{TOKENIZER}` in {}", dir.display())).help(help)
}
