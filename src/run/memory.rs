//! Refuses a run that needs more memory than the device has, before any loading, with advice on how to reduce it.

use std::path::Path;

use pbpo_compiler::Planned;
use pbpo_compiler::code::Code;
use pbpo_compiler::diagnostic::Diagnostic;
use pbpo_plan::Plan;
use pbpo_plan::memory::{Less, Memory};
use pbpo_runtime::device::free_memory;

use crate::plan_cost::size;
use crate::sizes::with_sizes;

/// Returns the error of the first point that does not fit, if there is one. `base` is the directory from which relative
/// paths start.
pub fn refusal(points: &[Planned], base: &Path, device: &str) -> Option<Diagnostic> {
    let free = free_memory(device)?;
    with_sizes(base, |sizes| {
        let needed = points.iter().map(|point| (point, Memory::of(&point.plan, sizes)));
        let (point, memory) = needed.into_iter().find(|(_, memory)| memory.total > free)?;
        let span = point.spans.get(&memory.stage).copied().unwrap_or_default();
        let (name, needs, has) = (&point.plan.point, size(memory.total), size(free));
        let message = format!("`{name}` needs about {needs} of memory, and {device} has {has} free");
        let help = advice(&point.plan, memory.total, free, |plan| Memory::of(plan, sizes).total);
        Some(
            Diagnostic::error(Code::TooMuchMemory, span, message)
                .label(format!("most is needed here: {}", parts(&memory)))
                .help(help),
        )
    })
}

/// Returns one change after the other, each with the plan's memory after it, until it fits.
fn advice(plan: &Plan, needed: u64, free: u64, total: impl Fn(&Plan) -> u64) -> String {
    let (mut plan, mut needed, mut lines) = (plan.clone(), needed, Vec::new());
    for less in Less::ALL {
        let Some(changed) = less.of(&plan).filter(|_| needed > free) else { continue };
        let then = total(&changed);
        // A change that saves very little is not worth advising.
        if then < needed - needed / 20 {
            let word = if lines.is_empty() { "with" } else { "and" };
            lines.push(format!("{word} {}: {}", less.advice(), size(then)));
            (plan, needed) = (changed, then);
        }
    }
    if needed > free {
        lines.push("that is not enough: take a smaller model, or shorter prompts and responses".into());
    }
    lines.push("run it all the same: `--any-memory`".into());
    lines.join("\n")
}

/// Returns the parts as `weights 12 MiB, gradients 3 MiB`, the largest first.
fn parts(memory: &Memory) -> String {
    let mut parts = memory.parts();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown = parts.iter().filter(|(_, bytes)| *bytes >> 20 > 0);
    shown.map(|(name, bytes)| format!("{name} {}", size(*bytes))).collect::<Vec<_>>().join(", ")
}
