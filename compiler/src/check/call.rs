//! Calls of objectives and pipelines: checks arguments against the parameters of a definition.

use std::collections::{BTreeMap, BTreeSet};

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, Expr, ExprKind, Formal, Ident};

use super::Check;
use super::number::unknown_unit;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expand::Bindings;
use crate::schema::{Kind, LARGEST_COUNT, Range};
use crate::suggest;
use crate::units::Unit;

/// The types of parameters that are not kinds of blocks.
const TYPES: [&str; 8] = ["int", "float", "bool", "text", "rollouts", "preferences", "batch", "value"];

/// The description of a definition, for messages.
pub struct Callee<'a> {
    pub name: &'a str,
    pub declared: Span,
    pub formals: &'a [Formal],
    /// True for an objective: rollouts, preferences and expressions may be given.
    pub objective: bool,
}

impl Check<'_> {
    /// Returns the arguments of a call by the names of the parameters; `None` if there was an error.
    pub fn bind<'a>(&mut self, callee: &Callee<'a>, args: &'a [Arg], span: Span) -> Option<Bindings<'a>> {
        let mut bindings = Bindings::default();
        let mut given: BTreeMap<&str, Span> = BTreeMap::new();
        let mut named: BTreeMap<&str, &Formal> = BTreeMap::new();
        for formal in callee.formals {
            named.entry(&formal.name.text).or_insert(formal);
        }
        let (mut good, mut unknown) = (true, 0);
        let skipped = self.left_out(callee, args);
        let left_out = |formal: &&Formal| skipped.contains(&formal.name.text.as_str());
        let mut positional = callee.formals.iter().filter(|formal| !formal.named_only && !left_out(formal));
        for arg in args {
            let place = arg.name.as_ref().map_or(arg.value.span, |name| name.span);
            let formal = match &arg.name {
                Some(name) => named.get(name.text.as_str()).copied(),
                None => positional.next(),
            };
            let Some(formal) = formal else {
                self.no_such_parameter(callee, arg, place);
                (good, unknown) = (false, unknown + usize::from(arg.name.is_some()));
                continue;
            };
            if let Some(first) = given.get(formal.name.text.as_str()) {
                self.out.push(
                    Diagnostic::error(Code::DuplicateField, place, format!("`{}` is given twice", formal.name.text))
                        .label("again here")
                        .also(*first, "first here")
                        .help("remove one of them"),
                );
                good = false;
                continue;
            }
            given.insert(&formal.name.text, place);
            good &= self.argument(callee, formal, &arg.value);
            bindings.insert(formal, &arg.value);
        }
        let missing: Vec<&Formal> =
            callee.formals.iter().filter(|formal| !given.contains_key(formal.name.text.as_str())).collect();
        for formal in &missing {
            match &formal.default {
                Some(default) => bindings.insert(formal, default),
                None => good = false,
            }
        }
        // A misspelt argument may be the missing one.
        if missing.len() > unknown {
            self.missing_arguments(callee, &missing, span);
        }
        good.then_some(bindings)
    }

    /// Returns the parameters that were left out in the middle of a call. The arguments after them are of the wrong
    /// kind by position, and all fit if these parameters are skipped.
    fn left_out<'f>(&self, callee: &Callee<'f>, args: &[Arg]) -> BTreeSet<&'f str> {
        let named: BTreeSet<&str> = args.iter().filter_map(|arg| Some(arg.name.as_ref()?.text.as_str())).collect();
        let named = |formal: &Formal| named.contains(formal.name.text.as_str());
        let mut skipped = BTreeSet::new();
        let mut formals = callee.formals.iter().filter(|formal| !formal.named_only && !named(formal));
        for arg in args.iter().filter(|arg| arg.name.is_none()) {
            loop {
                match formals.next() {
                    Some(formal) if self.may_be(formal, &arg.value) => break,
                    Some(formal) if formal.default.is_none() => {
                        skipped.insert(formal.name.text.as_str());
                    }
                    Some(_) => {}
                    None => return BTreeSet::new(),
                }
            }
        }
        skipped
    }

    /// Tells whether an argument fits a parameter, by its kind alone.
    fn may_be(&self, formal: &Formal, value: &Expr) -> bool {
        let word = formal.ty.words.first().map_or("", |word| word.text.as_str());
        let block = match &value.kind {
            ExprKind::Path(path) => match path.as_slice() {
                [name] => self.scope.peek(name).map(|decl| decl.kind),
                _ => None,
            },
            ExprKind::Number(_) => return Kind::parse(word).is_none(),
            _ => None,
        };
        match (Kind::parse(word), block) {
            (wanted, Some(found)) => wanted == found,
            (_, None) => true,
        }
    }

    fn no_such_parameter(&mut self, callee: &Callee<'_>, arg: &Arg, place: Span) {
        let names = || callee.formals.iter().map(|formal| formal.name.text.as_str()).collect();
        let error = match &arg.name {
            Some(name) => Diagnostic::error(
                Code::UnknownField,
                place,
                format!("`{}` has no parameter `{}`", callee.name, name.text),
            )
            .label("unknown parameter")
            .suggest(self.out.len(), &name.text, names),
            None => {
                Diagnostic::error(Code::TooManyArguments, place, format!("too many arguments for `{}`", callee.name))
                    .label("no place for this one")
                    .help(format!("write `{}`", usage(callee)))
            }
        };
        self.out.push(error.also(callee.declared, "declared here"));
    }

    /// Makes one message for all missing arguments.
    fn missing_arguments(&mut self, callee: &Callee<'_>, missing: &[&Formal], span: Span) {
        let names: Vec<String> = missing
            .iter()
            .filter(|formal| formal.default.is_none())
            .map(|formal| format!("`{}`", formal.name.text))
            .collect();
        if names.is_empty() {
            return;
        }
        self.out.push(
            Diagnostic::error(
                Code::MissingField,
                span,
                format!("`{}` needs {}", callee.name, suggest::join(&names, "and")),
            )
            .label("too few arguments")
            .also(callee.declared, "declared here")
            .help(format!("write `{}`", usage(callee))),
        );
    }

    /// Tells whether an argument has its parameter's type. Expressions of an objective are checked where they are used.
    fn argument(&mut self, callee: &Callee<'_>, formal: &Formal, value: &Expr) -> bool {
        let Some(ty) = formal.ty.words.first().filter(|_| !formal.ty.list) else { return true };
        let before = self.out.len();
        let name = &formal.name.text;
        let good = match ty.text.as_str() {
            "int" => {
                let range = self.formal_range(formal);
                self.int(name, formal_unit(formal), range.unwrap_or(Range::new(-LARGEST_COUNT, LARGEST_COUNT)), value)
                    .is_some()
            }
            "float" => {
                let range = self.formal_range(formal);
                let all = Range::new(f64::NEG_INFINITY, f64::INFINITY);
                self.float(name, formal_unit(formal), range.unwrap_or(all), value).is_some()
            }
            "bool" | "text" => self.constant(value).is_some(),
            "rollouts" | "preferences" | "batch" | "value" if callee.objective => true,
            word => match Kind::parse(word) {
                Some(kind) => self.block_ref(kind, value).is_some(),
                None => false,
            },
        };
        for error in self.out.iter_mut().skip(before) {
            error.others.push(crate::diagnostic::Label {
                span: formal.span,
                text: format!("the parameter `{name}` is declared here"),
            });
        }
        good
    }

    /// Returns the range that a parameter declares.
    pub fn formal_range(&mut self, formal: &Formal) -> Option<Range> {
        let range = formal.range.as_ref()?;
        Some(Range::new(self.number(&range.low)?.value, self.number(&range.high)?.value))
    }

    /// Checks the parameters of a definition: known types, distinct names, defaults after the parameters without one.
    /// Returns true if all are right.
    pub fn formals(&mut self, formals: &[Formal], objective: bool) -> bool {
        let before = self.out.len();
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        for formal in formals {
            let first = *names.entry(&formal.name.text).or_insert(formal.name.span);
            if first != formal.name.span {
                self.out.push(super::duplicate(&formal.name, first));
            }
            for word in &formal.ty.words {
                self.formal_type(word, objective);
            }
            if let Some(unit) = formal.ty.unit.as_ref().filter(|unit| Unit::parse(&unit.text).is_none()) {
                self.out.push(unknown_unit(unit, self.out.len()));
            }
        }
        self.out.len() == before
    }

    fn formal_type(&mut self, word: &Ident, objective: bool) {
        let flows = if objective { TYPES.len() } else { 4 };
        let types: Vec<&str> = TYPES
            .iter()
            .take(flows)
            .copied()
            .chain(Kind::ALL.iter().filter(|kind| **kind != Kind::Pipeline).map(|kind| kind.word()))
            .collect();
        if !types.contains(&word.text.as_str()) {
            let error = Diagnostic::error(Code::WrongType, word.span, format!("no type is called `{}`", word.text))
                .label("unknown type")
                .suggest(self.out.len(), &word.text, || types);
            self.out.push(error);
        }
    }
}

/// Returns the unit that a parameter's numbers may carry.
fn formal_unit(formal: &Formal) -> Option<Unit> {
    Unit::parse(&formal.ty.unit.as_ref()?.text).map(|(unit, _)| unit)
}

/// Returns the usage, as `dpo(pi, ref, prefs, beta)`.
fn usage(callee: &Callee<'_>) -> String {
    let args = callee.formals.iter().filter(|formal| formal.default.is_none() || !callee.objective).map(|formal| {
        let name = &formal.name.text;
        match &formal.default {
            Some(_) => format!("{name} = ..."),
            None if formal.named_only => format!("{name} = ..."),
            None => name.clone(),
        }
    });
    let required: Vec<String> = args.filter(|arg| !arg.ends_with("= ...") || callee.objective).collect();
    format!("{}({})", callee.name, required.join(", "))
}

/// Returns the call of a pipeline that is written as a call; `None` for any other expression.
pub fn as_call(expr: &Expr) -> Option<(&[Ident], &[Arg])> {
    match &expr.kind {
        ExprKind::Call { callee, args } => Some((callee, args)),
        _ => None,
    }
}
