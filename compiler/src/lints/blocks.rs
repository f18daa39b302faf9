//! Lints over blocks.

use std::collections::BTreeMap;

use crate::check::Program;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::Kind;

/// Checks every block of a point.
pub fn check(program: &Program, out: &mut Vec<Diagnostic>) {
    zero_beta(program, out);
    small_bound(program, out);
}

/// Reports a constraint without weight.
fn zero_beta(program: &Program, out: &mut Vec<Diagnostic>) {
    for (name, block) in program.blocks.iter() {
        let keep = block.args.choice("keep").filter(|keep| keep.name == "lagrangian");
        let zero = keep.is_some_and(|keep| keep.args.float("beta") == Some(0.0));
        if let Some(at) = block.args.span("keep").filter(|_| zero) {
            out.push(
                Diagnostic::warning(Code::ZeroBeta, at, format!("constraint `{name}` has weight 0"))
                    .label("only the bound holds the adversary")
                    .help("give `beta` a value above 0, or say `allow zero_beta`"),
            );
        }
    }
}

/// Reports a linear reward model whose ball excludes theta*: labels follow theta* times the oracle's `scale`. Worlds
/// whose norm is only a limit, or is read from a file, are skipped.
fn small_bound(program: &Program, out: &mut Vec<Diagnostic>) {
    let mut scales: BTreeMap<&str, f64> = BTreeMap::new();
    for by in program.blocks.values().filter_map(|oracle| oracle.args.choice("by")) {
        if let (Some(world), Some(scale)) = (by.args.name("score"), by.args.float("scale")) {
            let largest = scales.entry(world).or_insert(1.0);
            *largest = largest.max(scale);
        }
    }
    for (name, block) in program.blocks.iter().filter(|(_, block)| block.kind == Kind::RewardModel) {
        let Some(of_world) = block.args.name("world") else { continue };
        let Some(world) = program.blocks.get(of_world).map(|world| &world.args) else { continue };
        let of = world.choice("of");
        let tuned =
            of.is_none_or(|of| matches!(of.name, "cube" | "file") || of.args.word("features") == Some("hypercube"));
        let (Some(bound), Some(norm), false) = (block.args.float("bound"), world.float("norm"), tuned) else {
            continue;
        };
        let scale = scales.get(of_world).copied().unwrap_or(1.0);
        let at = block.args.span("bound").unwrap_or(block.name);
        if bound < norm * scale * (1.0 - 1e-9) {
            let needed = norm * scale;
            let error = Diagnostic::warning(Code::SmallBound, at, format!("`{name}` can't be the true reward"))
                .label(format!("theta is held to a norm of {bound}"));
            let error = match world.span("norm") {
                Some(norm_at) if scale == 1.0 => error.also(norm_at, format!("the true one has {norm}")),
                Some(norm_at) => {
                    error.also(norm_at, format!("the true one has {norm}, times the oracle's scale {scale}"))
                }
                None => error,
            };
            out.push(error.help(format!("write `bound = {needed}`, or say `allow small_bound`")));
        }
    }
}
