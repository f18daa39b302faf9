//! Declarations at the top of a file.

use pest::iterators::Pairs;

use super::{Builder, Pr, push_doc};
use crate::ast::{
    Block, Expr, ExprKind, Extern, Fault, FaultKind, Formal, FormalType, Ident, Import, ImportName, ImportPath, Item,
    Level, Lint, Objective, Param, Pipeline, PipelineBody, Range, Version,
};
use crate::{Rule, junk};

impl<'s> Builder<'s> {
    /// Builds the nodes of a file.
    pub(super) fn items(&mut self, pairs: Pairs<'s, Rule>) -> (Option<Version>, Vec<Item>) {
        let (mut version, mut items, mut doc) = (None, Vec::new(), String::new());
        for pair in pairs {
            if self.in_yaml(&pair) {
                continue;
            }
            let rule = pair.as_rule();
            match rule {
                Rule::header => version = self.header(pair),
                Rule::doc => push_doc(&mut doc, pair.as_str()),
                Rule::stray_close if self.lost_brace => self.lost_brace = false,
                Rule::junk if self.lost_brace => self.doubtful.extend(junk::words(pair.as_str())),
                Rule::stray_close => {
                    let span = self.span(&pair);
                    self.fault(FaultKind::Stray { found: "}" }, span);
                }
                Rule::junk => self.junk(&pair, Rule::item_only),
                Rule::semicolon | Rule::hash_comment | Rule::junk_tail => self.punctuation(&pair),
                _ => {
                    (self.suspect, self.lost_brace) = (None, false);
                    items.extend(self.item(pair, std::mem::take(&mut doc)));
                }
            }
        }
        (version, items)
    }

    fn item(&mut self, pair: Pr<'s>, doc: String) -> Option<Item> {
        match pair.as_rule() {
            Rule::import => self.import(pair).map(Item::Import),
            Rule::param => self.param(pair, doc).map(|param| Item::Param(Box::new(param))),
            Rule::lint => self.lint(pair).map(Item::Lint),
            Rule::block => self.block(pair, doc),
            Rule::extern_ => self.extern_(pair, doc).map(Item::Extern),
            Rule::objective => self.objective(pair, doc).map(Item::Objective),
            Rule::pipeline => self.pipeline(pair, doc).map(|pipeline| Item::Pipeline(Box::new(pipeline))),
            Rule::variant => self.variant(pair, doc).map(Item::Variant),
            Rule::sweep => self.sweep(pair, doc).map(Item::Sweep),
            _ => None,
        }
    }

    fn header(&mut self, pair: Pr<'s>) -> Option<Version> {
        let mut version = None;
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::version => {
                    version = Some(Version { text: pair.as_str().to_owned(), span: self.span(&pair) });
                }
                _ => self.punctuation(&pair),
            }
        }
        version
    }

    fn import(&mut self, pair: Pr<'s>) -> Option<Import> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let path = inner.clone().find(|pair| matches!(pair.as_rule(), Rule::text | Rule::module))?;
        let path_span = self.span(&path);
        let path = match path.as_rule() {
            Rule::module => ImportPath::Module(path.as_str().to_owned()),
            _ => match self.text(path, path_span) {
                ExprKind::Text(text) => ImportPath::File(text),
                _ => return None,
            },
        };
        let braces = self.child(&inner, Rule::names)?;
        let whole = self.span(&braces);
        let mut names = Vec::new();
        for pair in braces.into_inner() {
            match pair.as_rule() {
                Rule::name => {
                    let mut words = pair.into_inner().filter(|pair| pair.as_rule() == Rule::ident);
                    let name = words.next().map(|pair| self.ident(&pair))?;
                    names.push(ImportName { name, rename: words.next().map(|pair| self.ident(&pair)) });
                }
                Rule::names_junk => {
                    self.leftover(&pair, "a name or `}`");
                }
                Rule::missing_brace => self.unclosed(whole, 1, "{", "}", &pair),
                _ => self.punctuation(&pair),
            }
        }
        Some(Import { path, path_span, names, span })
    }

    fn lint(&mut self, pair: Pr<'s>) -> Option<Lint> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let level = match inner.clone().next()?.as_rule() {
            Rule::kw_allow => Level::Allow,
            Rule::kw_deny => Level::Deny,
            _ => Level::Warn,
        };
        let names = inner.filter(|pair| pair.as_rule() == Rule::ident).map(|pair| self.ident(&pair)).collect();
        Some(Lint { level, names, span })
    }

    fn param(&mut self, pair: Pr<'s>, doc: String) -> Option<Param> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let (name, ty) = self.two_idents(&inner)?;
        let range = self.child(&inner, Rule::range).and_then(|pair| self.range(pair));
        self.foreign_assigns(&inner);
        let value = self.child(&inner, Rule::expr)?;
        let value = self.expr(value);
        Some(Param { doc, name, ty, range, value, span })
    }

    fn two_idents(&self, pairs: &Pairs<'s, Rule>) -> Option<(Ident, Ident)> {
        let mut idents = pairs.clone().filter(|pair| pair.as_rule() == Rule::ident).map(|pair| self.ident(&pair));
        Some((idents.next()?, idents.next()?))
    }

    pub(super) fn range(&mut self, pair: Pr<'s>) -> Option<Range> {
        let span = self.trimmed(self.span(&pair));
        let mut ends = pair.into_inner().filter(|pair| pair.as_rule() == Rule::expr);
        let (low, high) = (ends.next()?, ends.next()?);
        Some(Range { low: self.expr(low), high: self.expr(high), span })
    }

    /// Builds a block; one of the kind `pipeline` is a pipeline without parameters.
    fn block(&mut self, pair: Pr<'s>, doc: String) -> Option<Item> {
        let span = self.span(&pair);
        let inner = pair.into_inner();
        let (kind, name) = self.two_idents(&inner)?;
        self.late_brace(&inner);
        let body = self.child(&inner, Rule::body)?;
        let body = self.body(body);
        if kind.text == "pipeline" {
            let body = PipelineBody::Stmts(body);
            return Some(Item::Pipeline(Box::new(Pipeline {
                doc,
                keyword: kind.span,
                name,
                formals: None,
                body,
                span,
            })));
        }
        Some(Item::Block(Block { doc, kind, name, body, span }))
    }

    fn extern_(&mut self, pair: Pr<'s>, doc: String) -> Option<Extern> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let (kind, name) = self.two_idents(&inner)?;
        let formals = self.child(&inner, Rule::signature).map(|pair| self.signature(pair)).unwrap_or_default();
        let mut result = Vec::new();
        if let Some(pair) = self.child(&inner, Rule::result).and_then(|pair| pair.into_inner().next()) {
            match pair.as_rule() {
                Rule::list => {
                    let span = self.span(&pair);
                    if let ExprKind::List(items) = self.list(pair, span) {
                        result.extend(items.into_iter().filter_map(word));
                    }
                }
                _ => result.push(self.ident(&pair)),
            }
        }
        Some(Extern { doc, kind, name, formals, result, span })
    }

    fn objective(&mut self, pair: Pr<'s>, doc: String) -> Option<Objective> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let name = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair))?;
        let formals = self.child(&inner, Rule::signature).map(|pair| self.signature(pair)).unwrap_or_default();
        let value = self.value_of(&inner)?;
        if self.untyped(&inner, &name) {
            return None;
        }
        Some(Objective { doc, name, formals, value, span })
    }

    fn pipeline(&mut self, pair: Pr<'s>, doc: String) -> Option<Pipeline> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let keyword = self.child(&inner, Rule::kw_pipeline).map(|pair| self.span(&pair))?;
        let name = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair))?;
        let formals = self.child(&inner, Rule::signature).map(|pair| self.signature(pair));
        self.late_brace(&inner);
        let body = match self.child(&inner, Rule::body) {
            Some(body) => PipelineBody::Stmts(self.body(body)),
            None => PipelineBody::Call(self.value_of(&inner)?),
        };
        if self.untyped(&inner, &name) {
            return None;
        }
        Some(Pipeline { doc, keyword, name, formals, body, span })
    }

    /// Builds the expression after `=`; reports a missing one.
    fn value_of(&mut self, pairs: &Pairs<'s, Rule>) -> Option<Expr> {
        if let Some(missing) = self.child(pairs, Rule::missing_value) {
            let at = self.span(&missing);
            let found = junk::first_word(self.source.get(at.start as usize..).unwrap_or("")).to_owned();
            let span = crate::Span::new(self.file, at.start as usize, at.start as usize + found.len());
            self.fault(FaultKind::Unexpected { expected: vec!["`=`"], found }, span);
            return None;
        }
        self.child(pairs, Rule::expr).map(|pair| self.expr(pair))
    }

    /// Tells whether a definition has parameters that can't be parsed, so that its body and calls cannot be checked.
    fn untyped(&mut self, pairs: &Pairs<'s, Rule>, name: &Ident) -> bool {
        let mut parts = pairs.clone().filter(|pair| pair.as_rule() == Rule::signature).flat_map(Pr::into_inner);
        let untyped = parts.any(|pair| match pair.as_rule() {
            Rule::formal => pair.into_inner().any(|part| part.as_rule() == Rule::untyped),
            rule => rule == Rule::junk_arg,
        });
        if untyped {
            self.doubtful.push(name.text.clone());
        }
        untyped
    }

    /// Builds the parameters `(name: type = default, *, ...)`.
    fn signature(&mut self, pair: Pr<'s>) -> Vec<Formal> {
        let span = self.span(&pair);
        let (mut formals, mut doc, mut named_only) = (Vec::new(), String::new(), false);
        let before = self.faults.len();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::doc => push_doc(&mut doc, pair.as_str()),
                Rule::star => named_only = true,
                Rule::formal => formals.extend(self.formal(pair, std::mem::take(&mut doc), named_only)),
                Rule::junk_arg => {
                    self.leftover(&pair, "`name: type`");
                }
                Rule::missing_paren if self.faults.len() == before => self.unclosed(span, 1, "(", ")", &pair),
                _ => self.punctuation(&pair),
            }
        }
        formals
    }

    fn formal(&mut self, pair: Pr<'s>, doc: String, named_only: bool) -> Option<Formal> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let name = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair))?;
        if self.child(&inner, Rule::untyped).is_some() {
            // One report covers a whole signature.
            let expected = vec!["`name: type`"];
            let same = |fault: &Fault| match &fault.kind {
                FaultKind::Unexpected { expected: other, .. } => *other == expected,
                _ => false,
            };
            if !self.faults.last().is_some_and(same) {
                self.fault(FaultKind::Unexpected { expected, found: name.text }, name.span);
            }
            return None;
        }
        let kind = self.child(&inner, Rule::kind)?;
        let ty_span = self.trimmed(self.span(&kind));
        let list = kind.as_str().starts_with('[');
        let parts = kind.into_inner();
        let unit = self.child(&parts, Rule::unit_of_kind).map(|pair| self.ident(&pair));
        let words = parts.filter(|pair| pair.as_rule() == Rule::ident).map(|pair| self.ident(&pair)).collect();
        let range = self.child(&inner, Rule::range).and_then(|pair| self.range(pair));
        let default = self.child(&inner, Rule::expr).map(|pair| self.expr(pair));
        Some(Formal {
            doc,
            name,
            ty: FormalType { words, list, unit, span: ty_span },
            range,
            default,
            named_only,
            span,
        })
    }
}

/// Returns a single word.
fn word(expr: Expr) -> Option<Ident> {
    match expr.kind {
        ExprKind::Path(path) => path.into_iter().next(),
        _ => None,
    }
}
