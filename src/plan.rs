//! `pbpoc plan`: what a pipeline would do.

use clap::{Args, ValueEnum};

use crate::cli::{Failure, OK, Source, print};

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub source: Source,
    /// Form of the plan
    #[arg(long, value_enum, default_value_t)]
    pub emit: Emit,
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

/// Prints the plan; the exit code.
pub fn run(args: &PlanArgs) -> Result<u8, Failure> {
    let compiled = args.source.compile()?;
    for plan in compiled.points.iter().map(|point| &point.plan) {
        print(&match args.emit {
            Emit::Text => plan.text(),
            Emit::Json => format!("{}\n", plan.to_json()),
            Emit::Mermaid => plan.mermaid(),
            Emit::Dot => plan.dot(),
        });
    }
    Ok(OK)
}
