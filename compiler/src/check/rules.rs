//! Relations between the fields of one block.

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;
use crate::schema::{DIGITS, Kind, scored};
use crate::scope::Scope;

/// Checks the rules of a block whose fields all have the right type.
pub fn block(kind: Kind, args: &Args, scope: &Scope, out: &mut Vec<Diagnostic>) {
    match kind {
        Kind::Policy => {
            follows_a_player(args, scope, out);
            if let Some(model) = args.choice("model") {
                divides(&model.args, "heads", "width", out);
                divides(&model.args, "kv_heads", "heads", out);
                if model.name != "hf" {
                    needs_a_checkpoint(args, out);
                }
            }
        }
        Kind::Oracle => {
            if let Some(by) = args.choice("by") {
                super::judges::rules(by, out);
            }
        }
        Kind::Data => {
            if let Some(source) = args.choice("source").filter(|source| source.name == "digits") {
                there_are_so_many(&source.args, out);
            }
            check_of_a_task(args, out);
            has_the_group(args, out);
        }
        Kind::RewardModel
        | Kind::Features
        | Kind::Exploration
        | Kind::Constraint
        | Kind::World
        | Kind::Pipeline
        | Kind::Objective
        | Kind::Variant
        | Kind::Sweep
        | Kind::Op => {}
    }
}

/// Checks that `digits` has enough prompts of a length: those of `test` are distinct, and a split may be empty.
fn there_are_so_many(args: &Args, out: &mut Vec<Diagnostic>) {
    let (Some(split), Some(count), Some(length)) = (args.word("split"), args.int("count"), args.int("length")) else {
        return;
    };
    let row = ["train", "prompts", "test"].iter().position(|word| *word == split);
    let of_split = row.and_then(|row| DIGITS.get(row)?.get(usize::try_from(length).ok()?.checked_sub(2)?));
    let (Some(there), Some(at)) = (of_split.copied(), args.span("count")) else { return };
    let needed = if split == "test" { u64::try_from(count).unwrap_or(0) } else { 1 };
    if there >= needed {
        return;
    }
    let help =
        if there == 0 { "raise `length`".to_owned() } else { format!("write `count = {there}`, or raise `length`") };
    let message = format!("`digits` has {there} different prompts of {length} digits in `{split}`");
    let error = Diagnostic::error(Code::OutOfRange, at, message).label(format!("{count} different ones are asked for"));
    out.push(match args.span("length") {
        Some(length) if length != at => error.also(length, "so many digits").help(help),
        _ => error.help(help),
    });
}

/// Checks that a task with a score has no other `check`.
fn check_of_a_task(args: &Args, out: &mut Vec<Diagnostic>) {
    let (Some(source), Some(_)) = (args.word("source").filter(|name| scored().contains(name)), args.choice("check"))
    else {
        return;
    };
    let Some(at) = args.span("check") else { return };
    let error = Diagnostic::error(Code::UnknownField, at, format!("`{source}` has a check of its own"))
        .label("no other is used")
        .help("leave out `check`: it is for rows of files");
    out.push(match args.span("source") {
        Some(source) => error.also(source, "the task"),
        None => error,
    });
}

/// Checks that a pattern has the group that is compared. The runtime counts groups exactly; here each `(` is taken for one,
/// so that no good pattern is refused.
fn has_the_group(args: &Args, out: &mut Vec<Diagnostic>) {
    let Some(regex) = args.choice("check").filter(|check| check.name == "regex") else { return };
    let (Some(pattern), Some(group)) = (regex.args.text("pattern"), regex.args.int("group")) else { return };
    let most = pattern.matches('(').count();
    if i64::try_from(most).is_ok_and(|most| group > most)
        && let Some(at) = regex.args.span("pattern")
    {
        let message = format!("`group` is {group}, and the pattern has {most} groups at most");
        out.push(
            Diagnostic::error(Code::OutOfRange, at, message)
                .label("a group is a part in parentheses")
                .help("put what is compared in parentheses, or write `group = 0` for the whole match"),
        );
    }
}

/// Checks that a follower follows a policy with a model.
fn follows_a_player(args: &Args, scope: &Scope, out: &mut Vec<Diagnostic>) {
    let (Some(leader), Some(at)) = (args.name("follows"), args.span("follows")) else { return };
    if let Some(other) = scope.blocks.get(leader).and_then(|decl| decl.follows) {
        out.push(
            Diagnostic::error(Code::FollowsFollower, at, format!("`{leader}` is a follower itself"))
                .label("a policy with a `model` belongs here")
                .also(other, format!("`{leader}` follows another policy")),
        );
    }
}

/// Checks that frozen weights and adapters are used only with a checkpoint: random weights must be trained.
fn needs_a_checkpoint(args: &Args, out: &mut Vec<Diagnostic>) {
    let pretrained = (args.word("init") == Some("pretrained")).then(|| ("init = pretrained", args.span("init")));
    let lora = args.record("lora").map(|_| ("lora", args.span("lora")));
    for (what, at) in [pretrained, lora].into_iter().flatten() {
        let Some(at) = at else { continue };
        let mut error = Diagnostic::error(Code::CheckpointOnly, at, format!("`{what}` needs a checkpoint"))
            .label("the model begins with random weights")
            .help("write `model = hf(\"ORG/NAME\")`, or start with `init = imitate(...)` and no `lora`");
        if let Some(model) = args.span("model") {
            error = error.also(model, "the model");
        }
        out.push(error);
    }
}

/// Checks that `part` divides `whole`.
fn divides(args: &Args, part: &str, whole: &str, out: &mut Vec<Diagnostic>) {
    let (Some(a), Some(b)) = (args.int(part), args.int(whole)) else { return };
    let (Some(at), Some(other)) = (args.span(part), args.span(whole)) else { return };
    if a > 0 && b % a != 0 {
        let near = (1..=a).rev().find(|n| b % n == 0).unwrap_or(1);
        out.push(
            Diagnostic::error(Code::NotDivisible, at, format!("`{whole}` ({b}) is not a multiple of `{part}` ({a})"))
                .label(format!("`{part}` is {a}"))
                .also(other, format!("`{whole}` is {b}"))
                .help(format!("write `{part} = {near}`")),
        );
    }
}
