//! Hover texts for the word at a place, in Markdown.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{AxisValues, Body, Expr, ExprKind, Ident, Item, Pipeline, PipelineBody, Stmt, SweepEntry};

use super::mentions::{Mention, What};
use super::path::Target;
use super::{Ide, text};
use crate::check::{self, Program};
use crate::hir::{Args, Constant, Value};
use crate::params::default_text;
use crate::points::overrides::value_text;
use crate::schema::{Field, Flow, Kind, blocks, ops};

/// The text that an editor shows beside a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The word.
    pub span: Span,
    /// Markdown.
    pub text: String,
}

/// The largest number of variables that are followed to the operation with their count.
const DEEPEST: usize = 8;

impl Ide {
    /// Returns the hover text of the word at an offset.
    pub fn hover(&self, file: &str, at: usize) -> Option<Hover> {
        let mention = self.mention(file, at)?;
        let text = self.describe(&mention)?;
        Some(Hover { span: mention.span, text })
    }

    fn describe(&self, mention: &Mention) -> Option<String> {
        Some(match &mention.what {
            What::Global(global) => self.declaration(global)?,
            What::Formal(owner, name) => {
                let formal = self.formal_of(owner, name)?;
                card(&text::squeeze(self.sources.text(formal.span)), &formal.doc, &[format!("parameter of `{owner}`")])
            }
            What::Local(owner, name) => self.variable(owner, name)?,
            What::Field(field, path) => self.field(mention, field, path),
            What::Episodes(path) => {
                let words: Vec<&str> = path.iter().map(String::as_str).collect();
                let Some(Target::Episodes(count)) = self.target(mention.span.file, &words) else { return None };
                let mut facts = vec![format!("value: `{}`", self.written(count))];
                facts.extend(self.overrides(mention.span, &words));
                card("episodes: int episodes", "how often the first `repeat` goes round", &facts)
            }
            What::Choice(variant) => card(&text::variant(variant), variant.doc, &facts_of(variant.fields)),
            What::Op(schema) => card(&text::op(schema), schema.doc, &facts_of(schema.args)),
            What::Function(schema) => card(&text::function(schema), schema.doc, &[]),
            What::Kind(kind) => card(&format!("{} NAME {{ ... }}", kind.word()), "", &facts_of(blocks::fields(*kind))),
            What::Unit(unit) => card(unit.name(), "unit", &[]),
            What::Lint(lint) => card(lint.name, lint.doc, &[format!("lint {}", lint.code.text())]),
            What::File(id) => card(&self.sources.get(*id)?.name, "", &[]),
        })
    }

    /// Returns the text of a block, a parameter, a pipeline, ...
    fn declaration(&self, global: &str) -> Option<String> {
        let entry = self.entry(global)?;
        let mut facts = Vec::new();
        match &*entry.item {
            Item::Param(param) => {
                let program = self.program();
                let value = program.scope.params.get(global).and_then(|param| param.value.as_ref());
                facts.extend(value.map(|value| format!("value: `{}`", constant(value))));
                facts.extend(self.overrides(param.name.span, &[&param.name.text]));
            }
            Item::Block(block) => {
                let kind = Kind::parse(&block.kind.text);
                facts.extend(kind.map(|kind| kind.noun().to_owned()));
            }
            Item::Extern(item) => {
                let documented = item.formals.iter().filter(|formal| !formal.doc.is_empty());
                facts.extend(documented.map(|formal| format!("`{}`: {}", formal.name.text, formal.doc)));
            }
            item => {
                let documented = text::formals(item).iter().filter(|formal| !formal.doc.is_empty());
                facts.extend(documented.map(|formal| format!("`{}`: {}", formal.name.text, formal.doc)));
            }
        }
        if entry.std {
            facts.push(format!("from `{}`", self.sources.get(entry.file)?.name));
        }
        Some(card(&text::item(&entry.item, &self.sources), entry.item.doc(), &facts))
    }

    /// Returns the text of a field: type, unit, range, default, and its value.
    fn field(&self, mention: &Mention, field: &'static Field, path: &[String]) -> String {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut facts = Vec::new();
        if let Some(Target::Field(_, written)) = self.target(mention.span.file, &words) {
            let value = self.value(mention.span, &words);
            facts.extend(match (written, value) {
                (Some(Expr { kind: ExprKind::Path(path), .. }), Some(value)) if check::path_text(path) != value => {
                    Some(format!("value: `{value}`, from `{}`", check::path_text(path)))
                }
                (Some(written), _) => Some(format!("value: `{}`", self.written(written))),
                (None, Some(value)) => Some(format!("value: `{value}`, by default")),
                (None, None) => None,
            });
            facts.extend(self.overrides(mention.span, &words));
        }
        facts.push(default_text(field).map_or("no default".into(), |value| format!("default: `{value}`")));
        card(&format!("{}: {}", field.name, text::ty(field.ty)), field.doc, &facts)
    }

    /// Returns a value as the file has it, on one line.
    fn written(&self, value: &Expr) -> String {
        text::cut(&text::squeeze(self.sources.text(value.span)))
    }

    /// Returns the checked value at a path, if it is a number, a word or a list of words.
    fn value(&self, at: Span, words: &[&str]) -> Option<String> {
        let (first, rest) = words.split_first()?;
        let global = self.project.views.in_file(at.file).get(*first)?;
        let program = self.program();
        let (last, parts) = rest.split_last()?;
        let mut args: &Args = &program.blocks.get(global)?.args;
        for part in parts {
            args = match args.get(part)? {
                Value::Choice(choice) => &choice.args,
                Value::Record(args) => args,
                _ => return None,
            };
        }
        match args.get(last)? {
            Value::Nothing => Some("none".to_owned()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Text(text) => Some(format!("{text:?}")),
            Value::Words(words) => Some(format!("[{}]", words.join(","))),
            Value::Choice(choice) if choice.args.json().is_empty() => Some(choice.name.to_owned()),
            _ => None,
        }
    }

    /// Returns the values that variants and sweeps give to a path.
    fn overrides(&self, at: Span, words: &[&str]) -> Vec<String> {
        let Some((first, rest)) = words.split_first() else { return Vec::new() };
        let global = self.project.views.in_file(at.file).get(*first);
        let same = |path: &[Ident]| {
            let Some((head, more)) = path.split_first() else { return false };
            let names = more.iter().map(|word| word.text.as_str());
            self.project.views.global(head) == global.map(String::as_str) && names.eq(rest.iter().copied())
        };
        let mut found = Vec::new();
        for entry in &self.project.entries {
            match &*entry.item {
                Item::Variant(variant) => {
                    for setting in variant.settings.iter().filter(|setting| same(&setting.path)) {
                        found.push(format!("`variant {}`: `{}`", variant.name.text, self.written(&setting.value)));
                    }
                }
                Item::Sweep(sweep) => {
                    for sweep_entry in &sweep.entries {
                        let values = self.swept(sweep_entry, &same);
                        found.extend(values.into_iter().map(|text| format!("`sweep {}`: `{text}`", sweep.name.text)));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Returns the values that a part of a sweep gives to a path.
    fn swept(&self, entry: &SweepEntry, same: &impl Fn(&[Ident]) -> bool) -> Vec<String> {
        let axes = match entry {
            SweepEntry::Axis(axis) => std::slice::from_ref(axis),
            SweepEntry::Zip(axes, _) => axes,
            SweepEntry::Set(setting) if same(&setting.path) => return vec![self.written(&setting.value)],
            SweepEntry::Where(..) | SweepEntry::Set(_) => return Vec::new(),
        };
        let values = axes.iter().filter(|axis| same(&axis.path)).map(|axis| match &axis.values {
            AxisValues::Range(ends) => text::ends(ends, &self.sources),
            AxisValues::List(list) => self.written(list),
        });
        values.collect()
    }

    /// Returns the text of a variable of a pipeline.
    fn variable(&self, owner: &str, name: &str) -> Option<String> {
        let Item::Pipeline(pipeline) = &*self.entry(owner)?.item else { return None };
        let made = assignments(pipeline);
        let (_, value, appended) = made.iter().find(|(given, ..)| *given == name)?;
        let flow = flow(value)?;
        let mut facts = Vec::new();
        if let Some(count) = self.count(owner, &made, value, DEEPEST) {
            let things = if flow == Flow::Preferences { "pairs" } else { "responses" };
            facts.push(if *appended {
                format!("{count} more {things} each time")
            } else {
                format!("{count} {things}")
            });
        }
        let noun = text::ty(crate::schema::Ty::Value(flow));
        let sign = if *appended { "+=" } else { "=" };
        Some(card(
            &format!("{name}: {noun}"),
            "",
            &[vec![format!("`{name} {sign} {}`", self.written(value))], facts].concat(),
        ))
    }

    /// Returns the number of responses or pairs that an operation makes.
    fn count(&self, owner: &str, made: &[Made<'_>], value: &Expr, deepest: usize) -> Option<String> {
        let ExprKind::Call { args, .. } = &value.kind else { return None };
        let named = |name: &str| args.iter().find(|arg| arg.name.as_ref().is_some_and(|n| n.text == name));
        let op = super::path::tag(value)?;
        let source = match op {
            "explore" => &named("against")?.value,
            "label" => &args.iter().find(|arg| arg.name.is_none())?.value,
            _ => return self.number(owner, &named("count")?.value),
        };
        let name = super::path::tag(source)?;
        let (_, value, _) = made.iter().find(|(given, ..)| *given == name)?;
        if deepest == 0 { None } else { self.count(owner, made, value, deepest - 1) }
    }

    /// Returns a number, or the value of the named parameter.
    fn number(&self, owner: &str, value: &Expr) -> Option<String> {
        if let ExprKind::Path(path) = &value.kind {
            let word = path.first()?;
            if self.formal_of(owner, &word.text).is_some() {
                return Some(format!("`{}`", word.text));
            }
            let program = self.program();
            let param = program.scope.params.get(self.project.views.global(word)?)?;
            return Some(constant(param.value.as_ref()?));
        }
        matches!(value.kind, ExprKind::Number(_)).then(|| value_text(value))
    }

    fn program(&self) -> Program {
        check::program(&self.project, &mut Vec::new())
    }
}

/// A variable, its assigned value, and true if it is assigned by `+=`.
type Made<'a> = (&'a str, &'a Expr, bool);

/// Returns every assignment of a pipeline.
pub(super) fn assignments(pipeline: &Pipeline) -> Vec<Made<'_>> {
    fn inside<'a>(body: &'a Body, found: &mut Vec<Made<'a>>) {
        for stmt in &body.stmts {
            match stmt {
                Stmt::Assign { name, value, .. } => found.push((&name.text, value, false)),
                Stmt::Append { name, value } => found.push((&name.text, value, true)),
                Stmt::Repeat { body, .. } => inside(body, found),
                Stmt::Climb { .. } | Stmt::Call { .. } => {}
            }
        }
    }
    let mut found = Vec::new();
    if let PipelineBody::Stmts(body) = &pipeline.body {
        inside(body, &mut found);
    }
    found
}

/// Returns the kind of value that an operation gives.
pub(super) fn flow(value: &Expr) -> Option<Flow> {
    super::path::tag(value).and_then(ops::find)?.gives
}

fn constant(value: &Constant) -> String {
    match value {
        Constant::Number(number) => number.value.to_string(),
        Constant::Bool(value) => value.to_string(),
        Constant::Text(text) => format!("{text:?}"),
    }
}

fn facts_of(fields: &[Field]) -> Vec<String> {
    fields.iter().map(|field| format!("`{}`: {}", text::field(field), field.doc)).collect()
}

/// Returns a declaration, its comment, and facts below.
fn card(declaration: &str, doc: &str, facts: &[String]) -> String {
    let mut text = format!("```pbpo\n{declaration}\n```\n");
    if !doc.is_empty() {
        text.push_str(&format!("\n{doc}\n"));
    }
    if !facts.is_empty() {
        text.push('\n');
    }
    for fact in facts {
        text.push_str(&format!("- {fact}\n"));
    }
    text
}
