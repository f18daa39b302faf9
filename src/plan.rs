//! `pbpoc plan`: shows the plan of a pipeline.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pbpo_plan::Plan;
use pbpo_plan::sweep::Shape;

use crate::cli::{Failure, OK, Overrides, Source, print_either};
use crate::{explain_passes, plan_cost, plan_diff};

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A .pbpo file
    #[arg(required_unless_present = "diff")]
    pub file: Option<PathBuf>,
    /// A pipeline, variant, sweep, or one point of a sweep (`grid[beta=0.1,seed=2]`); default: the
    /// only pipeline
    pub target: Option<String>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// What a run will take: tokens, steps, memory, and time as measured on this machine
    #[arg(long)]
    pub cost: bool,
    /// What is different between two plans: each a .pbpo file (`a.pbpo#TARGET`), a plan in JSON, or of
    /// FILE a pipeline, variant, point or git revision
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "target")]
    pub diff: Option<Vec<String>>,
    /// Form of the plan
    #[arg(long, value_enum, default_value_t)]
    pub emit: Emit,
    /// `passes`: what each pass changes before the plan is run
    #[arg(long, value_parser = ["passes"], value_name = "WHAT", conflicts_with = "emit")]
    pub explain: Option<String>,
    /// Show the plan as the passes leave it, which is what is run
    #[arg(long)]
    pub optimized: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The stable text form
    #[default]
    Text,
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// A Graphviz digraph
    Dot,
}

/// Prints the plan, or a summary of a sweep's plans. Returns the exit code.
pub fn run(args: &PlanArgs) -> Result<u8, Failure> {
    if let Some(sides) = &args.diff {
        return plan_diff::run(args.file.as_deref(), sides, &args.overrides, args.emit == Emit::Json);
    }
    let source = Source {
        file: args.file.clone().unwrap_or_default(),
        target: args.target.clone(),
        overrides: args.overrides.clone(),
    };
    let compiled = source.compile()?;
    let plans: Vec<&Plan> = compiled.points.iter().map(|point| &point.plan).collect();
    if args.cost {
        let target = args.target.as_deref().unwrap_or_default();
        let base = source.base();
        return Ok(plan_cost::run(&plans, &base, target, args.emit == Emit::Json));
    }
    if args.explain.is_some() || args.optimized {
        return explain_passes::run(&plans, args);
    }
    let text = match plans.as_slice() {
        [plan] => one(plan, args.emit),
        plans => several(plans, args),
    };
    print_either(&text, args.emit == Emit::Json);
    // The process ends here, and freeing a thousand plans takes longer than exiting.
    std::mem::forget(compiled);
    Ok(OK)
}

/// Returns one plan in the requested form.
pub fn one(plan: &Plan, emit: Emit) -> String {
    match emit {
        Emit::Text => plan.text(),
        Emit::Json => format!("{}\n", plan.to_json()),
        Emit::Mermaid => plan.mermaid(),
        Emit::Dot => plan.dot(),
    }
}

fn several(plans: &[&Plan], args: &PlanArgs) -> String {
    let name = args.target.as_deref().unwrap_or_default();
    let shape = Shape::of(name, plans);
    match args.emit {
        Emit::Json => {
            let all = serde_json::json!({
                "sweep": name, "stages": shape.stages, "unique": shape.unique, "points": plans,
            });
            format!("{all}\n")
        }
        Emit::Text => shape.text(),
        // A picture shows one point.
        Emit::Mermaid | Emit::Dot => plans.first().map(|plan| one(plan, args.emit)).unwrap_or_default(),
    }
}
