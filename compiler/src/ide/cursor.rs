//! Finds the brackets and the statement around a place, from the text alone, because the line being typed is not valid
//! syntax yet.

use pbpo_grammar::lex::{Kind, Token, tokens};

use super::lex;
use crate::schema;

/// Words that begin an item, besides the kinds of blocks.
pub(super) const ITEMS: [&str; 8] = ["use", "param", "objective", "variant", "sweep", "allow", "warn", "deny"];

/// A bracket that is open at the cursor.
#[derive(Debug)]
pub(super) struct Frame<'s> {
    /// The bracket: `{`, `(` or `[`.
    pub open: &'s str,
    /// The statement before it.
    pub head: Vec<&'s str>,
}

/// A place between words.
#[derive(Debug)]
pub(super) struct Cursor<'s> {
    /// Open brackets, outermost first.
    pub frames: Vec<Frame<'s>>,
    /// The statement so far, in the innermost brackets, without the words below.
    pub head: Vec<&'s str>,
    /// The words with a dot after them, directly before the word being typed: `pi.optimizer.`
    pub path: Vec<&'s str>,
    /// The names that are already given in the innermost brackets, on both sides of the cursor.
    pub given: Vec<&'s str>,
    /// The number of commas before the cursor in the innermost brackets.
    pub commas: usize,
    /// The name of the item around the cursor.
    pub item: Option<&'s str>,
}

struct Level<'s> {
    frame: Frame<'s>,
    statement: Vec<&'s str>,
    given: Vec<&'s str>,
    commas: usize,
}

impl<'s> Level<'s> {
    fn new(open: &'s str, head: Vec<&'s str>) -> Self {
        Self { frame: Frame { open, head }, statement: Vec::new(), given: Vec::new(), commas: 0 }
    }

    /// Tells whether a new line ends a statement here.
    fn by_lines(&self) -> bool {
        matches!(self.frame.open, "" | "{")
    }
}

impl<'s> Cursor<'s> {
    /// Returns the cursor at byte `at`; `None` inside comments and texts.
    pub fn new(text: &'s str, at: usize) -> Option<Self> {
        let start = text.get(..at)?.trim_end_matches(lex::is_part).len();
        let tokens = tokens(text);
        let inside = |token: &Token<'_>| match token.kind {
            Kind::Comment => token.start < at && at <= token.end(),
            Kind::Text => token.start < at && at < token.end(),
            _ => false,
        };
        if tokens.iter().any(inside) {
            return None;
        }
        let tokens: Vec<Token<'s>> = tokens.into_iter().filter(|token| token.kind != Kind::Comment).collect();
        let before = tokens.partition_point(|token| token.end() <= start);
        let (before, after) = tokens.split_at_checked(before)?;
        let mut levels = vec![Level::new("", Vec::new())];
        for (index, token) in before.iter().enumerate() {
            let last = index.checked_sub(1).and_then(|index| before.get(index));
            let next = before.get(index + 1).is_some_and(|next| next.kind == Kind::Word);
            step(&mut levels, token, last, next);
        }
        let item = levels.first().and_then(|top| {
            let head = levels.get(1).map_or(&top.statement, |level| &level.frame.head);
            head.get(1).copied()
        });
        let mut level = levels.pop()?;
        let new_line =
            before.last().is_none_or(|last| text.get(last.end()..start).is_some_and(|gap| gap.contains('\n')));
        if new_line && level.by_lines() && !before.last().is_some_and(|last| goes_on(last.text)) {
            level.statement.clear();
        }
        let mut path = Vec::new();
        while let [.., word, "."] = level.statement.as_slice() {
            path.insert(0, *word);
            level.statement.truncate(level.statement.len() - 2);
        }
        let mut frames: Vec<Frame<'s>> = levels.into_iter().skip(1).map(|level| level.frame).collect();
        if !level.frame.open.is_empty() {
            frames.push(level.frame);
        }
        let mut given = level.given;
        given.extend(behind(after.iter().filter(|token| token.start >= at)));
        Some(Self { frames, head: level.statement, path, given, commas: level.commas, item })
    }
}

/// Processes one token. `next` is true if a word follows.
fn step<'s>(levels: &mut Vec<Level<'s>>, token: &Token<'s>, last: Option<&Token<'s>>, next: bool) {
    let kind = schema::Kind::parse(token.text).is_some();
    if token.first && next && token.kind == Kind::Word && (kind || ITEMS.contains(&token.text)) {
        // An item begins, so open brackets have lost their closers.
        levels.truncate(1);
    }
    let Some(level) = levels.last_mut() else { return };
    let goes_on = last.is_some_and(|last| goes_on(last.text)) || ["+", "-", "*", "/", "within"].contains(&token.text);
    if token.first && level.by_lines() && !goes_on {
        level.statement.clear();
    }
    match (token.kind, token.text) {
        (Kind::Open, open) => {
            let head = level.statement.clone();
            levels.push(Level::new(open, head));
        }
        (Kind::Close, close) => {
            if levels.len() > 1 {
                levels.pop();
            }
            if let Some(level) = levels.last_mut() {
                level.statement.push(close);
            }
        }
        (_, ",") => {
            level.commas += 1;
            if !level.frame.open.is_empty() {
                level.statement.clear();
            }
        }
        (_, text) => {
            if let ([name], "=" | "+=" | ":") = (level.statement.as_slice(), text) {
                level.given.push(name);
            }
            if level.frame.head.first() == Some(&"use") {
                level.given.push(text);
            }
            level.statement.push(text);
        }
    }
}

/// Tells whether a statement cannot end with this mark.
fn goes_on(mark: &str) -> bool {
    ["=", "+=", "+", "-", "*", "/", "on", "of", "over", "within", "and", "or", "not", ":"].contains(&mark)
}

/// Returns the names given after the cursor, up to the closing bracket.
fn behind<'t, 's: 't>(tokens: impl Iterator<Item = &'t Token<'s>>) -> Vec<&'s str> {
    let (mut depth, mut given, mut last) = (0_usize, Vec::new(), None);
    for token in tokens {
        match (token.kind, token.text) {
            (Kind::Open, _) => depth += 1,
            (Kind::Close, _) if depth == 0 => break,
            (Kind::Close, _) => depth -= 1,
            (_, "=" | "+=") if depth == 0 => given.extend(last),
            _ => {}
        }
        last = (token.kind == Kind::Word).then_some(token.text);
    }
    given
}
