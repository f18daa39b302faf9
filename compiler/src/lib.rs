//! Compiles `.pbpo` files to plans. Pure: no clock, no environment, no disk, no network.
//!
//! text -> `pbpo_grammar::ast` -> [`hir`] (checked, with overrides applied) -> [`plan`].
//!
//! - `schema/`: what may be written, as tables. `code.rs`: every diagnostic code.
//! - `syntax.rs`, `check/`: what is wrong with a file. `overrides.rs`: `--set`.
//! - `lower/`: pipelines to stages, objectives to expressions.
//! - `render/`: diagnostics as text, lines, JSON.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod check;
pub mod code;
pub mod diagnostic;
pub mod hir;
mod lower;
mod overrides;
pub mod plan;
pub mod render;
pub mod schema;
mod scope;
pub mod source;
pub mod suggest;
mod syntax;
pub mod units;

use std::collections::BTreeMap;

use pbpo_grammar::ast::{Block, FaultKind, File, Item};
use pbpo_grammar::{FileId, Span};

use check::Program;
use code::Code;
use diagnostic::{Diagnostic, any_error, tidy};
use plan::Plan;
use source::{PIPELINE, SourceMap};

/// What came of a compilation.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The plan; nothing where there is an error.
    pub plan: Option<Plan>,
    /// Every finding, in file order.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: SourceMap,
    /// Where each stage of the plan was written.
    pub spans: BTreeMap<String, Span>,
}

impl Compiled {
    /// Whether there is an error.
    pub fn failed(&self) -> bool {
        any_error(&self.diagnostics)
    }
}

/// Compiles one pipeline: the one of this name, or the only one. `overrides` are `path=value`, in order.
pub fn compile(file_name: &str, source: &str, pipeline: Option<&str>, overrides: &[String]) -> Compiled {
    let mut work = Work::new(file_name, source, overrides);
    let program = check::program(&work.file, &mut work.out);
    let chosen = choose(&program, pipeline, work.id, &mut work.sources, &mut work.out);
    let mut lowered = None;
    for block in &chosen {
        lowered = Some(lower::pipeline(&program, block, overrides, &mut work.out));
    }
    if overrides.is_empty() && program.pipelines.len() == 1 && !any_error(&work.out) {
        unused(&program, &mut work.out);
    }
    let one = chosen.len() == 1;
    work.tidy();
    let failed = any_error(&work.out);
    let (plan, spans) = lowered.filter(|_| !failed && one).map_or((None, BTreeMap::new()), |(p, s)| (Some(p), s));
    Compiled { plan, diagnostics: work.out, sources: work.sources, spans }
}

/// Checks every pipeline of a file.
pub fn check(file_name: &str, source: &str, overrides: &[String]) -> Compiled {
    let mut work = Work::new(file_name, source, overrides);
    let program = check::program(&work.file, &mut work.out);
    if program.pipelines.is_empty() {
        choose(&program, None, work.id, &mut work.sources, &mut work.out);
    }
    for block in &program.pipelines {
        lower::pipeline(&program, block, overrides, &mut work.out);
    }
    if overrides.is_empty() && !any_error(&work.out) {
        unused(&program, &mut work.out);
    }
    work.tidy();
    Compiled { plan: None, diagnostics: work.out, sources: work.sources, spans: BTreeMap::new() }
}

/// A finding about a file that can't be read as text; `reason` in a few words.
pub fn unreadable(file_name: &str, reason: &str) -> Compiled {
    let mut sources = SourceMap::default();
    let id = sources.add(file_name, "");
    let message = format!("can't read this file: {reason}");
    let error = Diagnostic::error(Code::UnreadableFile, Span::new(id, 0, 0), message);
    Compiled { diagnostics: vec![error.help("give the path of a `.pbpo` text file")], sources, ..Compiled::default() }
}

/// A parsed file with its overrides applied, and what was found so far.
struct Work {
    id: FileId,
    file: File,
    sources: SourceMap,
    out: Vec<Diagnostic>,
}

impl Work {
    fn new(file_name: &str, source: &str, overrides: &[String]) -> Self {
        let mut sources = SourceMap::default();
        let id = sources.add(file_name, source);
        let mut file = pbpo_grammar::parse(id, source);
        let mut out = syntax::diagnostics(&file, id, source);
        overrides::apply(&mut file, overrides, &mut sources, &mut out);
        Self { id, file, sources, out }
    }

    /// File order, each finding once; nothing but syntax of an item that has lost a bracket: where its
    /// fields end is a guess.
    fn tidy(&mut self) {
        let items = self.file.items.iter().map(|item| match item {
            Item::Param(param) => param.span,
            Item::Block(block) => block.span,
        });
        let lost = |span: &Span| {
            self.file.faults.iter().any(|fault| {
                matches!(fault.kind, FaultKind::Unclosed { .. })
                    && span.file == fault.span.file
                    && (span.start..span.end).contains(&fault.span.start)
            })
        };
        let broken: Vec<Span> = items.filter(lost).collect();
        let inside = |span: Span| {
            broken.iter().any(|item| item.file == span.file && (item.start..item.end).contains(&span.start))
        };
        let syntax = |code: Code| code.text().starts_with("PB01") && code != Code::MisplacedStatement;
        self.out.retain(|finding| syntax(finding.code) || !inside(finding.primary.span));
        tidy(&mut self.out);
    }
}

/// The pipelines to lower: one, or all where it is an error that none was chosen.
fn choose<'a>(
    program: &Program<'a>,
    name: Option<&str>,
    id: FileId,
    sources: &mut SourceMap,
    out: &mut Vec<Diagnostic>,
) -> Vec<&'a Block> {
    let names: Vec<&str> = program.pipelines.iter().map(|block| block.name.text.as_str()).collect();
    match (program.pipelines.as_slice(), name) {
        // Whatever can't be read may have been the pipeline.
        ([], _) if any_error(out) => Vec::new(),
        ([], _) => {
            out.push(
                Diagnostic::error(Code::NoPipeline, Span::new(id, 0, 0), "the file has no pipeline")
                    .help("add `pipeline main { ... }`: what is to be done"),
            );
            Vec::new()
        }
        (all, Some(name)) => match all.iter().find(|block| block.name.text == name) {
            Some(block) => vec![*block],
            None => {
                let span = Span::new(sources.add(PIPELINE, name), 0, name.len());
                let error = Diagnostic::error(Code::UnknownPipeline, span, format!("no pipeline is called `{name}`"));
                out.push(error.label("unknown pipeline").maybe_help(suggest::help(name, &names)));
                all.to_vec()
            }
        },
        ([only], None) => vec![*only],
        ([first, rest @ ..], None) => {
            let mut error =
                Diagnostic::error(Code::ChoosePipeline, first.name.span, "several pipelines, and none chosen")
                    .label("one")
                    .help(format!("choose one: `--pipeline {}`", first.name.text));
            for block in rest {
                error = error.also(block.name.span, "another");
            }
            out.push(error);
            all_of(program)
        }
    }
}

fn all_of<'a>(program: &Program<'a>) -> Vec<&'a Block> {
    program.pipelines.clone()
}

/// Declarations that nothing refers to. `seed` is the run's own.
fn unused(program: &Program<'_>, out: &mut Vec<Diagnostic>) {
    let used = program.scope.used.borrow();
    let blocks = program.blocks.iter().map(|(name, block)| (name, block.name, block.kind.word()));
    let params = program.scope.params.iter().map(|(name, param)| (name, param.name, "param"));
    for (name, span, kind) in blocks.chain(params) {
        if !used.contains(name) && name != "seed" {
            out.push(
                Diagnostic::warning(Code::Unused, span, format!("{kind} `{name}` is never used"))
                    .label("declared, not used")
                    .help("remove it, or use it"),
            );
        }
    }
}
