//! The functions of objectives, and the definitions of the standard library in their source text.

use pbpo_grammar::ast::{Formal, Item};
use pbpo_grammar::{FileId, parse};

use super::{code, table};
use crate::points::overrides::value_text;
use crate::schema::functions;
use crate::stdlib;

/// Returns every function, with the axes of its value.
pub(super) fn functions() -> String {
    let rows =
        functions::all().iter().map(|function| [code(function.usage), code(function.gives), function.doc.to_owned()]);
    let text = "A reward model is a function by its own name: `r(y)` has the axis `[row]`. A `row` is a `sample` of rollouts \
                or a `pair` of preferences; `value` means the axes of the arguments. Between values stand `+ - * /`.";
    format!("{text}\n\n{}", table(["function", "axes", "meaning"], rows))
}

/// Returns the objectives and pipelines of every module.
pub(super) fn modules() -> String {
    let mut out = String::new();
    for (module, text) in stdlib::MODULES {
        let items = parse(FileId::default(), text).items;
        let shown: String = items.iter().filter_map(|item| definition(item, text)).collect();
        if !shown.is_empty() {
            out.push_str(&format!("### {module}\n\n`pbpoc std {module}` shows the file.\n\n{shown}"));
        }
    }
    out
}

/// Returns an objective with its expression, or a pipeline with the table of its parameters.
fn definition(item: &Item, text: &str) -> Option<String> {
    Some(match item {
        Item::Objective(objective) => {
            let source = objective.span.text(text);
            format!("#### {}\n\n{}\n\n```\n{source}\n```\n\n", objective.name.text, objective.doc)
        }
        Item::Pipeline(pipeline) => {
            let formals = pipeline.formals.as_ref()?;
            let rows = formals.iter().map(|formal| {
                let default = formal.default.as_ref().map_or("required".to_owned(), |value| code(&value_text(value)));
                [code(&formal.name.text), code(&type_text(formal)), default, formal.doc.clone()]
            });
            let names: Vec<&str> =
                formals.iter().filter(|formal| !formal.named_only).map(|formal| formal.name.text.as_str()).collect();
            let name = &pipeline.name.text;
            let table = table(["parameter", "type", "default", "meaning"], rows);
            format!("#### {name}\n\n{}\n\n`{name}({}, ...)`\n\n{table}\n", pipeline.doc, names.join(", "))
        }
        _ => return None,
    })
}

/// Returns the type of a parameter, as `int samples in 1..1000000`.
fn type_text(formal: &Formal) -> String {
    let words: Vec<&str> = formal.ty.words.iter().chain(&formal.ty.unit).map(|word| word.text.as_str()).collect();
    let range = formal.range.as_ref();
    let range = range.map_or(String::new(), |r| format!(" in {}..{}", value_text(&r.low), value_text(&r.high)));
    format!("{}{range}", words.join(" "))
}
