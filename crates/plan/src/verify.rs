//! Invariants of every plan. Checked in tests after every pass, and on plans that are read back.

use std::collections::BTreeSet;

use super::{Body, Expr, Forward, Op, Plan, Stage, ValueName, forward};

/// Checks that the plan is acyclic, that every value is defined once and before its use, that stage names are unique,
/// and that carried values of loops exist. Returns the violation as an error.
pub fn verify(plan: &Plan) -> Result<(), String> {
    let mut names = Names::default();
    names.body(&plan.body, &BTreeSet::new()).map(|_| ())
}

#[derive(Default)]
struct Names {
    stages: BTreeSet<String>,
    values: BTreeSet<ValueName>,
}

impl Names {
    /// Checks a body whose surroundings define `outside`. Returns the values visible at its end.
    fn body(&mut self, body: &Body, outside: &BTreeSet<ValueName>) -> Result<BTreeSet<ValueName>, String> {
        if petgraph::algo::is_cyclic_directed(&body.dag) {
            return Err("the stages form a cycle".into());
        }
        let mut seen = outside.clone();
        for carry in &body.carries {
            need(&seen, &carry.from, "carry")?;
        }
        for carry in &body.carries {
            self.define(&mut seen, &carry.enter)?;
        }
        for stage in body.stages() {
            self.stage(stage, &mut seen)?;
        }
        for carry in &body.carries {
            need(&seen, &carry.back, "carry")?;
        }
        Ok(seen)
    }

    fn stage(&mut self, stage: &Stage, seen: &mut BTreeSet<ValueName>) -> Result<(), String> {
        if !self.stages.insert(stage.name.clone()) {
            return Err(format!("two stages are called {}", stage.name));
        }
        if stage.outputs.first().is_some_and(|first| *first != *stage.name) {
            return Err(format!("{} is not called by its first output", stage.name));
        }
        let mut ports = BTreeSet::new();
        for (port, value) in &stage.inputs {
            need(seen, value, &stage.name)?;
            if !ports.insert(port) {
                return Err(format!("{}: two inputs are called {port}", stage.name));
            }
        }
        stage.check_settings().map_err(|error| format!("{}: its settings: {error}", stage.name))?;
        if stage.op.info().objective != stage.objective.is_some() {
            return Err(format!("{}: an objective belongs to ascend and descend", stage.name));
        }
        if let Some(objective) = &stage.objective {
            let inputs: BTreeSet<&ValueName> = stage.inputs.iter().map(|(_, value)| value).collect();
            expr(objective, &inputs).map_err(|error| format!("{}: {error}", stage.name))?;
        }
        forwards(stage).map_err(|error| format!("{}: {error}", stage.name))?;
        if (stage.op == Op::Repeat) != stage.body.is_some() {
            return Err(format!("{}: a body belongs to repeat", stage.name));
        }
        if let Some(body) = &stage.body {
            self.body(body, seen)?;
            let outs: Vec<&ValueName> = body.carries.iter().map(|carry| &carry.out).collect();
            if outs != stage.outputs.iter().collect::<Vec<_>>() {
                return Err(format!("{}: its outputs are not what its body carries", stage.name));
            }
        }
        stage.outputs.iter().try_for_each(|output| self.define(seen, output))
    }

    fn define(&mut self, seen: &mut BTreeSet<ValueName>, value: &ValueName) -> Result<(), String> {
        if !self.values.insert(value.clone()) {
            return Err(format!("the value {value} is defined twice"));
        }
        seen.insert(value.clone());
        Ok(())
    }
}

fn need(seen: &BTreeSet<ValueName>, value: &ValueName, by: &str) -> Result<(), String> {
    if seen.contains(value) { Ok(()) } else { Err(format!("{by} uses {value} before it is defined")) }
}

/// Checks that a list of forwards is that of the objective, and that forwards made by other stages are inputs.
fn forwards(stage: &Stage) -> Result<(), String> {
    let Some(objective) = &stage.objective else {
        return if stage.forwards.is_empty() { Ok(()) } else { Err("only steps list forwards".into()) };
    };
    if stage.forwards.is_empty() {
        return Ok(());
    }
    let plain: Vec<Forward> = stage.forwards.iter().map(|forward| Forward { from: None, ..forward.clone() }).collect();
    if plain != forward::forwards(objective) {
        return Err("its forwards are not those of its objective".into());
    }
    let given = stage.forwards.iter().filter_map(|forward| forward.from.as_ref());
    match given.into_iter().find(|value| !stage.inputs.iter().any(|(_, input)| input == *value)) {
        Some(value) => Err(format!("a forward comes from {value}, which is no input")),
        None => Ok(()),
    }
}

/// Checks that every value of an objective is an input of its stage, and that every number is finite.
fn expr(objective: &Expr, inputs: &BTreeSet<&ValueName>) -> Result<(), String> {
    let mut read = Vec::new();
    for node in objective.nodes() {
        match node {
            Expr::Const { value } if !value.is_finite() => return Err("a number is not finite".into()),
            Expr::Clip { low, high, .. } if !(low.is_finite() && high.is_finite()) => {
                return Err("a bound is not finite".into());
            }
            Expr::Leaf { leaf } => read.extend(leaf.values()),
            Expr::Estimate { policy, rollouts, .. } => read.extend([policy, rollouts]),
            Expr::Const { .. }
            | Expr::Clip { .. }
            | Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::Reduce { .. }
            | Expr::StopGrad { .. }
            | Expr::Named { .. } => {}
        }
    }
    match read.into_iter().find(|value| !inputs.contains(value)) {
        Some(value) => Err(format!("the objective uses {value}, which is no input")),
        None => Ok(()),
    }
}
