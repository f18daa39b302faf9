//! The reference of the language in Markdown, made from the tables that the checks use, so that it is never out of
//! date. Only an introduction to some tables, and the forms of imports, override paths and sweeps, are written here.
//!
//! `fields.rs`: blocks, tasks, operations; `library.rs`: functions and the standard library.

mod fields;
mod library;

use crate::code::Code;
use crate::lints::LINTS;
use crate::schema::{ops, tasks};
use crate::units::UNITS;

/// A title, and the function that makes the text.
type Section = (&'static str, fn() -> String);

/// The sections in order.
const SECTIONS: &[Section] = &[
    ("Blocks", fields::blocks),
    ("Tasks", || fields::calls(tasks().iter().map(|task| (task.name, task.fields, "data", task.doc)))),
    ("Operations", || {
        fields::calls(
            ops::all().iter().map(|op| (op.name, op.args, op.gives.map_or("nothing", |flow| flow.noun()), op.doc)),
        )
    }),
    ("Functions", library::functions),
    ("Standard library", library::modules),
    ("Units", units),
    ("Imports", imports),
    ("Override paths", paths),
    ("Sweeps", sweeps),
    ("Lints", lints),
    ("Diagnostic codes", codes),
];

/// Returns the whole reference.
pub fn reference() -> String {
    let mut out = "# Reference\n\nMade by `pbpoc doc` from the tables of the compiler. \
                   What blocks, pipelines and sweeps mean is in [`language.md`](language.md).\n\n"
        .to_owned();
    for (title, _) in SECTIONS {
        out.push_str(&format!("- [{title}](#{})\n", title.to_lowercase().replace(' ', "-")));
    }
    for (title, text) in SECTIONS {
        out.push_str(&format!("\n## {title}\n\n{}\n", text().trim_end()));
    }
    out
}

/// Returns a table: its titles, and the cells of each row.
fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut out = format!("| {} |\n|{}\n", titles.join(" | "), "---|".repeat(N));
    for row in rows {
        let cells = row.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

/// Returns a text between backticks; an empty text stays empty.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn units() -> String {
    let rows = UNITS.iter().map(|(name, unit, factor)| {
        let base = if *factor == 1.0 { String::new() } else { format!("{factor} {}", unit.name()) };
        [code(name), base]
    });
    let prefixes = "A number may carry `k` (1000), `M` (1000000), `Ki` (1024), `Mi` (1048576) or `%` (0.01) in front of its \
                    unit: `4k tokens`.";
    format!("{prefixes}\n\n{}", table(["unit", "is"], rows))
}

fn paths() -> String {
    let rows = [
        ["`PARAM`", "a parameter", "`beta=0.1`"],
        ["`BLOCK.FIELD`", "a field; the paths are in the tables of the blocks", "`enhancer.search=none`"],
        ["`BLOCK.FIELD.PART`", "a part of a record or an argument of a call", "`pi.optimizer.lr=1e-4`"],
        ["`PIPELINE.episodes`", "the count of the first outermost `repeat` of a body", "`main.episodes=5`"],
        ["`PIPELINE.ARGUMENT`", "an argument of the call that a pipeline is", "`main.outer=2`"],
    ];
    let text = "`--set PATH=VALUE` on the command line, `PATH = VALUE` in a `variant` or a `sweep`, `PATH in VALUES` for an axis.";
    format!("{text}\n\n{}", table(["path", "sets", "example"], rows.map(|row| row.map(str::to_owned))))
}

fn imports() -> String {
    let rows = [
        ["`use std/losses { dpo }`", "a definition of the standard library"],
        [
            "`use \"players.pbpo\" { pi, ref as anchor }`",
            "declarations of another file, by a path relative to this one; `as` gives another name",
        ],
    ];
    table(["import", "takes"], rows.map(|row| row.map(str::to_owned)))
}

fn sweeps() -> String {
    let rows = [
        ["`PATH in [a, b]`", "an axis with these values; each only once", "`beta in [0.01, 0.1]`"],
        ["`PATH in LOW..HIGH`", "an axis of whole numbers, both ends included", "`seed in 0..4`"],
        ["`PATH in linear(LOW, HIGH, count = N)`", "an axis in equal steps", "`beta in linear(0, 1, count = 5)`"],
        [
            "`PATH in log(LOW, HIGH, count = N)`",
            "an axis in equal factors",
            "`pi.optimizer.lr in log(1e-5, 1e-3, count = 3)`",
        ],
        [
            "`zip { AXIS, AXIS }`",
            "axes of one length that go together",
            "`zip { main.pairs in [64, 128], main.steps in [6, 3] }`",
        ],
        ["`PATH = VALUE`", "the same in every point", "`noise = 0.0`"],
        ["`where CONDITION`", "keeps the points for which it holds", "`where beta < 0.1 or seed < 2`"],
        ["`ablate = [BLOCK]`", "the baseline, and a point without each block", "`ablate = [enhancer, ref]`"],
        ["`limit = N`", "allows more points than 1000", "`limit = 5000`"],
    ];
    let text = "`sweep NAME over PIPELINE { ... }`: a point for each combination of the axes.";
    format!("{text}\n\n{}", table(["entry", "is", "example"], rows.map(|row| row.map(str::to_owned))))
}

fn lints() -> String {
    let rows = LINTS.iter().map(|lint| {
        let what = format!("{}: {}", lint.code.summary(), lint.doc);
        [code(lint.name), link(lint.code), "warn".to_owned(), what]
    });
    let text = "`allow`, `warn` or `deny NAME` in a file, `--allow`, `--warn` or `--deny NAME` on the command line; `all` means all.";
    format!("{text}\n\n{}", table(["lint", "code", "default", "finds, and why it matters"], rows))
}

fn codes() -> String {
    let rows = Code::ALL.iter().map(|code| [link(*code), code.summary().to_owned()]);
    format!("`pbpoc explain CODE` shows the page of a code.\n\n{}", table(["code", "is about"], rows))
}

/// Returns a code with the link to its page.
fn link(code: Code) -> String {
    format!("[{0}](codes/{0}.md)", code.text())
}
