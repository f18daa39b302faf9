//! Turns pest's pairs into the syntax tree. `item.rs`: declarations; `sweep.rs`: variants and sweeps; `stmt.rs`:
//! bodies; `expr.rs`: values.

mod expr;
mod item;
mod stmt;
mod sweep;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};

use crate::ast::{Expr, Fault, FaultKind, File, Ident, Item, Version};
use crate::{FileId, MAX_BYTES, MAX_DEPTH, PbpoParser, Rule, Span, depth, foreign, junk};

type Pr<'s> = Pair<'s, Rule>;

/// A builder of the tree, which collects faults.
pub(crate) struct Builder<'s> {
    file: FileId,
    source: &'s str,
    faults: Vec<Fault>,
    /// The fault of each lost closer, by the place where it should stand.
    unclosed: BTreeMap<u32, usize>,
    /// The furthest end of a fault.
    last_end: u32,
    /// The habits that have been reported, of those that are reported once.
    once: BTreeSet<String>,
    doubtful: Vec<String>,
    /// Words with letters of other alphabets.
    odd: RefCell<Vec<Fault>>,
    /// The number of nodes above the current expression.
    depth: usize,
    /// The first `{` of the current item whose `}` is indented less than its own line: if a `}` is missing, it probably
    /// belongs to this one.
    suspect: Option<Span>,
    /// The end of a YAML block, of which only the head is reported.
    yaml_end: usize,
    /// True if a head lacks its `{`: then a `}` further down closes nothing, and the statements before it belong to no
    /// block.
    lost_brace: bool,
}

/// Parses a whole file.
pub(crate) fn file(file: FileId, source: &str) -> File {
    let (source, odd) = foreign::without_odd_blanks(file, source);
    let source = source.as_ref();
    let mut builder = Builder::new(file, source);
    odd.into_iter().for_each(|fault| builder.push(fault));
    if source.len() > MAX_BYTES {
        builder.fault(FaultKind::TooLarge, Span::new(file, 0, 0));
        return builder.finish(None, Vec::new());
    }
    if let Some(at) = depth::too_deep(source, MAX_DEPTH) {
        builder.fault(FaultKind::TooDeep, Span::new(file, at, at + 1));
        return builder.finish(None, Vec::new());
    }
    match PbpoParser::parse(Rule::file, source) {
        Ok(mut pairs) => {
            let inner = pairs.next().map(Pair::into_inner);
            let (version, items) = inner.map(|inner| builder.items(inner)).unwrap_or_default();
            builder.finish(version, items)
        }
        Err(error) => {
            let kind = match error.variant {
                ErrorVariant::CustomError { .. } => FaultKind::TooLarge,
                ErrorVariant::ParsingError { .. } => {
                    FaultKind::Unexpected { expected: Vec::new(), found: String::new() }
                }
            };
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            builder.fault(kind, Span::new(file, at, at));
            builder.finish(None, Vec::new())
        }
    }
}

/// Parses a single expression that spans the whole text.
pub(crate) fn lone_expr(file: FileId, source: &str) -> Result<Expr, Fault> {
    let whole = Span::new(file, 0, source.len());
    if depth::too_deep(source, MAX_DEPTH).is_some() {
        return Err(Fault { kind: FaultKind::TooDeep, span: whole });
    }
    let (source, odd) = foreign::without_odd_blanks(file, source);
    let source = source.as_ref();
    let mut builder = Builder::new(file, source);
    builder.faults.extend(odd);
    let Ok(pairs) = PbpoParser::parse(Rule::expr_only, source) else {
        return Err(junk::explain(file, source, 0, Rule::expr_only));
    };
    let expr =
        pairs.flat_map(Pair::into_inner).find(|pair| pair.as_rule() == Rule::expr).map(|pair| builder.expr(pair));
    match (builder.faults.into_iter().next(), expr) {
        (None, Some(expr)) => Ok(expr),
        (Some(fault), _) => Err(fault),
        (None, None) => Err(junk::explain(file, source, 0, Rule::expr_only)),
    }
}

impl<'s> Builder<'s> {
    fn new(file: FileId, source: &'s str) -> Self {
        Self {
            file,
            source,
            faults: Vec::new(),
            unclosed: BTreeMap::new(),
            last_end: 0,
            once: BTreeSet::new(),
            doubtful: Vec::new(),
            odd: RefCell::default(),
            depth: 0,
            suspect: None,
            yaml_end: 0,
            lost_brace: false,
        }
    }

    fn finish(mut self, version: Option<Version>, items: Vec<Item>) -> File {
        let mut odd = self.odd.take();
        odd.dedup_by_key(|fault| fault.span);
        self.faults.extend(odd);
        self.faults.sort_by_key(|fault| fault.span);
        File { version, items, faults: self.faults, doubtful: self.doubtful }
    }

    fn span(&self, pair: &Pr<'s>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, span.start(), span.end())
    }

    fn ident(&self, pair: &Pr<'s>) -> Ident {
        let (text, span) = (pair.as_str(), self.span(pair));
        if text.is_ascii() {
            return Ident { text: text.to_owned(), span };
        }
        let latin = foreign::latin(text);
        let kind = FaultKind::Foreign { found: text.to_owned(), write: latin.clone().unwrap_or_default() };
        self.odd.borrow_mut().push(Fault { kind, span });
        Ident { text: latin.unwrap_or_else(|| text.to_owned()), span }
    }

    fn fault(&mut self, kind: FaultKind, span: Span) {
        self.push(Fault { kind, span });
    }

    fn push(&mut self, fault: Fault) {
        self.last_end = self.last_end.max(stmt::end_of(&fault).end);
        self.faults.push(fault);
    }

    /// Reports a foreign spelling once, because it probably occurs throughout the file.
    fn foreign_once(&mut self, pair: &Pr<'s>, found: &str, write: &str) {
        if self.once.insert(found.to_owned()) {
            let start = self.span(pair);
            let span = Span { end: start.start + 1, ..start };
            self.fault(FaultKind::Foreign { found: found.to_owned(), write: write.to_owned() }, span);
        }
    }

    /// Returns the first child with a rule.
    fn child(&self, pairs: &Pairs<'s, Rule>, rule: Rule) -> Option<Pr<'s>> {
        pairs.clone().find(|pair| pair.as_rule() == rule)
    }
}

/// Adds a `///` line to a doc comment.
fn push_doc(doc: &mut String, line: &str) {
    if !doc.is_empty() {
        doc.push('\n');
    }
    doc.push_str(line.trim_start_matches('/').trim());
}
