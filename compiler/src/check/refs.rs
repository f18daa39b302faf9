//! References by name to blocks, parts of blocks, and variables.

use pbpo_grammar::ast::{Expr, ExprKind, Ident};

use super::{Check, path_text};
use crate::code::Code;
use crate::diagnostic::{DECLARED_NOWHERE, Diagnostic};
use crate::schema::{Flow, Kind, scored, tasks};
use crate::scope::Locals;
use crate::suggest;

impl Check<'_> {
    /// Returns the name of a block of a kind.
    pub fn block_ref(&mut self, kind: Kind, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Path(path) => match path.as_slice() {
                [name] => self.named_block(kind, name),
                [name, ..] => {
                    let help = self.scope.peek(name).is_some().then(|| format!("write `{}`", name.text));
                    self.wrong_type(expr, kind.noun(), help)
                }
                [] => None,
            },
            _ => self.wrong_type(expr, kind.noun(), None),
        }
    }

    /// Returns the global name of a block of this kind; reports an error if there is none.
    pub fn named_block(&mut self, kind: Kind, name: &Ident) -> Option<String> {
        let text = &name.text;
        if let Some((global, decl)) = self.scope.block(name) {
            let found = decl.kind?;
            if found == kind {
                return Some(global.to_owned());
            }
            let few = || {
                let near = self.scope.of_kind(kind, name.span.file);
                (!near.is_empty() && near.len() <= 8).then(|| format!("write {}", suggest::one_of(&near)))
            };
            let help = suggest::worth(self.out.len()).then(few).flatten();
            self.out.push(
                Diagnostic::error(
                    Code::WrongKind,
                    name.span,
                    format!("expected {}, found {}", kind.noun(), found.noun()),
                )
                .label(format!("`{text}` is {}", found.noun()))
                .also(decl.name, "declared here")
                .maybe_help(help),
            );
        } else if let Some(param) = self.scope.param(name) {
            self.out.push(
                Diagnostic::error(Code::WrongKind, name.span, format!("expected {}, found a parameter", kind.noun()))
                    .label(format!("`{text}` is a parameter"))
                    .also(param.name, "declared here"),
            );
        } else if let Some(local) = self.locals.and_then(|locals| locals.get(text)) {
            if let Some(flow) = local.flow {
                self.out.push(
                    Diagnostic::error(
                        Code::WrongKind,
                        name.span,
                        format!("expected {}, found {}", kind.noun(), flow.noun()),
                    )
                    .label(format!("`{text}` is {}", flow.noun()))
                    .also(local.span, "assigned here"),
                );
            }
        } else {
            self.unknown_block(&[kind], name);
        }
        None
    }

    /// Reports that a name is not a block of these kinds. If no known name is similar, a declaration is probably
    /// missing, and it is reported once, however often the name is used.
    pub fn unknown_block(&mut self, kinds: &[Kind], name: &Ident) {
        let text = &name.text;
        if self.scope.doubtful.contains(text) || self.scope.missing.contains(text) {
            return;
        }
        let worth = suggest::worth(self.out.len());
        let known = || kinds.iter().flat_map(|kind| self.scope.of_kind(*kind, name.span.file)).collect();
        let known: Vec<&str> = if worth { known() } else { Vec::new() };
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        let near = suggest::nearest(text, known.iter().copied());
        // After many findings similar names are not looked up, so each use may be a typo of its own and is reported.
        if near.is_none() && worth {
            self.scope.missing.add(text);
        }
        let declare: Vec<String> = words.iter().map(|word| format!("`{word} {text} {{ ... }}`")).collect();
        let declare = suggest::join(&declare, "or");
        let help = match near {
            Some(word) => format!("did you mean `{word}`?"),
            None if text == "none" && !known.is_empty() => format!("write {}", suggest::one_of(&known)),
            None if known.is_empty() || known.len() > 8 => format!("declare it: {declare}"),
            None => format!("write {}, or declare {declare}", suggest::one_of(&known)),
        };
        let message = format!("no {} is called `{text}`", words.join(" or "));
        self.out.push(Diagnostic::error(Code::UnknownName, name.span, message).label(DECLARED_NOWHERE).help(help));
    }

    /// Returns the name of a block of either kind; any other value is checked as the first kind.
    pub(super) fn either_ref(&mut self, one: Kind, other: Kind, expr: &Expr) -> Option<String> {
        let found = match &expr.kind {
            ExprKind::Path(path) => path.first().and_then(|name| self.scope.peek(name)),
            _ => None,
        };
        let kind = if found.is_some_and(|decl| decl.kind == Some(other)) { other } else { one };
        self.block_ref(kind, expr)
    }

    /// Checks a reference `POLICY.init`.
    pub(super) fn init_ref(&mut self, expr: &Expr) -> Option<String> {
        let path = match &expr.kind {
            ExprKind::Path(path) => path.as_slice(),
            _ => &[],
        };
        let expected = "initial weights";
        match path {
            [policy] | [policy, _] if self.follower(policy) || init(path) => {
                let global = self.named_block(Kind::Policy, policy)?;
                let follows = self.scope.blocks.get(&global).and_then(|decl| decl.follows);
                if let Some(follows) = follows {
                    self.out.push(
                        Diagnostic::error(
                            Code::FollowsFollower,
                            expr.span,
                            format!("`{}` has no `init` of its own", policy.text),
                        )
                        .label("a follower")
                        .also(follows, format!("`{}` follows another policy", policy.text))
                        .help("write `POLICY.init` with the policy that it follows"),
                    );
                    return None;
                }
                Some(global)
            }
            [policy] | [policy, _] if self.scope.peek(policy).is_some_and(|decl| decl.kind == Some(Kind::Policy)) => {
                self.wrong_type(expr, expected, Some(format!("write `{}.init`", policy.text)))
            }
            [name] | [name, _] if self.scope.peek(name).is_none() => {
                self.named_block(Kind::Policy, name);
                None
            }
            _ => self.wrong_type(expr, expected, Some("write `POLICY.init` or `hf(\"ORG/NAME\")`".into())),
        }
    }

    /// Tells whether a word is a policy that follows another.
    fn follower(&self, policy: &Ident) -> bool {
        self.scope.peek(policy).is_some_and(|decl| decl.follows.is_some())
    }

    /// Checks a reference `TASK.score`, or `WORLD.score`, which is the true reward of a world.
    pub(super) fn score_ref(&mut self, expr: &Expr) -> Option<String> {
        let names = scored();
        let path = match &expr.kind {
            ExprKind::Path(path) => path.as_slice(),
            _ => &[],
        };
        match path {
            [world, part] if part.text == "score" && self.is_world(world) => self.named_block(Kind::World, world),
            [task, ..] if self.makes_no_score(task) => {
                let help = "write `by = verifier`, and a `check` in the data block";
                self.wrong_type(expr, "the score of a task", Some(help.into()))
            }
            [task, part] if part.text == "score" => {
                let name = self.scope.task(task);
                if names.contains(&name) {
                    return Some(name.to_owned());
                }
                let error =
                    Diagnostic::error(Code::UnknownName, task.span, format!("no task is called `{}`", task.text))
                        .label("unknown task")
                        .suggest(self.out.len(), &task.text, || names.to_vec());
                self.out.push(error);
                None
            }
            [task, ..] if names.contains(&self.scope.task(task)) => {
                self.wrong_type(expr, "a score", Some(format!("write `{}.score`", task.text)))
            }
            _ => {
                let help = names.first().map(|name| format!("write `{name}.score`"));
                self.wrong_type(expr, "the score of a task", help)
            }
        }
    }

    /// Tells whether a word is a source of data without a score: a file.
    fn makes_no_score(&self, task: &Ident) -> bool {
        let name = self.scope.task(task);
        tasks().iter().any(|task| task.name == name) && !scored().contains(&name)
    }

    fn is_world(&self, name: &Ident) -> bool {
        self.scope.peek(name).is_some_and(|decl| decl.kind == Some(Kind::World))
    }

    /// Returns a variable that holds rollouts, preferences or a report.
    pub fn local_ref(&mut self, flow: Flow, expr: &Expr) -> Option<String> {
        let ExprKind::Path(path) = &expr.kind else {
            let help = Some(format!("assign it to a name first, and write the name: `x = {}`", "..."));
            return self.wrong_type(expr, flow.noun(), help);
        };
        let [name] = path.as_slice() else { return self.wrong_type(expr, flow.noun(), None) };
        let text = &name.text;
        if let Some(local) = self.locals.and_then(|locals| locals.get(text)) {
            match local.flow {
                None => return None,
                Some(found) if found == flow => return Some(text.clone()),
                Some(found) => self.out.push(
                    Diagnostic::error(
                        Code::WrongKind,
                        name.span,
                        format!("expected {}, found {}", flow.noun(), found.noun()),
                    )
                    .label(format!("`{text}` is {}", found.noun()))
                    .also(local.span, "assigned here"),
                ),
            }
        } else if let Some((_, decl)) = self.scope.block(name) {
            if let Some(kind) = decl.kind {
                self.out.push(
                    Diagnostic::error(
                        Code::WrongKind,
                        name.span,
                        format!("expected {}, found {}", flow.noun(), kind.noun()),
                    )
                    .label(format!("`{text}` is {}", kind.noun()))
                    .also(decl.name, "declared here"),
                );
            }
        } else if let Some(param) = self.scope.param(name) {
            self.out.push(
                Diagnostic::error(Code::WrongKind, name.span, format!("expected {}, found a parameter", flow.noun()))
                    .label(format!("`{text}` is a parameter"))
                    .also(param.name, "declared here"),
            );
        } else if let Some(error) = self.locals.and_then(|locals| unassigned(locals, name)) {
            self.out.push(error);
        } else if !self.scope.doubtful.contains(text) {
            let near = || self.locals.map(|locals| locals.of_flow(flow)).unwrap_or_default();
            let error = Diagnostic::error(Code::UnknownName, name.span, format!("nothing is called `{text}`"))
                .label(format!("{} belong here", flow.noun()))
                .suggest(self.out.len(), text, near);
            self.out.push(error);
        }
        None
    }
}

/// Tells whether a path is `POLICY.init`.
fn init(path: &[Ident]) -> bool {
    matches!(path, [_, part] if part.text == "init")
}

/// Makes the error for a variable that is read before it has a value; `None` if the name is not a variable.
pub fn unassigned(locals: &Locals, name: &Ident) -> Option<Diagnostic> {
    let assigned = *locals.assigned.get(&name.text)?;
    let error = Diagnostic::error(Code::UseBeforeAssignment, name.span, format!("`{}` has no value here", name.text));
    Some(if assigned.start > name.span.start {
        error.label("read here").also(assigned, "assigned only here").help("move the assignment above its use")
    } else {
        error
            .label("read here")
            .also(assigned, "assigned here, inside a repeat that has ended")
            .help(format!("assign `{}` before the repeat too", path_text(std::slice::from_ref(name))))
    })
}
