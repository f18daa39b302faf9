//! Variants and sweeps.

use super::{Builder, Pr};
use crate::ast::{AxisValues, ExprKind, Setting, Sweep, SweepAxis, SweepEntry, Variant};
use crate::{Rule, Span};

impl<'s> Builder<'s> {
    pub(super) fn variant(&mut self, pair: Pr<'s>, doc: String) -> Option<Variant> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let mut idents = inner.clone().filter(|pair| pair.as_rule() == Rule::ident);
        let (name, of) = (self.ident(&idents.next()?), self.ident(&idents.next()?));
        let mut settings = Vec::new();
        self.late_brace(&inner);
        let braces = self.child(&inner, Rule::settings)?;
        let whole = self.span(&braces);
        for pair in braces.into_inner() {
            match pair.as_rule() {
                Rule::setting => settings.extend(self.setting(pair)),
                _ => self.other(&pair, whole),
            }
        }
        Some(Variant { doc, name, of, settings, span })
    }

    /// Handles a part that is not an entry: junk, a lost brace, punctuation.
    fn other(&mut self, pair: &Pr<'s>, braces: Span) {
        match pair.as_rule() {
            Rule::junk => self.junk(pair, Rule::setting_only),
            Rule::missing_brace => self.unclosed(braces, 1, "{", "}", pair),
            _ => self.punctuation(pair),
        }
    }

    fn setting(&mut self, pair: Pr<'s>) -> Option<Setting> {
        let inner = pair.into_inner();
        let path = self.child(&inner, Rule::path).map(|pair| self.path(pair))?;
        self.foreign_assigns(&inner);
        let value = self.child(&inner, Rule::expr)?;
        Some(Setting { path, value: self.expr(value) })
    }

    /// Builds a setting of a sweep. `beta: [a, b]` is read as an axis.
    fn set_or_axis(&mut self, pair: Pr<'s>) -> Option<SweepEntry> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.clone().into_inner();
        let colon = self.child(&inner, Rule::foreign_assign);
        let list = self.child(&inner, Rule::expr).filter(|value| value.as_str().starts_with('['));
        let (Some(colon), Some(value)) = (colon, list) else { return self.setting(pair).map(SweepEntry::Set) };
        let path = self.child(&inner, Rule::path).map(|pair| self.path(pair))?;
        if matches!(path.as_slice(), [word] if word.text == "ablate") {
            return self.setting(pair).map(SweepEntry::Set);
        }
        self.foreign_assign(&colon, "in");
        Some(SweepEntry::Axis(SweepAxis { path, values: AxisValues::List(self.expr(value)), span }))
    }

    pub(super) fn sweep(&mut self, pair: Pr<'s>, doc: String) -> Option<Sweep> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let mut idents = inner.clone().filter(|pair| pair.as_rule() == Rule::ident);
        let name = self.ident(&idents.next()?);
        let mut over: Vec<_> = idents.map(|pair| self.ident(&pair)).collect();
        if let Some(list) = self.child(&inner, Rule::list) {
            let at = self.span(&list);
            if let ExprKind::List(items) = self.list(list, at) {
                over.extend(items.into_iter().filter_map(|item| match item.kind {
                    ExprKind::Path(path) => path.into_iter().next(),
                    _ => None,
                }));
            }
        }
        self.late_brace(&inner);
        let braces = self.child(&inner, Rule::sweep_body)?;
        let whole = self.span(&braces);
        let mut entries = Vec::new();
        for pair in braces.into_inner() {
            match pair.as_rule() {
                Rule::axis => entries.extend(self.axis(pair).map(SweepEntry::Axis)),
                Rule::zip => entries.push(self.zip(pair)),
                Rule::filter => entries.extend(self.filter(pair)),
                Rule::setting => entries.extend(self.set_or_axis(pair)),
                _ => self.other(&pair, whole),
            }
        }
        Some(Sweep { doc, name, over, entries, span })
    }

    fn axis(&mut self, pair: Pr<'s>) -> Option<SweepAxis> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let path = self.child(&inner, Rule::path).map(|pair| self.path(pair))?;
        let values = match self.child(&inner, Rule::range) {
            Some(range) => AxisValues::Range(self.range(range)?),
            None => AxisValues::List(self.child(&inner, Rule::expr).map(|pair| self.expr(pair))?),
        };
        Some(SweepAxis { path, values, span })
    }

    fn zip(&mut self, pair: Pr<'s>) -> SweepEntry {
        let span = self.trimmed(self.span(&pair));
        let mut axes = Vec::new();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::axis => axes.extend(self.axis(pair)),
                _ => self.other(&pair, span),
            }
        }
        SweepEntry::Zip(axes, span)
    }

    fn filter(&mut self, pair: Pr<'s>) -> Option<SweepEntry> {
        let inner = pair.into_inner();
        let keyword = self.child(&inner, Rule::kw_where).map(|pair| self.span(&pair))?;
        let expr = self.child(&inner, Rule::expr)?;
        Some(SweepEntry::Where(self.expr(expr), keyword))
    }
}
