//! `pbpoc params`: the parameters of a file, and with `--why` the origin of a value.

use std::borrow::Cow;

use clap::Args;
use pbpo_compiler::source::SourceMap;
use pbpo_compiler::{Compiled, Input, Span};
use pbpo_outside::shown;
use serde_json::json;

use crate::cli::{DIAGNOSTICS, Failure, Format, OK, Source, print_either, report};
use crate::read;

#[derive(Debug, Args)]
pub struct ParamsArgs {
    #[command(flatten)]
    pub source: Source,
    /// How the value of this path comes about: `beta`, `pi.optimizer.lr`
    #[arg(long, value_name = "PATH")]
    pub why: Option<String>,
    /// `json` prints one JSON object
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
}

/// Prints the parameters, or the origin of one value. Returns the exit code.
pub fn run(args: &ParamsArgs) -> Result<u8, Failure> {
    let source = &args.source;
    let text = match read::text(&source.file) {
        Ok(text) => text,
        Err(unreadable) => return Ok(report(&[*unreadable], Format::Full)),
    };
    let name = source.file.display().to_string();
    let input = Input { name: &name, text: &text, loader: &read::Disk, lints: &[] };
    let (text, compiled) = match &args.why {
        Some(path) => {
            let (steps, compiled) = pbpo_compiler::why(input, source.target.as_deref(), &source.overrides.set, path);
            let rows: Vec<[String; 3]> = steps
                .iter()
                .map(|step| [step.origin.clone(), step.value.clone(), place(&compiled.sources, step.place)])
                .collect();
            let effective = steps.last().map_or("nothing: it must be given", |step| &step.value).to_owned();
            let json = json!({ "path": path, "value": effective, "steps": rows.iter().map(|[origin, value, place]| {
                json!({ "origin": origin, "value": value, "place": place })
            }).collect::<Vec<_>>() });
            let text = if args.format == "json" {
                format!("{json}\n")
            } else {
                format!("{}{}\n", columns(&rows), shown::line(&format!("{path} = {effective}")))
            };
            (text, compiled)
        }
        None => {
            let (rows, compiled) = pbpo_compiler::params(input, &source.overrides.set);
            let json: Vec<_> = rows
                .iter()
                .map(|row| {
                    let place = place(&compiled.sources, Some(row.place));
                    json!({ "name": row.name, "type": row.ty, "value": row.value, "doc": row.doc, "place": place })
                })
                .collect();
            let cells: Vec<[String; 3]> = rows
                .iter()
                .map(|row| [format!("{} = {}", row.name, row.value), row.ty.clone(), row.doc.replace('\n', " ")])
                .collect();
            let json = json!({ "params": json });
            (if args.format == "json" { format!("{json}\n") } else { columns(&cells) }, compiled)
        }
    };
    shown(&compiled, &text, args.format == "json")
}

fn shown(compiled: &Compiled, text: &str, exact: bool) -> Result<u8, Failure> {
    report(std::slice::from_ref(compiled), Format::Full);
    if compiled.failed() {
        return Ok(DIAGNOSTICS);
    }
    print_either(text, exact);
    Ok(OK)
}

/// Returns a place as `file:line`.
fn place(sources: &SourceMap, span: Option<Span>) -> String {
    span.map_or(String::new(), |span| format!("{}:{}", sources.name(span), sources.position(span).0))
}

fn columns(rows: &[[String; 3]]) -> String {
    let rows: Vec<[Cow<'_, str>; 3]> = rows.iter().map(|row| row.each_ref().map(|cell| shown::line(cell))).collect();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| shown::width(cell)).max().unwrap_or(0);
    let (a, b) = (width(0), width(1));
    let line = |[x, y, z]: &[Cow<'_, str>; 3]| format!("{}  {}  {z}", shown::padded(x, a), shown::padded(y, b));
    rows.iter().map(|row| line(row).trim_end().to_owned() + "\n").collect()
}
