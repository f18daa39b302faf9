//! Checks of declarations: fields against the schema, names, types, units, ranges.
//!
//! `declare.rs`: the declared names; `fields.rs`: fields and arguments against a table; `value.rs`: one value against
//! its type; `number.rs`: numbers and constant expressions; `refs.rs`: references by name; `rules.rs`: relations
//! between fields; `judges.rs`: settings of judges.

mod call;
mod declare;
mod fields;
mod judges;
mod mentions;
pub mod number;
mod refs;
mod rules;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use pbpo_grammar::ast::{Arg, Block, Body, ExprKind, Item, PipelineBody, Stmt};
use pbpo_grammar::{FileId, Span};

pub use call::{Callee, as_call};
pub use declare::{duplicate, unknown_kind};
pub use fields::{Given, Owner};
pub use refs::unassigned;
pub use value::control_character;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Checked};
use crate::layered::Layered;
use crate::modules::{Entries, Project};
use crate::schema::{Kind, blocks};
use crate::scope::{Locals, Scope};

/// The state of checks: names to look up, and findings.
pub struct Check<'a> {
    pub scope: &'a Scope,
    /// The variables, if inside a pipeline.
    pub locals: Option<&'a Locals>,
    pub out: &'a mut Vec<Diagnostic>,
}

/// A checked program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub scope: Scope,
    pub blocks: Layered<Arc<Checked>>,
    /// Pipelines of the main file that can be run, in its order.
    pub pipelines: Arc<Vec<Arc<Item>>>,
    /// The parameters that each file sees, as the local and the global name.
    pub(crate) params: Arc<BTreeMap<FileId, Vec<(String, String)>>>,
    /// The declarations that mention each parameter, by their indices among the entries.
    users: Arc<BTreeMap<String, BTreeSet<usize>>>,
}

/// Checks all declarations, but not the insides of pipelines and objectives.
pub fn program(project: &Project, out: &mut Vec<Diagnostic>) -> Program {
    let scope = declare::scope(project, &project.entries, out);
    let mut program = Program { scope, ..Program::default() };
    let mut users: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut pipelines = Vec::new();
    for (index, entry) in project.entries.iter().enumerate() {
        let mut user = |param: &str| {
            users.entry(param.to_owned()).or_default().insert(index);
        };
        match &*entry.item {
            Item::Param(param) => mentions::param(&program.scope, param, &mut user),
            Item::Block(block) if !program.blocks.contains_key(&entry.global) => {
                program.check(&entry.global, block, out);
                mentions::block(&program.scope, block, &mut user);
            }
            Item::Pipeline(pipeline) if pipeline.formals.is_none() && entry.file == project.main => {
                pipelines.push(entry.item.clone());
            }
            Item::Extern(item) if !entry.std => out.push(
                Diagnostic::error(Code::ExternOutside, item.span, "`extern` belongs to the standard library")
                    .label("the runtime knows no more than is declared there")
                    .help("write `objective NAME(...) = ...` or `pipeline NAME(...) { ... }`"),
            ),
            _ => {}
        }
    }
    program.users = Arc::new(users);
    program.pipelines = Arc::new(pipelines);
    program.params = Arc::new(seen_params(project, &program.scope));
    program
}

/// Returns the parameters that each file sees.
fn seen_params(project: &Project, scope: &Scope) -> BTreeMap<FileId, Vec<(String, String)>> {
    let seen = |file: FileId| -> Vec<(String, String)> {
        let view = project.views.in_file(file).iter().filter(|(_, global)| scope.params.contains_key(global));
        view.map(|(name, global)| (name.clone(), global.clone())).collect()
    };
    project.files.iter().map(|(file, _)| (*file, seen(*file))).collect()
}

impl Program {
    fn check(&mut self, global: &str, block: &Block, out: &mut Vec<Diagnostic>) {
        let Some(kind) = Kind::parse(&block.kind.text) else { return };
        let mut check = Check { scope: &self.scope, locals: None, out };
        let args = check.block(kind, block);
        rules::block(kind, &args, &self.scope, check.out);
        self.blocks.insert(global.to_owned(), Arc::new(Checked { kind, name: block.name.span, args }));
    }

    /// Prepares for many cheap copies.
    pub fn share(&mut self) {
        self.blocks.share();
        self.scope.share();
    }

    /// Returns the call of a pipeline that is written as a call.
    pub fn call(&self, pipeline: &str) -> Option<Span> {
        match &**self.scope.items.get(pipeline)? {
            Item::Pipeline(pipeline) => match &pipeline.body {
                PipelineBody::Call(call) => Some(call.span),
                PipelineBody::Stmts(_) => None,
            },
            _ => None,
        }
    }

    /// Returns the program with some items replaced; only the affected declarations are checked again.
    pub fn revised(&self, entries: &Entries<'_>, changed: &BTreeSet<usize>, out: &mut Vec<Diagnostic>) -> Program {
        let mut program = self.clone();
        let mut blocks: BTreeSet<usize> = BTreeSet::new();
        let mut params: BTreeSet<usize> = BTreeSet::new();
        for index in changed {
            let Some((entry, item)) = entries.get(*index) else { continue };
            match &**item {
                Item::Block(_) => {
                    blocks.insert(*index);
                }
                Item::Param(_) => {
                    params.insert(*index);
                }
                _ => {
                    program.scope.items.insert(entry.global.clone(), item.clone());
                }
            }
        }
        // Parameters are processed in the order of the file, because each may use those above it.
        while let Some(index) = params.pop_first() {
            let Some((entry, item)) = entries.get(index) else { continue };
            let Item::Param(written) = &**item else { continue };
            let value =
                |program: &Program| program.scope.params.get(&entry.global).and_then(|param| param.value.clone());
            let before = value(self);
            declare::declare_param(&mut program.scope, &entry.global, written, out);
            if value(&program) == before {
                continue;
            }
            for user in self.users.get(&entry.global).into_iter().flatten() {
                match entries.at(*user).map(|item| &**item) {
                    Some(Item::Block(_)) => {
                        blocks.insert(*user);
                    }
                    Some(Item::Param(_)) if *user > index => {
                        params.insert(*user);
                    }
                    _ => {}
                }
            }
        }
        for index in blocks {
            if let Some((entry, item)) = entries.get(index)
                && let Item::Block(block) = &**item
            {
                program.check(&entry.global, block, out);
            }
        }
        program
    }
}

impl Check<'_> {
    /// Checks the fields of a block and returns them.
    fn block(&mut self, kind: Kind, block: &Block) -> Args {
        let name = &block.name.text;
        let follower = kind == Kind::Policy && field_span(&block.body, "follows").is_some();
        let form = blocks::form(kind, |field| field_span(&block.body, field).is_some());
        let (fields, what) = (form.fields, format!("{} `{name}`", form.noun));
        let owner = Owner { what, noun: "field", declared: block.kind.span.to(block.name.span) };
        let mut given = self.given(&block.body, &owner);
        if follower {
            self.player_and_follower(block, &mut given);
        } else if kind == Kind::Policy && form.mark.is_none() && !given.iter().any(|given| given.is("model")) {
            self.neither_player_nor_follower(block, &given);
            given.retain(|given| given.is("\0"));
            return Args::default();
        }
        self.fields(&owner, fields, &given)
    }

    /// Returns the fields of a body; reports statements that are not fields.
    pub(crate) fn given<'e>(&mut self, body: &'e Body, owner: &Owner) -> Vec<Given<'e>> {
        let mut given = Vec::new();
        for stmt in &body.stmts {
            match stmt {
                Stmt::Assign { name, value, .. } => given.push(Given { name: Some(name), value }),
                Stmt::Append { name, .. } => self.out.push(
                    Diagnostic::error(Code::MisplacedStatement, name.span, format!("`+=` in {}", owner.what))
                        .label("a field is given once, with `=`")
                        .help(format!("write `{} = ...`", name.text)),
                ),
                Stmt::Repeat { keyword: at, .. }
                | Stmt::Climb { keyword: at, .. }
                | Stmt::Call { call: pbpo_grammar::ast::Expr { span: at, .. } } => self.out.push(
                    Diagnostic::error(Code::MisplacedStatement, *at, format!("a statement in {}", owner.what))
                        .label("only fields (`name = value`) belong here")
                        .help("move it into a `pipeline` block"),
                ),
            }
        }
        given
    }

    /// Returns the arguments of a call; reports an `over`, which is only for objectives.
    pub(crate) fn given_args<'e>(&mut self, args: &'e [Arg], owner: &Owner) -> Vec<Given<'e>> {
        for over in args.iter().filter_map(|arg| arg.over.as_ref()) {
            self.out.push(
                Diagnostic::error(Code::WrongAxis, over.span, format!("{} does not reduce", owner.what))
                    .label("only `mean` and `sum` of an objective are over an axis"),
            );
        }
        args.iter().map(|arg| Given { name: arg.name.as_ref(), value: &arg.value }).collect()
    }

    /// Reports `model` and `follows` in one block as one error, whatever other fields are there.
    fn player_and_follower(&mut self, block: &Block, given: &mut Vec<Given<'_>>) {
        let name = &block.name.text;
        let model = field_span(&block.body, "model");
        if let (Some(model), Some(follows)) = (model, field_span(&block.body, "follows")) {
            self.out.push(
                Diagnostic::error(Code::PlayerAndFollower, model, format!("`{name}` has a model and follows a policy"))
                    .label("a model of its own")
                    .also(follows, "a copy of another policy")
                    .help("remove `follows` (a player) or `model` (a follower)"),
            );
            let player = |given: &Given<'_>| blocks::fields(Kind::Policy).iter().any(|field| given.is(field.name));
            given.retain(|given| !player(given));
            // Missing fields of a follower are part of the same mistake.
            if !given.iter().any(|given| given.is("update")) {
                given.clear();
            }
        }
    }

    fn neither_player_nor_follower(&mut self, block: &Block, given: &[Given<'_>]) {
        // A misspelt field is reported instead of a missing one.
        let fields = blocks::fields(Kind::Policy);
        let known = |name: &str| fields.iter().chain(blocks::FOLLOWER).any(|field| field.name == name);
        let mut said = false;
        for name in given.iter().filter_map(|given| given.name).filter(|name| !known(&name.text)) {
            let all = || fields.iter().map(|field| field.name).chain(["follows"]).collect();
            said |= crate::suggest::nearest(&name.text, ["model", "follows"]).is_some();
            let message = format!("policy `{}` has no field `{}`", block.name.text, name.text);
            let error = Diagnostic::error(Code::UnknownField, name.span, message);
            self.out.push(error.suggest(self.out.len(), &name.text, all));
        }
        if !said {
            self.out.push(
                Diagnostic::error(
                    Code::MissingField,
                    block.name.span,
                    format!("policy `{}` needs a `model`", block.name.text),
                )
                .help(
                    "add `model = llama { ... }`, `follows = POLICY` for a copy of another policy, or `world = WORLD`",
                ),
            );
        }
    }
}

/// Returns the place where a field of a body is named.
pub fn field_span(body: &Body, field: &str) -> Option<pbpo_grammar::Span> {
    body.stmts.iter().find_map(|stmt| match stmt {
        Stmt::Assign { name, .. } if name.text == field => Some(name.span),
        _ => None,
    })
}

/// Describes an expression, for "found ...".
pub fn describe(kind: &ExprKind) -> String {
    match kind {
        ExprKind::Number(number) if number.whole => "a whole number".into(),
        ExprKind::Number(_) => "a number with a fraction".into(),
        ExprKind::Text(_) => "a text".into(),
        ExprKind::Bool(value) => format!("`{value}`"),
        ExprKind::Path(path) => format!("`{}`", path_text(path)),
        ExprKind::Call { callee, .. } => format!("a call of `{}`", path_text(callee)),
        ExprKind::Record { tag: Some(tag), .. } => format!("a record `{}`", tag.text),
        ExprKind::Record { tag: None, .. } => "a record".into(),
        ExprKind::List(_) => "a list".into(),
        ExprKind::Neg(_) | ExprKind::Not(_) | ExprKind::Binary { .. } => "an expression".into(),
        ExprKind::Error => "something unreadable".into(),
    }
}

/// Returns a path as text, as `a.b`.
pub fn path_text(path: &[pbpo_grammar::ast::Ident]) -> String {
    path.iter().map(|ident| ident.text.as_str()).collect::<Vec<_>>().join(".")
}
