//! Checks of declarations: fields against the schema, names, types, units, ranges.
//!
//! `declare.rs`: which names there are; `fields.rs`: fields and arguments against a table;
//! `value.rs`: one value against its type; `number.rs`: numbers and constant expressions;
//! `refs.rs`: references by name; `rules.rs`: what fields have to do with each other; `judges.rs`: those of judges.

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

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, Block, Body, ExprKind, Item, PipelineBody, Stmt};

pub use call::{Callee, as_call};
pub use declare::{duplicate, unknown_kind};
pub use fields::{Given, Owner};
pub use refs::unassigned;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Checked};
use crate::modules::{Entry, Project};
use crate::schema::{Kind, blocks};
use crate::scope::{Locals, Scope};

/// Where checks look names up, and where they say what they find.
pub struct Check<'a> {
    pub scope: &'a Scope,
    /// The variables, inside a pipeline.
    pub locals: Option<&'a Locals>,
    pub out: &'a mut Vec<Diagnostic>,
}

/// A checked program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub scope: Scope,
    pub blocks: BTreeMap<String, Arc<Checked>>,
    /// Pipelines of the main file that can be run, in its order.
    pub pipelines: Vec<Arc<Item>>,
    /// The blocks that mention each parameter.
    pub(crate) users: Arc<BTreeMap<String, BTreeSet<String>>>,
}

/// Checks everything but what is in pipelines and objectives.
pub fn program(project: &Project, entries: &[Entry], out: &mut Vec<Diagnostic>) -> Program {
    let scope = declare::scope(project, entries, out);
    let mut program = Program { scope, ..Program::default() };
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in entries {
        match &*entry.item {
            Item::Block(block) if !program.blocks.contains_key(&entry.global) => {
                program.check(&entry.global, block, out);
                mentions::block(&program.scope, block, &mut |param| {
                    users.entry(param.to_owned()).or_default().insert(entry.global.clone());
                });
            }
            Item::Pipeline(pipeline) if pipeline.formals.is_none() && entry.file == project.main => {
                program.pipelines.push(entry.item.clone());
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
    program
}

impl Program {
    fn check(&mut self, global: &str, block: &Block, out: &mut Vec<Diagnostic>) {
        let Some(kind) = Kind::parse(&block.kind.text) else { return };
        let mut check = Check { scope: &self.scope, locals: None, out };
        let args = check.block(kind, block);
        rules::block(kind, &args, &self.scope, check.out);
        self.blocks.insert(global.to_owned(), Arc::new(Checked { kind, name: block.name.span, args }));
    }

    /// The call that a pipeline is, if it is one.
    pub fn call(&self, pipeline: &str) -> Option<Span> {
        match &**self.scope.items.get(pipeline)? {
            Item::Pipeline(pipeline) => match &pipeline.body {
                PipelineBody::Call(call) => Some(call.span),
                PipelineBody::Stmts(_) => None,
            },
            _ => None,
        }
    }

    /// The program with other items in the place of some: only what they change is checked again.
    pub fn revised(&self, entries: &[Entry], changed: &BTreeSet<usize>, out: &mut Vec<Diagnostic>) -> Program {
        let mut program = self.clone();
        let mut again: BTreeSet<&str> = BTreeSet::new();
        let mut param = false;
        for entry in changed.iter().filter_map(|index| entries.get(*index)) {
            match &*entry.item {
                Item::Block(_) => {
                    again.insert(&entry.global);
                }
                Item::Param(_) => param = true,
                _ => {
                    program.scope.items.insert(entry.global.clone(), entry.item.clone());
                }
            }
        }
        if param {
            for entry in entries {
                let Item::Param(written) = &*entry.item else { continue };
                let before = self.scope.params.get(&entry.global).and_then(|param| param.value.clone());
                declare::declare_param(&mut program.scope, &entry.global, written, out);
                if program.scope.params.get(&entry.global).and_then(|param| param.value.clone()) != before {
                    again.extend(self.users.get(&entry.global).into_iter().flatten().map(String::as_str));
                }
            }
        }
        for entry in entries.iter().filter(|entry| again.contains(entry.global.as_str())) {
            if let Item::Block(block) = &*entry.item {
                program.check(&entry.global, block, out);
            }
        }
        program
    }
}

impl Check<'_> {
    /// The fields of a block.
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

    /// The fields of a body; says so of statements that are none.
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

    /// The arguments of a call; says so of an `over`, which belongs to objectives.
    pub(crate) fn given_args<'e>(&mut self, args: &'e [Arg], owner: &Owner) -> Vec<Given<'e>> {
        for over in args.iter().filter_map(|arg| arg.over.as_ref()) {
            self.out.push(
                Diagnostic::error(Code::WrongAxis, over.span, format!("{} does not reduce", owner.what))
                    .label("only `mean` and `sum` of an objective are over an axis"),
            );
        }
        args.iter().map(|arg| Given { name: arg.name.as_ref(), value: &arg.value }).collect()
    }

    /// `model` and `follows` in one block: one error, whatever else of a player is there.
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
            // What a follower needs may well be missing: that's the same mistake.
            if !given.iter().any(|given| given.is("update")) {
                given.clear();
            }
        }
    }

    fn neither_player_nor_follower(&mut self, block: &Block, given: &[Given<'_>]) {
        // A misspelt field says more than a missing one.
        let fields = blocks::fields(Kind::Policy);
        let known = |name: &str| fields.iter().chain(blocks::FOLLOWER).any(|field| field.name == name);
        let mut said = false;
        for name in given.iter().filter_map(|given| given.name).filter(|name| !known(&name.text)) {
            let all: Vec<&str> = fields.iter().map(|field| field.name).chain(["follows"]).collect();
            said |= crate::suggest::nearest(&name.text, ["model", "follows"]).is_some();
            self.out.push(
                Diagnostic::error(
                    Code::UnknownField,
                    name.span,
                    format!("policy `{}` has no field `{}`", block.name.text, name.text),
                )
                .suggest(&name.text, &all),
            );
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

/// Where a field of a body is named.
pub fn field_span(body: &Body, field: &str) -> Option<pbpo_grammar::Span> {
    body.stmts.iter().find_map(|stmt| match stmt {
        Stmt::Assign { name, .. } if name.text == field => Some(name.span),
        _ => None,
    })
}

/// What an expression is, for "found ...".
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

/// `a.b`
pub fn path_text(path: &[pbpo_grammar::ast::Ident]) -> String {
    path.iter().map(|ident| ident.text.as_str()).collect::<Vec<_>>().join(".")
}
