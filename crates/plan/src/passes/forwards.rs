//! Lists the forwards that each step needs: equal ones once, so that a player reads a batch once for the whole
//! objective, and all of them together, so that they run side by side on the threads of the CPU.

use crate::{Body, Plan, Stage, forward};

pub fn run(plan: &mut Plan) -> Vec<String> {
    let mut lines = Vec::new();
    body(&mut plan.body, &mut lines);
    lines
}

fn body(body: &mut Body, lines: &mut Vec<String>) {
    super::rebuild(body, |mut stages| {
        stages.iter_mut().for_each(|stage| self::stage(stage, lines));
        stages
    });
}

fn stage(stage: &mut Stage, lines: &mut Vec<String>) {
    if let Some(inner) = &mut stage.body {
        body(inner, lines);
    }
    let Some(objective) = stage.objective.as_ref().filter(|_| stage.forwards.is_empty()) else { return };
    stage.forwards = forward::forwards(objective);
    if stage.forwards.len() > 1 {
        let all: Vec<String> = stage.forwards.iter().map(ToString::to_string).collect();
        lines.push(format!("{}: {} forwards at once: {}", stage.name, all.len(), all.join(", ")));
    }
}
