//! Finds values that a sweep sets twice: the last would count, and the names of the points would be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Ident, Setting};

use super::sweep::Factor;
use super::{Finder, Override, Target, target};
use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// The target and values of one entry of a sweep.
struct Claim {
    target: Target,
    text: String,
    span: Span,
    /// The alternatives.
    sets: Vec<Arc<Override>>,
    /// True if it is the same in every point.
    fixed: bool,
}

impl Claim {
    /// Tells whether a later entry may refine this one, because it sets a part that this one's values leave open.
    fn leaves_open(&self, later: &Claim) -> bool {
        let Some(way) = self.target.way_to(&later.target).filter(|way| !way.is_empty()) else { return false };
        self.fixed || self.sets.iter().all(|set| target::part(&set.value, way).is_none())
    }
}

impl Finder<'_> {
    /// Tells whether all entries of a sweep set different things; reports those that do not.
    pub(super) fn no_clash(&mut self, factors: &[Factor], fixed: &[Setting]) -> bool {
        let mut claims: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
        let mut good = true;
        // Fixed settings are applied first.
        let sets = fixed.iter().map(|set| (set.span(), vec![Arc::new(Override::new(&set.path, &set.value))], true));
        let swept = factors.iter().flat_map(columns).map(|(span, sets)| (span, sets, false));
        for (span, sets, fixed) in sets.chain(swept) {
            let Some(path) = sets.first().map(|set| set.path.as_slice()) else { continue };
            // An unknown name is reported where it is set.
            let Some(target) = Target::of(&self.project.views, path) else { continue };
            // Only settings of one declaration can clash.
            let claims = claims.entry(target.global.clone()).or_default();
            let claim = Claim { target, text: path_text(path), span, sets, fixed };
            match claims.iter().find(|other| other.target.meets(&claim.target) && !other.leaves_open(&claim)) {
                Some(first) => {
                    self.out.push(clash(first, &claim));
                    good = false;
                }
                None => claims.push(claim),
            }
        }
        good
    }

    /// Reports a list that should be swept with `in`.
    pub(super) fn listed(&mut self, setting: &Setting) {
        let path = path_text(&setting.path);
        let message = format!("`{path}` has one value in all points with `=`");
        let error = Diagnostic::error(Code::WrongType, setting.value.span, message).label("a list of values");
        self.out.push(error.help(format!("write `{path} in [...]`")));
    }

    /// Tells whether all names are distinct; reports one that is not.
    pub(super) fn distinct(&mut self, names: impl Iterator<Item = (String, Span)>, why: &str) -> bool {
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for (name, span) in names {
            if let Some(first) = seen.insert(name.clone(), span) {
                let error = Diagnostic::error(Code::TwiceOnAxis, span, format!("`{name}` stands twice on one axis"));
                let error = if first == span {
                    error.label("more than once here")
                } else {
                    error.label("again here").also(first, "first here")
                };
                self.out.push(error.help(format!("remove one: {why}")));
                return false;
            }
        }
        true
    }
}

/// Returns the overrides of each path that a factor sets.
fn columns(factor: &Factor) -> Vec<(Span, Vec<Arc<Override>>)> {
    let mut columns: Vec<(Span, Vec<Arc<Override>>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut last: Option<(&[Ident], usize)> = None;
    for set in factor.options.iter().flat_map(|option| &option.sets) {
        let same = |path: &[Ident]| path.iter().map(|word| &word.text).eq(set.path.iter().map(|word| &word.text));
        // Usually the same path as for the previous option.
        let at = match last.filter(|(path, _)| same(path)) {
            Some((_, at)) => at,
            None => *known.entry(path_text(&set.path)).or_insert_with(|| {
                columns.push((set.path.first().map_or(factor.span, |word| word.span), Vec::new()));
                columns.len() - 1
            }),
        };
        last = Some((&set.path, at));
        if let Some((_, column)) = columns.get_mut(at) {
            column.push(set.clone());
        }
    }
    if let [(span, _)] = columns.as_mut_slice() {
        *span = factor.span;
    }
    columns
}

fn clash(first: &Claim, again: &Claim) -> Diagnostic {
    let (a, b) = (&first.text, &again.text);
    let message = match (first.fixed || again.fixed, a == b) {
        (false, true) => format!("`{a}` is swept twice"),
        (true, true) => format!("`{a}` is set twice"),
        (_, false) => format!("`{a}` and `{b}` set the same"),
    };
    Diagnostic::error(Code::DuplicateField, again.span, message)
        .label("again here")
        .also(first.span, "first here")
        .help("remove one of them")
}
