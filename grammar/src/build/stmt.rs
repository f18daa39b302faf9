//! Bodies and statements.

use super::{Builder, Pr, push_doc};
use crate::ast::{Body, Expr, ExprKind, Fault, FaultKind, Stmt};
use crate::{MAX_DEPTH, Rule, Span, junk};

impl<'s> Builder<'s> {
    /// Builds a body, `{ ... }`.
    pub(super) fn body(&mut self, pair: Pr<'s>) -> Body {
        let span = self.trimmed(self.span(&pair));
        let (mut stmts, mut doc) = (Vec::new(), String::new());
        for pair in pair.into_inner() {
            let rule = pair.as_rule();
            if rule != Rule::missing_brace && self.in_yaml(&pair) {
                continue;
            }
            match rule {
                Rule::doc => push_doc(&mut doc, pair.as_str()),
                Rule::assign => stmts.extend(self.assign(pair, std::mem::take(&mut doc))),
                Rule::repeat => stmts.extend(self.repeat(pair)),
                Rule::climb => stmts.extend(self.climb(pair)),
                Rule::bare_call => {
                    let call = pair.into_inner().next().map(|apply| self.term(apply));
                    stmts.extend(call.map(|call| Stmt::Call { call }));
                }
                Rule::junk => self.junk(&pair, Rule::stmt_only),
                Rule::missing_brace => {
                    let opener = self.suspect.unwrap_or(span);
                    self.unclosed(opener, 1, "{", "}", &pair);
                }
                Rule::close_brace => self.suspect(span, &pair),
                _ => self.punctuation(&pair),
            }
        }
        Body { stmts, span }
    }

    /// Remembers the first body whose `}` seems to belong to another one.
    fn suspect(&mut self, body: Span, closer: &Pr<'s>) {
        let indent = |at: u32| {
            let before = self.source.get(..at as usize).unwrap_or("");
            let line = before.rsplit('\n').next().unwrap_or("");
            (line.len() - line.trim_start().len(), line.trim().is_empty())
        };
        let (opened, _) = indent(body.start);
        let (closed, alone) = indent(self.span(closer).start);
        if alone && closed < opened && self.suspect.is_none() {
            self.suspect = Some(body);
        }
    }

    fn assign(&mut self, pair: Pr<'s>, doc: String) -> Option<Stmt> {
        let inner = pair.into_inner();
        let name = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair))?;
        self.foreign_assigns(&inner);
        let value = self.child(&inner, Rule::expr)?;
        let value = self.expr(value);
        Some(match self.child(&inner, Rule::append) {
            Some(_) => Stmt::Append { name, value },
            None => Stmt::Assign { doc, name, value },
        })
    }

    /// Reports `:=` and the like in place of `=`.
    pub(super) fn foreign_assigns(&mut self, pairs: &pest::iterators::Pairs<'s, Rule>) {
        if let Some(pair) = self.child(pairs, Rule::foreign_assign) {
            self.foreign_assign(&pair, "=");
        }
    }

    /// Reports one of them with the right spelling, adding missing blanks around it.
    pub(super) fn foreign_assign(&mut self, pair: &Pr<'s>, word: &str) {
        let span = self.span(pair);
        let before = self.source.get(..span.start as usize).is_some_and(|text| text.ends_with([' ', '\t']));
        let after = self.source.get(span.end as usize..).is_some_and(|text| text.starts_with([' ', '\t', '\n', '\r']));
        let write = format!("{}{word}{}", if before { "" } else { " " }, if after { "" } else { " " });
        self.fault(FaultKind::Foreign { found: pair.as_str().to_owned(), write }, span);
    }

    /// Reports a `{` on a separate line.
    pub(super) fn late_brace(&mut self, pairs: &pest::iterators::Pairs<'s, Rule>) {
        if let Some(pair) = self.child(pairs, Rule::late) {
            let end = self.span(&pair).end as usize;
            self.fault(FaultKind::LateBrace, Span::new(self.file, end, end + 1));
        }
    }

    fn repeat(&mut self, pair: Pr<'s>) -> Option<Stmt> {
        let inner = pair.into_inner();
        let keyword = self.child(&inner, Rule::kw_repeat).map(|pair| self.span(&pair))?;
        let count = inner
            .clone()
            .find(|pair| matches!(pair.as_rule(), Rule::number | Rule::paren | Rule::path))
            .map(|pair| self.term(pair))?;
        let unit = self.child(&inner, Rule::unit).map(|pair| self.ident(&pair));
        self.late_brace(&inner);
        let body = self.child(&inner, Rule::body)?;
        if self.depth >= MAX_DEPTH {
            self.fault(FaultKind::TooDeep, keyword);
            return None;
        }
        self.depth += 1;
        let body = self.body(body);
        self.depth -= 1;
        Some(Stmt::Repeat { keyword, count, unit, body })
    }

    fn climb(&mut self, pair: Pr<'s>) -> Option<Stmt> {
        let inner = pair.into_inner();
        let keyword = inner.clone().next()?;
        let player = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair))?;
        let objective = self.child(&inner, Rule::expr)?;
        let objective = self.expr(objective);
        let within = self
            .child(&inner, Rule::within)
            .and_then(|pair| self.child(&pair.into_inner(), Rule::expr))
            .map(|pair| self.expr(pair));
        let ascend = keyword.as_rule() == Rule::kw_ascend;
        Some(Stmt::Climb { keyword: self.span(&keyword), ascend, player, objective, within })
    }

    /// Handles nodes without a meaning that may be faults.
    pub(super) fn punctuation(&mut self, pair: &Pr<'s>) {
        match pair.as_rule() {
            Rule::semicolon => {
                let rest = self.source.get(pair.as_span().end()..).unwrap_or("");
                let rest = rest.trim_start_matches([' ', '\t']);
                let ends = rest.is_empty() || rest.starts_with(['\n', '\r', '}', ',', '/', '#', ';']);
                self.foreign_once(pair, ";", if ends { "" } else { "," });
            }
            Rule::hash_comment => self.foreign_once(pair, "#", "//"),
            Rule::junk_tail => self.tail(pair),
            _ => {}
        }
    }

    /// Reports junk in place of a statement or an item.
    pub(super) fn junk(&mut self, pair: &Pr<'s>, strict: Rule) {
        let span = self.span(pair);
        self.doubtful.extend(junk::words(pair.as_str()));
        let opener = if strict == Rule::item_only { "{" } else { "= {" };
        if strict != Rule::setting_only && self.yaml(pair.as_str().trim(), span, opener) {
            return;
        }
        let fault = junk::explain(self.file, span.text(self.source), span.start as usize, strict);
        let braces = |fault: &Fault| match &fault.kind {
            FaultKind::Unexpected { expected, found } => found.is_empty() && expected.contains(&"`{`"),
            _ => false,
        };
        self.lost_brace |= braces(&fault);
        if matches!(fault.kind, FaultKind::Habit { .. }) && pair.as_str().trim().ends_with(':') {
            self.yaml_end = self.deeper(span.start as usize).1;
        }
        self.push(fault);
    }

    /// Reports `policy pi:` with deeper lines below as one fault, for any number of lines. Returns true if it did.
    fn yaml(&mut self, head: &str, span: Span, opener: &str) -> bool {
        let Some(words) = head.strip_suffix(':') else { return false };
        if !words.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ')) {
            return false;
        }
        let start = span.start as usize;
        let (first, end) = self.deeper(start);
        if end > first {
            self.yaml_end = end;
            let write = format!("{} {opener}", words.trim());
            let span = Span::new(self.file, start, start + head.len());
            self.fault(FaultKind::Foreign { found: head.to_owned(), write }, span);
        }
        end > first
    }

    /// Returns the range of the lines below a place that are indented more than its line.
    fn deeper(&self, start: usize) -> (usize, usize) {
        let line = |at: usize| self.source.get(at..).and_then(|rest| rest.split_inclusive('\n').next()).unwrap_or("");
        let indent = |text: &str| text.len() - text.trim_start().len();
        let from = self.source.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let (outer, first) = (indent(line(from)), from + line(from).len());
        let mut end = first;
        while !line(end).is_empty() && (line(end).trim().is_empty() || indent(line(end)) > outer) {
            end += line(end).len();
        }
        (first, end)
    }

    /// Tells whether a piece belongs to a YAML block that was reported.
    pub(super) fn in_yaml(&mut self, pair: &Pr<'s>) -> bool {
        let inside = pair.as_span().start() < self.yaml_end;
        if inside {
            self.doubtful.extend(junk::words(pair.as_str()));
        }
        inside
    }

    /// Reports junk after a statement, unless another fault on the same line was reported already.
    fn tail(&mut self, pair: &Pr<'s>) {
        let span = self.span(pair);
        self.doubtful.extend(junk::words(pair.as_str()));
        let line = self.source.get(..span.start as usize).and_then(|s| s.rfind('\n')).map_or(0, |at| at + 1);
        // Most lines are behind every fault so far; a fault on this line is one of the last.
        let reported = self.last_end as usize >= line
            && self.faults.iter().rev().any(|fault| {
                let end = end_of(fault);
                end.end as usize >= line && end.start <= span.start
            });
        if !reported {
            let found = junk::first_word(pair.as_str());
            let span = Span::new(self.file, span.start as usize, span.start as usize + found.len());
            let expected = vec!["`,` or a new line"];
            self.fault(FaultKind::Unexpected { expected, found: found.to_owned() }, span);
        }
    }

    /// Reports an opener (the first `width` bytes of `whole`) without its closer. If several braces lack theirs at the
    /// same place, it is reported once.
    pub(super) fn unclosed(
        &mut self,
        whole: Span,
        width: u32,
        opener: &'static str,
        closer: &'static str,
        missing: &Pr<'s>,
    ) {
        let end = self.span(missing);
        let outer = Span { end: whole.start + width, ..whole };
        let fault = FaultKind::Unclosed { opener, closer, end };
        // Bodies are built from the inside out: the outermost opener is the last to come.
        let known = self.unclosed.get(&end.start).and_then(|at| self.faults.get_mut(*at));
        match known.filter(|known| matches!(known.kind, FaultKind::Unclosed { end: other, .. } if other == end)) {
            Some(known) => *known = Fault { kind: fault, span: outer },
            None => {
                self.unclosed.insert(end.start, self.faults.len());
                self.fault(fault, outer);
            }
        }
    }

    /// Returns a placeholder for an expression that was reported.
    pub(super) fn error(span: Span) -> Expr {
        Expr { kind: ExprKind::Error, span }
    }
}

/// The place that a fault is said at: of a lost closer, where it should stand.
pub(super) fn end_of(fault: &Fault) -> Span {
    match fault.kind {
        FaultKind::Unclosed { end, .. } => end,
        _ => fault.span,
    }
}
