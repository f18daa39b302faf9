//! `pbpoc plan --cost`: the cost of a plan, or of the points of a sweep together, on this machine.

use std::path::Path;

use pbpo_plan::cost::{Cost, Rates};
use pbpo_plan::ops::data::{self, Task};
use pbpo_plan::{Op, Plan};
use pbpo_runtime::bench::{Shape, run as measure};
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::model::Llama;
use pbpo_runtime::task;

use crate::cli::{OK, print, print_exact};
use crate::sizes::with_sizes;

/// Returns the estimate of the points. `base` is the directory from which relative paths start.
pub fn cost(plans: &[&Plan], base: &Path) -> Cost {
    with_sizes(base, |sizes| Cost::of_all(plans, sizes))
}

/// Prints the estimate. Returns the exit code. `target` names the points.
pub fn run(plans: &[&Plan], base: &Path, target: &str, json: bool) -> u8 {
    let cost = cost(plans, base);
    let small = cost.memory.parameters <= MEASURED;
    let rates = plans.first().filter(|_| small).and_then(|plan| calibrate(plan));
    let (name, title) = match plans {
        [plan] => (plan.point.as_str(), plan.point.clone()),
        plans => (target, format!("{target}: {} points, what they have in common once", plans.len())),
    };
    let seconds = rates.map(|rates| cost.seconds(rates));
    if json {
        let all = serde_json::json!({ "point": name, "points": plans.len(), "cost": cost, "rates": rates, "seconds": seconds });
        print_exact(&format!("{all}\n"));
        return OK;
    }
    let mut out = format!("{title}\n");
    let mut line = |name: &str, value: String| out.push_str(&format!("{name:<18} {value:>14}\n"));
    line("parameters", thousands(cost.memory.parameters));
    line("generated tokens", thousands(cost.generated_tokens));
    line("  at most", thousands(cost.generated_tokens_most));
    line("trained tokens", thousands(cost.trained_tokens));
    line("scored tokens", thousands(cost.scored_tokens));
    line("optimizer steps", thousands(cost.optimizer_steps));
    line("labelled pairs", thousands(cost.labelled_pairs));
    line("memory", size(cost.memory.total));
    cost.memory.parts().into_iter().for_each(|(part, bytes)| line(&format!("  {part}"), size(bytes)));
    let device = if device::cuda_devices() > 0 { "cuda:0" } else { "cpu" };
    let free = device::free_memory(device);
    free.into_iter().for_each(|free| line(&format!("  free on {device}"), size(free)));
    seconds.into_iter().for_each(|seconds| line("time", format!("{seconds:.0} s")));
    if let Some(Rates { trained, generated }) = rates {
        out.push_str(&format!(
            "at {trained:.0} trained and {generated:.0} generated tokens a second, measured just now\n"
        ));
    }
    if free.is_some_and(|free| free < cost.memory.total) {
        out.push_str("that does not fit: `pbpoc run` refuses it, and says what would take less\n");
    }
    for name in &cost.memory.unknown {
        out.push_str(&format!("`{name}` is not here, and not in the estimate of memory\n"));
    }
    out.push_str("\ntokens by stage\n");
    for (stage, tokens) in cost.stages.iter().take(5) {
        out.push_str(&format!("  {:>14}  {stage}\n", thousands(*tokens)));
    }
    print(&out);
    OK
}

/// The parameters of the largest model whose speed is measured; larger ones would take too long.
const MEASURED: u64 = 30_000_000;

/// Measures training and sampling at the shape of the plan's first model, in about a second.
fn calibrate(plan: &Plan) -> Option<Rates> {
    let imitate = plan.body.stages().find(|stage| stage.op == Op::Imitate)?;
    let data = plan.body.stages().find(|stage| stage.outputs.first() == imitate.input("data"))?;
    let model: Llama = serde_json::from_value(imitate.config.get("model")?.clone()).ok()?;
    let compute = model.compute;
    let Task::Digits(ref digits) = data::settings(data)?.task else { return None };
    let model = model.config(task::tokenizer("digits").ok()?.vocab());
    let length = usize::try_from(digits.length).ok()?;
    let (prompt, response) = (length + 2, length + 1);
    if model.context < prompt + response {
        return None;
    }
    let (device, name) = device::open(Choice::Cpu).ok()?;
    let shape = Shape {
        model,
        compute,
        batch: 64,
        seq: prompt + response,
        steps: 2,
        sample_batch: 128,
        prompt,
        max_new: response,
    };
    let figures = measure(&shape, &device, &name);
    Some(Rates { trained: figures.train_tokens_per_s, generated: figures.sample_tokens_per_s })
}

/// Returns a size as `1,234 MiB`, or from 10 GiB on as `12.3 GiB`.
pub fn size(bytes: u64) -> String {
    if bytes < 10 << 30 {
        return format!("{} MiB", thousands(bytes >> 20));
    }
    format!("{}.{} GiB", thousands(bytes >> 30), (bytes >> 20) % 1024 * 10 / 1024)
}

/// Returns a number as `1,234,567`.
fn thousands(value: u64) -> String {
    indicatif::HumanCount(value).to_string()
}
