//! Data sets: prompts, demonstrations, and the scoring of responses.

use std::sync::{Arc, Mutex, OnceLock};

use pbpo_hub::records::{Said, Text};
use pbpo_judge::Verifier;

use serde::{Deserialize, Serialize};

use crate::batch::Row;
use crate::context::Context;
use crate::error::Fault;
use crate::state::{Digest, Parts, Reader, Stored};
use crate::task;
use crate::tokenizer::{Response, Tokenizer};

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub prompt: Text,
    /// The demonstrated response; absent in data of prompts alone.
    pub demonstration: Option<Text>,
    /// The reference answer for a verifier.
    pub answer: Option<String>,
    pub pair: Option<Labelled>,
}

/// Two responses of which one is preferred.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    pub chosen: Text,
    pub rejected: Text,
    /// The probability that `chosen` is preferred, in 0.5..=1; 1 is a hard label.
    pub probability: f64,
}

/// The way in which a response to an item is scored.
#[derive(Clone)]
pub enum Scorer {
    /// The score function of the task with this name.
    Task(String),
    /// A comparison with the item's answer: 1 if they agree, else 0.
    Verifier(Arc<Verifier>),
}

/// Examples, read once, and their tokens for each tokenizer in use.
pub struct Data {
    /// The block's name, for messages.
    pub name: String,
    /// The tokenizer of a task; a file is read with its reader's tokenizer.
    pub tokenizer: Option<Arc<Tokenizer>>,
    pub items: Vec<Item>,
    pub scorer: Option<Scorer>,
    /// A digest of the bytes read, or of the items made.
    pub digest: String,
    /// The largest length of prompts in tokens; longer ones are left out.
    pub longest: Option<usize>,
    tokens: Mutex<Vec<Tokens>>,
}

/// Items' prompts as one tokenizer reads them.
type Tokens = (Arc<Tokenizer>, Arc<Vec<Vec<u32>>>, Arc<Vec<usize>>, Closings);

/// For each item, the tokens its chat template writes after an answer, computed on first use; `None` for plain text.
type Closings = Arc<Vec<OnceLock<Option<Vec<u32>>>>>;

/// Data as a tokenizer reads it, used by rollouts and preferences. Cloning is cheap.
#[derive(Clone)]
pub struct Source {
    pub data: Arc<Data>,
    pub tokenizer: Arc<Tokenizer>,
    /// The tokens of each item's prompt.
    pub prompts: Arc<Vec<Vec<u32>>>,
    /// The indices of the items whose prompts are not too long.
    pub usable: Arc<Vec<usize>>,
    closings: Closings,
}

impl Data {
    pub fn new(
        name: &str,
        tokenizer: Option<Arc<Tokenizer>>,
        items: Vec<Item>,
        scorer: Option<Scorer>,
        digest: String,
    ) -> Self {
        Self { name: name.to_owned(), tokenizer, items, scorer, digest, longest: None, tokens: Mutex::default() }
    }

    /// Returns the score of a response to an item, in 0..=1.
    pub fn score(&self, item: usize, response: &str) -> Result<f64, Fault> {
        let item = &self.items[item];
        match (&self.scorer, &item.answer) {
            (Some(Scorer::Task(task)), Some(answer)) => Ok(task::score(task, answer, response)),
            (Some(Scorer::Verifier(verifier)), Some(answer)) => Ok(verifier.score(response, answer)),
            _ => Err(Fault::new(format!("nothing says how a response to `{}` is scored", self.name))
                .help("give its data block a `check` and the column of the right `answer`")),
        }
    }
}

impl Source {
    /// Reads the prompts of data with a tokenizer.
    pub fn new(data: &Arc<Data>, tokenizer: &Arc<Tokenizer>) -> Result<Self, Fault> {
        let source = |prompts, usable, closings| {
            let (data, tokenizer) = (data.clone(), tokenizer.clone());
            Self { data, tokenizer, prompts, usable, closings }
        };
        let mut known = data.tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, prompts, usable, closings)) = known.iter().find(|(of, ..)| Arc::ptr_eq(of, tokenizer)) {
            return Ok(source(prompts.clone(), usable.clone(), closings.clone()));
        }
        let prompts: Vec<Vec<u32>> =
            data.items.iter().map(|item| tokenizer.prompt(&item.prompt)).collect::<Result<_, _>>()?;
        let fits = |item: &usize| data.longest.is_none_or(|longest| prompts[*item].len() <= longest);
        let usable: Vec<usize> = (0..prompts.len()).filter(fits).collect();
        if usable.is_empty() {
            let shortest = prompts.iter().map(Vec::len).min().unwrap_or(0);
            return Err(Fault::new(format!(
                "every prompt of `{}` is too long: the shortest has {shortest} tokens",
                data.name
            ))
            .help(format!("raise its `longest` to {shortest} tokens or more")));
        }
        let closings: Closings = Arc::new(prompts.iter().map(|_| OnceLock::new()).collect());
        let (prompts, usable) = (Arc::new(prompts), Arc::new(usable));
        known.push((tokenizer.clone(), prompts.clone(), usable.clone(), closings.clone()));
        Ok(source(prompts, usable, closings))
    }

    /// Returns an error unless every prompt leaves room for a response.
    pub fn fits(&self, max_new: usize, context: usize) -> Result<(), Fault> {
        let Some(item) = self.usable.iter().copied().max_by_key(|item| self.prompts[*item].len()) else {
            return Ok(());
        };
        let tokens = self.prompts[item].len();
        if tokens + max_new <= context {
            return Ok(());
        }
        let (name, number) = (&self.data.name, item + 1);
        let message = format!(
            "prompt {number} of `{name}` has {tokens} tokens: with {max_new} new ones it does not fit into {context}"
        );
        Err(Fault::new(message).help(match context.checked_sub(max_new) {
            Some(room @ 1..) => format!(
                "leave long prompts out (`longest = {room} tokens` in its data block), lower `max_new`, or raise the \
                 `context` of a model from random weights"
            ),
            _ => "lower `max_new`".into(),
        }))
    }

    /// Reports once in a run how many prompts are left out, and the date that the chat template has written into them.
    pub fn tell(&self, context: &mut Context<'_>) -> Result<(), Fault> {
        if let Some(text) = self.tokenizer.date_notice() {
            context.notice_once("chat template", text)?;
        }
        let (all, used) = (self.prompts.len(), self.usable.len());
        if used == all {
            return Ok(());
        }
        let longest = self.data.longest.unwrap_or(usize::MAX);
        let text = format!("{} of {all} prompts have more than {longest} tokens and are left out", all - used);
        context.notice_once(&self.data.name, text)
    }

    /// Reports once in a run how many responses continue after their end token.
    pub fn tell_cut(&self, cut: usize, all: usize, context: &mut Context<'_>) -> Result<(), Fault> {
        if cut == 0 {
            return Ok(());
        }
        let text = format!(
            "{cut} of {all} responses of `{}` go on after the token that ends them: policies read them up to it",
            self.data.name
        );
        context.notice_once(&format!("{} ends", self.data.name), text)
    }

    /// Reports once in a run how many pairs have the same tokens on both sides, such as turns after the first end token.
    pub fn tell_same(&self, same: usize, all: usize, context: &mut Context<'_>) -> Result<(), Fault> {
        if same == 0 {
            return Ok(());
        }
        let text = format!(
            "{same} of {all} pairs of `{}` are the same to a policy: it reads both sides as equal tokens",
            self.data.name
        );
        context.notice_once(&format!("{} same", self.data.name), text)
    }

    /// Reports once in a run how many rows lack `what` they are read for.
    pub fn tell_without(&self, what: &str, count: usize, context: &mut Context<'_>) -> Result<(), Fault> {
        if count == 0 {
            return Ok(());
        }
        let text = format!(
            "{count} of {} rows of `{}` are without {what} and are left out",
            self.usable.len(),
            self.data.name
        );
        context.notice_once(&format!("{} {what}", self.data.name), text)
    }

    /// Returns the text of a response to an item.
    pub fn text(&self, item: usize, response: &[u32]) -> String {
        self.said_to(item, response).text
    }

    /// Returns a row's response in the form in which it is stored.
    pub fn said(&self, row: &Row) -> Text {
        Text::Said(self.said_to(row.item, &row.response))
    }

    fn said_to(&self, item: usize, response: &[u32]) -> Said {
        self.tokenizer.said(&self.data.items[item].prompt, &self.prompts[item], response)
    }

    /// Returns the score of a response to an item, in 0..=1. A response that was cut off is scored as it is.
    pub fn score(&self, item: usize, response: &[u32]) -> Result<f64, Fault> {
        self.data.score(item, &self.text(item, response))
    }

    /// Returns a row from a policy's response to an item.
    pub fn row(&self, item: usize, response: Vec<u32>) -> Result<Row, Fault> {
        let closing = match self.closings[item].get() {
            Some(known) => known,
            None => {
                let closing = self.tokenizer.closing_of(&self.data.items[item].prompt)?;
                self.closings[item].get_or_init(|| closing)
            }
        };
        let read = self.tokenizer.read_by_classifiers(&response, closing.as_deref());
        Ok(Row { item, prompt: self.prompts[item].clone(), response, read })
    }

    /// Returns a row from a file's response to an item, with the number of tokens after its end token.
    pub fn read(&self, item: usize, response: &Text) -> Result<(Row, usize), Fault> {
        let Response { ids, read, cut } = self.tokenizer.response(&self.data.items[item].prompt, response)?;
        Ok((Row { item, prompt: self.prompts[item].clone(), response: ids, read }, cut))
    }

    /// Returns the demonstrations as rows, and the number of those that continue after their end token.
    pub fn demonstrations(&self) -> Result<(Vec<Row>, usize), Fault> {
        let (mut rows, mut cut) = (Vec::new(), 0);
        for (i, item) in self.data.items.iter().enumerate() {
            let Some(text) = item.demonstration.as_ref().filter(|_| self.usable.binary_search(&i).is_ok()) else {
                continue;
            };
            let (row, over) = self.read(i, text)?;
            rows.push(row);
            cut += usize::from(over > 0);
        }
        Ok((rows, cut))
    }
}

/// Returns a text as a person or a judge reads it.
pub fn shown(text: &Text) -> String {
    text.shown()
}

/// The saved form of a source: its texts are read again from the data of the plan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRecord {
    data: pbpo_plan::ValueName,
    tokenizer: Digest,
}

impl Stored for Source {
    type Record = SourceRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<SourceRecord, Fault> {
        // The other fields follow from these two.
        let Self { data, tokenizer, prompts: _, usable: _, closings: _ } = self;
        Ok(SourceRecord { data: parts.data(data)?, tokenizer: parts.shared(tokenizer)? })
    }

    fn load(record: SourceRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        Self::new(&from.data(&record.data)?, &from.shared(&record.tokenizer)?)
    }
}
