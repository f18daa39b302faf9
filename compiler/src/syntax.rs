//! Messages for syntax errors.

use std::collections::{BTreeMap, BTreeSet};

use pbpo_grammar::ast::{Fault, FaultKind, File, Ident, Item, PipelineBody, Stmt};
use pbpo_grammar::{FileId, MAX_BYTES, MAX_DEPTH, Span};

use crate::check::unknown_kind;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Fix};
use crate::suggest;

/// The supported version of the language.
const VERSION: &str = "1";

/// Returns every fault of a file, and a missing header.
pub fn diagnostics(file: &File, id: FileId, source: &str) -> Vec<Diagnostic> {
    let twins = twins(file, source);
    let mut out: Vec<Diagnostic> =
        file.faults.iter().enumerate().map(|(said, one)| in_context(fault(one, said), one, &twins)).collect();
    let hopeless = file.faults.iter().any(|fault| matches!(fault.kind, FaultKind::TooDeep | FaultKind::TooLarge));
    match &file.version {
        Some(version) if version.text == VERSION => {}
        Some(version) => out.push(
            Diagnostic::error(
                Code::UnsupportedVersion,
                version.span,
                format!("version {} of the language is not known", version.text),
            )
            .label("not a known version")
            .help(format!("write `pbpo {VERSION}`")),
        ),
        None if hopeless || out.iter().any(|d| header_line(source, d.primary.span)) => {}
        None => {
            let line = first_line(id, source);
            let error = Diagnostic::error(Code::MissingHeader, line, "the file does not start with `pbpo 1`");
            let error = if line.is_empty() { error } else { error.label("the first line that is not a comment") };
            let mut error = error.help(format!("make `pbpo {VERSION}` the first line"));
            // A byte order mark stays at the start of the file.
            let start = if source.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
            let edits = vec![(Span::new(id, start, start), format!("pbpo {VERSION}\n"))];
            error.fix = Some(Box::new(Fix { title: format!("put `pbpo {VERSION}` in front"), edits }));
            out.push(error);
        }
    }
    out
}

/// Adapts a fault's finding to its context: its fix must keep the meaning.
fn in_context(error: Diagnostic, fault: &Fault, twins: &BTreeSet<String>) -> Diagnostic {
    let FaultKind::Foreign { found, write } = &fault.kind else { return error };
    if twins.contains(write) && !found.is_ascii() {
        let mut error = error.help(format!("`{write}` is declared too: give one of the two another name"));
        error.fix = None;
        return error;
    }
    error
}

/// Returns names that are declared in letters of two alphabets and look the same: after a fix they would be one name.
fn twins(file: &File, source: &str) -> BTreeSet<String> {
    if source.is_ascii() {
        return BTreeSet::new();
    }
    let mut spelled: BTreeMap<&str, &str> = BTreeMap::new();
    let mut twins = BTreeSet::new();
    for name in file.items.iter().flat_map(declared) {
        let first = *spelled.entry(&name.text).or_insert(name.span.text(source));
        if first != name.span.text(source) {
            twins.insert(name.text.clone());
        }
    }
    twins
}

/// Returns every name that an item declares, its parameters and variables among them.
fn declared(item: &Item) -> Vec<&Ident> {
    let mut names: Vec<&Ident> = item.name().into_iter().collect();
    match item {
        Item::Import(import) => names.extend(import.names.iter().map(|name| name.here())),
        Item::Objective(objective) => names.extend(objective.formals.iter().map(|formal| &formal.name)),
        Item::Pipeline(pipeline) => {
            names.extend(pipeline.formals.iter().flatten().map(|formal| &formal.name));
            if let PipelineBody::Stmts(body) = &pipeline.body {
                assigned(&body.stmts, &mut names);
            }
        }
        _ => {}
    }
    names
}

fn assigned<'s>(stmts: &'s [Stmt], names: &mut Vec<&'s Ident>) {
    for stmt in stmts {
        match stmt {
            Stmt::Assign { name, .. } | Stmt::Append { name, .. } => names.push(name),
            Stmt::Repeat { body, .. } => assigned(&body.stmts, names),
            Stmt::Climb { .. } | Stmt::Call { .. } => {}
        }
    }
}

/// Tells whether a place is on a line that starts with `pbpo`, so that its fault is the header's.
fn header_line(source: &str, span: Span) -> bool {
    let start = source.get(..span.start as usize).and_then(|s| s.rfind('\n')).map_or(0, |at| at + 1);
    source.get(start..).is_some_and(|line| line.trim_start_matches('\u{FEFF}').trim_start().starts_with("pbpo"))
}

/// Tells whether a text begins with the header of the language, after comments.
pub fn has_header(source: &str) -> bool {
    let line = first_line(FileId::default(), source);
    line.text(source).starts_with("pbpo")
}

/// Returns the first line that is neither empty nor a comment; the start of an empty file.
fn first_line(id: FileId, source: &str) -> Span {
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let text = line.trim_start_matches('\u{FEFF}').trim();
        if !text.is_empty() && !text.starts_with("//") {
            let from = start + line.find(text).unwrap_or(0);
            return Span::new(id, from, from + text.len());
        }
        start += line.len();
    }
    Span::new(id, 0, 0)
}

/// Makes the finding for one fault; `said` is the number of earlier findings.
pub fn fault(fault: &Fault, said: usize) -> Diagnostic {
    let span = fault.span;
    match &fault.kind {
        FaultKind::Unexpected { expected, found } => unexpected(span, expected, found),
        FaultKind::UnknownItem { word } => unknown_kind(word, span, said),
        FaultKind::Unclosed { opener, closer, end } => {
            let error = Diagnostic::error(Code::Unclosed, span, format!("`{opener}` is never closed"));
            let error = error.label(format!("the `{closer}` of this is missing"));
            if end.start > span.end { error.also(*end, format!("`{closer}` expected before here")) } else { error }
                .help(format!("add `{closer}`"))
        }
        FaultKind::Stray { found } => Diagnostic::error(Code::Unclosed, span, format!("`{found}` closes nothing"))
            .label("nothing is open here")
            .help("remove it, or add the opener it belongs to"),
        FaultKind::Foreign { found, write } => foreign(span, found, write),
        FaultKind::Habit { found, help } => {
            Diagnostic::error(Code::ForeignSpelling, span, format!("`{found}` is not part of the language"))
                .label("a statement of another language")
                .help(help.clone())
        }
        FaultKind::UnknownEscape { found, all } => unknown_escape(span, found, all),
        FaultKind::LateBrace => Diagnostic::error(Code::Unexpected, span, "a `{` on a line of its own")
            .label("this belongs to the line above")
            .help("write `{` at the end of the head"),
        FaultKind::TooDeep => Diagnostic::error(Code::TooDeep, span, format!("nested deeper than {MAX_DEPTH} levels"))
            .label("too deep from here on")
            .help("split it into smaller pieces"),
        FaultKind::TooLarge => {
            Diagnostic::error(Code::TooLarge, span, format!("the file is larger than {} MiB", MAX_BYTES >> 20))
                .help("split it, or generate less")
        }
    }
}

/// Makes a fix for all escapes of a text, in which each `\\` is probably meant literally.
fn unknown_escape(span: Span, found: &str, all: &[Span]) -> Diagnostic {
    let mut error = Diagnostic::error(Code::UnknownEscape, span, format!("texts have no escape `{found}`"))
        .label(match all.len() {
            1 => "not an escape".to_owned(),
            count => format!("the first of {count} in this text"),
        })
        .help(format!("write `\\{found}` for a `\\` as it stands; the escapes are `\\n`, `\\t`, `\\\"` and `\\\\`"));
    let edits = all.iter().map(|at| (Span { end: at.start, ..*at }, "\\".to_owned())).collect();
    error.fix = Some(Box::new(Fix { title: format!("write `\\{found}`"), edits }));
    error
}

fn unexpected(span: Span, expected: &[&'static str], found: &str) -> Diagnostic {
    let what = if found.is_empty() { "the end of the line".to_owned() } else { format!("`{found}`") };
    if let (true, Some(closer @ ("}" | ")" | "]"))) = (expected.is_empty(), Some(found)) {
        return Diagnostic::error(Code::Unclosed, span, format!("`{closer}` closes nothing"))
            .label("nothing is open here");
    }
    if expected.is_empty() {
        let error = Diagnostic::error(Code::Unexpected, span, format!("{what} can't stand here"));
        return if found == "pbpo" { error.help("make `pbpo 1` the first line") } else { error };
    }
    let words: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
    let expected = suggest::join(&words, "or");
    let error = Diagnostic::error(Code::Unexpected, span, format!("expected {expected}, found {what}"));
    let wanted = |mark: &str| words.iter().any(|word| word == mark);
    let help = match found {
        "(" if wanted("`=`") => Some("give the result a name: `name = ...`"),
        "=" if words.len() == 1 && wanted("`:`") => Some("write the type too: `param NAME: float = ...`"),
        "=" if words.len() == 1 && wanted("`{`") => Some("write `{ FIELD = VALUE }`"),
        "" if wanted("`{`") => Some("add `{` here, and `}` below"),
        _ if words.len() == 1 && wanted("`name: type`") => {
            Some("give each its type, as `pi: policy`, `b: preferences`, `beta: float`")
        }
        _ => None,
    };
    error.label(format!("expected {expected}")).maybe_help(help.map(str::to_owned))
}

fn foreign(span: Span, found: &str, write: &str) -> Diagnostic {
    let message = match found {
        "an odd blank" => "a blank that is no space".to_owned(),
        // A whole line is shown in the picture below.
        line if line.contains([' ', '.']) && line != "(...)" && !line.ends_with(':') => {
            "this is written in another way".to_owned()
        }
        word if word.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_ascii()) => {
            format!("`{found}` has letters of another alphabet")
        }
        _ => format!("`{found}` is not part of the language"),
    };
    let error = Diagnostic::error(Code::ForeignSpelling, span, message);
    match (found, write) {
        (";", ",") => {
            error.label("a line or `,` ends a field").write(",").help("write `,` between what is on one line")
        }
        ("(...)", write) => error.label("a list stands in brackets").write(write),
        (";", _) => error.label("a line ends a statement").write("").help("remove every `;` at the end of a line"),
        ("#", _) => error.label("not a comment").write("//").help("start comments with `//`"),
        ("an odd blank", _) => error.label("it only looks like one").write(" ").help("write a space"),
        (_, head) if head.ends_with('{') => error
            .label("a block by its indentation")
            .help(format!("write `{head}`, the fields as `name = value`, and a `}}` below them")),
        ("**" | "^", _) => error.label("there are no powers").help("write `square(x)`, or `exp(n * log(x))`"),
        (_, "") => error.label("not a name").help("write names in ASCII letters, digits and `_`"),
        (_, write) if write.trim() == "=" => error.label("a value is given with `=`").write(write),
        (_, write) if write.trim() == "in" => error.label("values are swept with `in`").write(write),
        (_, write) if write.starts_with('"') => error.label("a text stands in double quotes").write(write),
        (word, write) if word.chars().all(char::is_alphanumeric) && !word.is_ascii() => {
            error.label("it only looks right").write(write)
        }
        _ => error.label("another language's spelling").write(write),
    }
}
