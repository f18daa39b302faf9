//! Renders diagnostics with the source and labels under it, drawn by miette.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use pbpo_grammar::{FileId, Span};
use pbpo_outside::shown;

use super::short;
use crate::Compiled;
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::SourceMap;

/// The largest number of findings that are drawn.
const MOST_DRAWN: usize = 50;
/// The largest number of bytes of a drawn line. Of a longer line only the part around the finding is shown.
const LONGEST: usize = 400;
/// The numbers of characters that are shown of a longer line: in front of the finding, and from its start on.
const AROUND: (usize, usize) = (40, 110);

/// The style of drawing.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    /// The width in columns.
    pub width: usize,
}

/// Renders every diagnostic of a compilation.
pub fn render(compiled: &Compiled, style: Style) -> String {
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_links(false)
        .with_break_words(false)
        .with_context_lines(1)
        .without_syntax_highlighting();
    let mut out = String::new();
    let shown = Shown::new(&compiled.sources);
    for diagnostic in compiled.diagnostics.iter().take(MOST_DRAWN) {
        if std::iter::once(&diagnostic.primary).chain(&diagnostic.others).any(|label| long(&compiled.sources, label)) {
            out.push_str(&short::line(diagnostic, &compiled.sources));
            out.push_str(&excerpt(diagnostic, &compiled.sources));
            continue;
        }
        let drawn = Drawn::new(diagnostic, &shown);
        // Formatting into a string fails only because of a bug; the short form is used then.
        if handler.render_report(&mut out, &drawn).is_err() {
            out.push_str(&format!("{}: {}\n", diagnostic.code.text(), diagnostic.message));
        }
    }
    let left = compiled.diagnostics.len().saturating_sub(MOST_DRAWN);
    if left > 0 {
        out.push_str(&format!("... and {left} more (`--format short` shows all)\n"));
    }
    out
}

/// Tells whether a line to be drawn for a label is too long: its own line, or one next to it.
fn long(sources: &SourceMap, label: &Label) -> bool {
    let text = sources.get(label.span.file).map_or("", |file| &file.text);
    let before = text.get(..label.span.start as usize).unwrap_or("").rsplit('\n').take(2);
    let behind = text.get(label.span.end as usize..).unwrap_or("").split('\n').take(2);
    before.chain(behind).chain(sources.text(label.span).split('\n')).any(|line| line.len() > LONGEST)
}

/// Returns the part of a long line around a finding, with marks below it, and `…` where it is cut.
fn excerpt(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let Label { span, text } = &diagnostic.primary;
    let whole = sources.get(span.file).map_or("", |file| &file.text);
    let (before, after) = whole.split_at_checked(span.start as usize).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let behind = after.split(['\n', '\r']).next().unwrap_or_default();
    let from = line.char_indices().rev().take(AROUND.0).last().map_or(line.len(), |(at, _)| at);
    let to = behind.char_indices().nth(AROUND.1).map_or(behind.len(), |(at, _)| at);
    let (front, shown) = (line.get(from..).unwrap_or_default(), behind.get(..to).unwrap_or_default());
    let found = shown.get(..((span.end - span.start) as usize).min(shown.len())).unwrap_or(shown);
    let mark = |cut: bool| if cut { "…" } else { "" };
    let front = format!("{}{}", mark(from > 0), shown::line(front));
    let label = if text.is_empty() { String::new() } else { format!(" {}", shown::line(text)) };
    format!(
        "    {front}{}{}\n    {}{}{label}\n",
        shown::line(shown),
        mark(to < behind.len()),
        " ".repeat(shown::width(&front)),
        "^".repeat(shown::width(&shown::line(found)).max(1)),
    )
}

/// A diagnostic with the text that its labels point into.
#[derive(Debug)]
struct Drawn<'d> {
    diagnostic: &'d Diagnostic,
    /// The source text; `None` if there is none to show.
    source: Option<NamedSource<Arc<str>>>,
    labels: Vec<LabeledSpan>,
    /// The labels in other files, because only one text is drawn at a time.
    elsewhere: Vec<Elsewhere>,
}

/// A label in another file.
#[derive(Debug)]
struct Elsewhere {
    text: String,
    source: NamedSource<Arc<str>>,
    label: LabeledSpan,
}

impl<'d> Drawn<'d> {
    fn new(diagnostic: &'d Diagnostic, sources: &Shown<'_>) -> Self {
        let file = diagnostic.primary.span.file;
        let source = named(sources, diagnostic.primary.span);
        let text = |label: &Label| (!label.text.is_empty()).then(|| shown::line(&label.text).into_owned());
        let mut labels = vec![LabeledSpan::new_primary_with_span(
            text(&diagnostic.primary),
            place(sources, diagnostic.primary.span),
        )];
        let mut elsewhere = Vec::new();
        for label in &diagnostic.others {
            if label.span.file == file {
                labels.push(LabeledSpan::new_with_span(text(label), place(sources, label.span)));
            } else if let Some(source) = named(sources, label.span) {
                let label_here = LabeledSpan::new_primary_with_span(None, place(sources, label.span));
                elsewhere.push(Elsewhere { text: shown::line(&label.text).into_owned(), source, label: label_here });
            }
        }
        Self { diagnostic, source, labels, elsewhere }
    }
}

/// The sources as shown on a terminal: control characters are escaped, which shifts the text after them.
struct Shown<'s> {
    sources: &'s SourceMap,
    /// The escaped text of each file that has control characters, with the offsets by which its bytes moved; made on
    /// first use.
    escaped: RefCell<BTreeMap<FileId, Escaped>>,
}

#[derive(Clone, Default)]
struct Escaped {
    text: Option<Arc<str>>,
    grown: Arc<Vec<(usize, usize)>>,
}

impl<'s> Shown<'s> {
    fn new(sources: &'s SourceMap) -> Self {
        Self { sources, escaped: RefCell::default() }
    }

    fn file(&self, file: FileId) -> Escaped {
        let mut known = self.escaped.borrow_mut();
        known
            .entry(file)
            .or_insert_with(|| self.sources.get(file).map(|file| escape(&file.text)).unwrap_or_default())
            .clone()
    }

    /// Returns the text of a file in its shown form.
    fn text(&self, file: FileId) -> Option<Arc<str>> {
        let written = &self.sources.get(file)?.text;
        Some(self.file(file).text.unwrap_or_else(|| written.clone()))
    }

    /// Returns the position of a file's byte in the shown text.
    fn place(&self, file: FileId, at: usize) -> usize {
        let grown = self.file(file).grown;
        let before = grown.partition_point(|(place, _)| *place < at).checked_sub(1);
        at + before.and_then(|index| grown.get(index)).map_or(0, |(_, by)| *by)
    }
}

fn escape(text: &str) -> Escaped {
    // The `\r` of `\r
    // ` is not escaped, and neither is the mark at the start of a file.
    let end = |at: usize, c: char| c == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n');
    let hidden = |at: usize, c: char| {
        shown::is_control(c) && c != '\n' && c != '\t' && !end(at, c) && !(at == 0 && c == '\u{feff}')
    };
    if !text.char_indices().any(|(at, c)| hidden(at, c)) {
        return Escaped::default();
    }
    let (mut out, mut grown) = (String::with_capacity(text.len() + 64), Vec::new());
    for (at, c) in text.char_indices() {
        if hidden(at, c) {
            out.extend(c.escape_default());
            grown.push((at, out.len() - at - c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    Escaped { text: Some(out.into()), grown: Arc::new(grown) }
}

fn named(sources: &Shown<'_>, span: Span) -> Option<NamedSource<Arc<str>>> {
    let name = &sources.sources.get(span.file)?.name;
    Some(NamedSource::new(shown::line(name), sources.text(span.file)?))
}

/// Returns the range of a label. A label of no length at the end of a text would not be drawn, so it moves to the last
/// token before.
fn place(sources: &Shown<'_>, span: Span) -> Range<usize> {
    let (start, end) = (sources.place(span.file, span.start as usize), sources.place(span.file, span.end as usize));
    if start < end {
        return start..end;
    }
    let text = sources.text(span.file);
    let before = text.as_deref().and_then(|text| text.get(..start)).unwrap_or("").trim_end();
    match before.char_indices().next_back() {
        Some((at, _)) => at..before.len(),
        None => start..start,
    }
}

impl Display for Drawn<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&shown::line(&self.diagnostic.message))
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.diagnostic.code.text()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(shown::lines(help)) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let related = self.elsewhere.iter().map(|label| label as &dyn miette::Diagnostic);
        (!self.elsewhere.is_empty()).then(|| Box::new(related) as Box<dyn Iterator<Item = &'a dyn miette::Diagnostic>>)
    }
}

impl Display for Elsewhere {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Elsewhere {}

impl miette::Diagnostic for Elsewhere {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}
