//! Refuses a run that needs more memory than the device has, before anything is loaded, and says what would take less.

use std::path::Path;

use pbpo_compiler::Planned;
use pbpo_compiler::code::Code;
use pbpo_compiler::diagnostic::Diagnostic;
use pbpo_compiler::plan::memory::{Less, Memory};
use pbpo_runtime::device::free_memory;

use crate::plan_cost::{mebibytes, with_sizes};

/// What is wrong with the first of the points that does not fit, if there is one. `base`: where relative paths start.
pub fn refusal(points: &[Planned], base: &Path, device: &str) -> Option<Diagnostic> {
    let free = free_memory(device)?;
    with_sizes(base, |sizes| {
        let needed = points.iter().map(|point| (point, Memory::of(&point.plan, sizes)));
        let (point, memory) = needed.into_iter().find(|(_, memory)| memory.total > free)?;
        let less = Less::ALL.iter().filter_map(|less| {
            let total = Memory::of(&less.of(&point.plan)?, sizes).total;
            (total < memory.total / 10 * 9).then(|| format!("{}: {}", less.advice(), mebibytes(total)))
        });
        let mut less: Vec<String> = less.collect();
        less.push("`--any-memory` runs it all the same".into());
        let span = point.spans.get(&memory.stage).copied().unwrap_or_default();
        let (needs, has) = (mebibytes(memory.total), mebibytes(free));
        let name = &point.plan.point;
        let message = format!("`{name}` needs about {needs} of memory, and {device} has {has} free");
        Some(
            Diagnostic::error(Code::TooMuchMemory, span, message)
                .label(format!("most is needed here: {}", parts(&memory)))
                .help(less.join("\n")),
        )
    })
}

/// `weights 12 MiB, gradients 3 MiB`, the largest first.
fn parts(memory: &Memory) -> String {
    let Memory { weights, optimizer, gradients, activations, .. } = *memory;
    let mut parts =
        [(weights, "weights"), (optimizer, "optimizer"), (gradients, "gradients"), (activations, "activations")];
    parts.sort_by(|a, b| b.0.cmp(&a.0));
    let shown = parts.iter().filter(|(bytes, _)| *bytes >> 20 > 0);
    shown.map(|(bytes, name)| format!("{name} {}", mebibytes(*bytes))).collect::<Vec<_>>().join(", ")
}
