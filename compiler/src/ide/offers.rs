//! Lists of words to offer, with the details shown beside them.

use pbpo_grammar::FileId;
use pbpo_grammar::ast::{Formal, Item};

use super::complete::{Completion, CompletionKind};
use super::{Ide, hover, text};
use crate::lints::{ALL, LINTS};
use crate::modules::join;
use crate::schema::functions::{self, Arg};
use crate::schema::{Field, Flow, Form, Kind, Ty, ops};
use crate::{stdlib, units};

/// The types of parameters of definitions, besides kinds of blocks.
const TYPES: [&str; 8] = ["int", "float", "rollouts", "preferences", "batch", "value", "policy", "data"];

/// A collection of words to offer at a place.
pub(super) struct Offers<'a> {
    pub ide: &'a Ide,
    pub file: FileId,
    /// The item around the place.
    item: Option<&'a Item>,
    found: Vec<Completion>,
}

impl<'a> Offers<'a> {
    pub fn new(ide: &'a Ide, file: FileId, item: Option<&'a Item>) -> Self {
        Self { ide, file, item, found: Vec::new() }
    }

    /// Returns the collected words, each once, without fields that are already given.
    pub fn done(self, given: &[&str]) -> Vec<Completion> {
        let mut found: Vec<Completion> = Vec::new();
        for offer in self.found {
            let again = found.iter().any(|other| other.label == offer.label);
            let repeats = offer.kind == CompletionKind::Field && given.contains(&offer.label.as_str());
            if !again && !repeats {
                found.push(offer);
            }
        }
        found
    }

    fn add(&mut self, label: &str, kind: CompletionKind, detail: impl Into<String>, doc: &str) {
        self.found.push(Completion { label: label.into(), kind, detail: detail.into(), doc: doc.into() });
    }

    pub fn keywords(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.add(word, CompletionKind::Keyword, "", ""));
    }

    pub fn types(&mut self) {
        self.keywords(&TYPES);
        self.keywords(&Kind::ALL.map(Kind::word));
    }

    pub fn field(&mut self, field: &Field) {
        self.add(field.name, CompletionKind::Field, text::field(field), field.doc);
    }

    pub fn formals(&mut self, item: &Item) {
        text::formals(item).iter().for_each(|formal| self.formal(formal, CompletionKind::Field));
    }

    fn formal(&mut self, formal: &Formal, kind: CompletionKind) {
        let detail = text::squeeze(self.ide.sources.text(formal.span));
        self.add(&formal.name.text, kind, detail, &formal.doc);
    }

    /// Offers declarations that the file sees.
    pub fn named(&mut self, wanted: impl Fn(&Item) -> bool) {
        let ide = self.ide;
        for (name, global) in ide.project.views.in_file(self.file) {
            if let Some(entry) = ide.entry(global).filter(|entry| wanted(&entry.item)) {
                self.add(name, CompletionKind::Name, text::item(&entry.item, &ide.sources), entry.item.doc());
            }
        }
    }

    /// Offers parameters of the surrounding definition that have one of these types.
    fn own(&mut self, types: &[&str]) {
        let Some(item) = self.item else { return };
        for formal in text::formals(item) {
            if formal.ty.words.iter().any(|word| types.contains(&word.text.as_str())) {
                self.formal(formal, CompletionKind::Variable);
            }
        }
    }

    /// Offers blocks of a kind.
    pub fn blocks(&mut self, kind: Kind) {
        self.own(&[kind.word()]);
        self.named(|item| matches!(item, Item::Block(block) if block.kind.text == kind.word()));
    }

    /// Offers parameters that hold numbers.
    pub fn params(&mut self) {
        self.own(&["int", "float"]);
        self.named(|item| matches!(item, Item::Param(param) if matches!(param.ty.text.as_str(), "int" | "float")));
    }

    /// Offers the initial weights of policies with a network, as `pi.init`.
    pub fn initialised(&mut self) {
        let ide = self.ide;
        for (name, global) in ide.project.views.in_file(self.file) {
            if let Some(Item::Block(block)) = ide.entry(global).map(|entry| &*entry.item)
                && block.kind.text == Kind::Policy.word()
                && crate::check::field_span(&block.body, "follows").is_none()
            {
                self.add(&format!("{name}.init"), CompletionKind::Value, "the initial weights", "");
            }
        }
    }

    /// Offers scores, as `digits.score`.
    pub fn scores(&mut self) {
        for task in crate::schema::tasks() {
            self.add(&format!("{}.score", task.name), CompletionKind::Value, "the score of a response", "");
        }
    }

    /// Offers the alternatives of a choice.
    pub fn alternatives(&mut self, ty: Ty) {
        for variant in ty.alternatives().unwrap_or_default() {
            let kind = if variant.form == Form::Call { CompletionKind::Function } else { CompletionKind::Value };
            self.add(variant.name, kind, text::variant(variant), variant.doc);
        }
    }

    /// Offers units that a number of a field may carry.
    pub fn unit(&mut self, field: Option<&Field>) {
        let ty = field.map(|field| if let Ty::OrNone(ty) = field.ty { *ty } else { field.ty });
        let (Some(Ty::Int(Some(unit), _)) | Some(Ty::Float(Some(unit), _))) = ty else {
            return;
        };
        for (name, ..) in units::UNITS.iter().filter(|(_, other, _)| *other == unit) {
            self.add(name, CompletionKind::Unit, "", "");
        }
    }

    /// Offers variables of the surrounding pipeline, and parameters that stand for variables.
    pub fn variables(&mut self, wanted: impl Fn(Flow) -> bool) {
        if let Some(Item::Pipeline(pipeline)) = self.item {
            for (name, value, _) in hover::assignments(pipeline) {
                if let Some(flow) = hover::flow(value).filter(|flow| wanted(*flow)) {
                    self.add(name, CompletionKind::Variable, text::ty(Ty::Value(flow)), "");
                }
            }
        }
        if wanted(Flow::Rollouts) {
            self.own(&["rollouts", "batch"]);
        }
        if wanted(Flow::Preferences) {
            self.own(&["preferences"]);
        }
    }

    /// Offers operations: those whose result is assigned, or those without a result.
    pub fn ops(&mut self, assigned: bool) {
        for schema in ops::all().iter().filter(|schema| schema.gives.is_some() == assigned) {
            self.add(schema.name, CompletionKind::Function, text::op(schema), schema.doc);
        }
    }

    /// Offers the parts of an objective.
    pub fn expression(&mut self) {
        for schema in functions::all() {
            self.add(schema.name, CompletionKind::Function, text::function(schema), schema.doc);
        }
        self.named(|item| matches!(item, Item::Objective(_)));
        self.own(&["value"]);
        self.params();
        self.blocks(Kind::RewardModel);
    }

    /// Offers the next argument of a call.
    pub fn call(&mut self, callee: &str, place: usize) {
        let ide = self.ide;
        if let Some(entry) = ide.seen(self.file, callee) {
            match &*entry.item {
                Item::Block(block) if block.kind.text == Kind::Constraint.word() => {
                    self.variables(|flow| flow == Flow::Preferences);
                }
                Item::Block(_) => self.variables(|flow| flow == Flow::Rollouts),
                item => {
                    if let Some(formal) = text::formals(item).get(place) {
                        self.of_type(formal);
                    }
                    self.formals(item);
                }
            }
            return;
        }
        match functions::find(callee).and_then(|schema| schema.args.get(place)) {
            Some(Arg::Block(kind)) => self.blocks(*kind),
            Some(Arg::Batch) => {
                self.variables(|flow| flow == Flow::Rollouts);
                for side in ["chosen", "rejected"].iter().filter_map(|name| functions::find(name)) {
                    self.add(side.name, CompletionKind::Function, text::function(side), side.doc);
                }
            }
            Some(Arg::Preferences) => self.variables(|flow| flow == Flow::Preferences),
            Some(Arg::Number) => self.params(),
            Some(Arg::Value) | None => self.expression(),
        }
    }

    /// Offers the value of a named argument of a call.
    pub fn named_argument(&mut self, callee: &str, name: &str) {
        let item = self.ide.seen(self.file, callee).map(|entry| &*entry.item);
        if let Some(formal) = item.and_then(|item| text::formals(item).iter().find(|formal| formal.name.text == name)) {
            self.of_type(formal);
        }
    }

    /// Offers values for a parameter.
    fn of_type(&mut self, formal: &Formal) {
        for word in &formal.ty.words {
            match (word.text.as_str(), Kind::parse(&word.text)) {
                (_, Some(kind)) => self.blocks(kind),
                ("int" | "float", _) => self.params(),
                ("rollouts" | "batch", _) => self.variables(|flow| flow == Flow::Rollouts),
                ("preferences", _) => self.variables(|flow| flow == Flow::Preferences),
                _ => self.expression(),
            }
        }
    }

    /// Offers modules of the standard library, without a prefix that is already typed.
    pub fn modules(&mut self, prefix: &str) {
        for (name, _) in stdlib::MODULES {
            if let Some(rest) = name.strip_prefix(prefix) {
                self.add(rest, CompletionKind::Module, "", "");
            }
        }
    }

    /// Offers the declarations of a module or a file. `path` is as written, with the quotes of a file.
    pub fn exports(&mut self, path: &str) {
        let ide = self.ide;
        let name = match path.strip_prefix('"').and_then(|path| path.strip_suffix('"')) {
            Some(path) => ide.sources.get(self.file).and_then(|file| join(&file.name, path).ok()),
            None => Some(path.to_owned()),
        };
        let Some(name) = name else { return };
        // If the module is not imported yet, or its import cannot be read, only the text of a library module is
        // available.
        let known =
            (0..).map(FileId).map_while(|id| Some((id, ide.sources.get(id)?))).find(|(_, file)| file.name == name);
        let text = known.map(|(_, file)| &*file.text).or_else(|| stdlib::text(&name));
        let Some(text) = text else { return };
        for item in pbpo_grammar::parse(FileId::default(), text).items {
            if let Some(word) = item.name() {
                let detail = format!("{} {}", text::kind_word(&item), word.text);
                self.add(&word.text, CompletionKind::Field, detail, item.doc());
            }
        }
    }

    pub fn lints(&mut self) {
        for lint in LINTS {
            self.add(lint.name, CompletionKind::Value, format!("lint {}", lint.code.text()), lint.doc);
        }
        self.add(ALL, CompletionKind::Value, "every lint", "");
    }
}
