//! With the source and labels under it, drawn by miette.

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

/// At most this many are drawn.
const MOST: usize = 50;
/// Most bytes of a line that is drawn. No one writes such; where there is one, a line has to do.
const LONGEST: usize = 2000;

/// How it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// Every diagnostic of a compilation.
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
    for diagnostic in compiled.diagnostics.iter().take(MOST) {
        if std::iter::once(&diagnostic.primary).chain(&diagnostic.others).any(|label| long(&compiled.sources, label)) {
            out.push_str(&short::line(diagnostic, &compiled.sources));
            continue;
        }
        let drawn = Drawn::new(diagnostic, &shown);
        // A formatter that writes to a string fails only by a bug in it: the short form is still there.
        if handler.render_report(&mut out, &drawn).is_err() {
            out.push_str(&format!("{}: {}\n", diagnostic.code.text(), diagnostic.message));
        }
    }
    let left = compiled.diagnostics.len().saturating_sub(MOST);
    if left > 0 {
        out.push_str(&format!("... and {left} more (`--format short` shows all)\n"));
    }
    out
}

/// Whether a line that would be drawn for a label is too long: one of its own, or one next to them.
fn long(sources: &SourceMap, label: &Label) -> bool {
    let text = sources.get(label.span.file).map_or("", |file| &file.text);
    let before = text.get(..label.span.start as usize).unwrap_or("").rsplit('\n').take(2);
    let behind = text.get(label.span.end as usize..).unwrap_or("").split('\n').take(2);
    before.chain(behind).chain(sources.text(label.span).split('\n')).any(|line| line.len() > LONGEST)
}

/// A diagnostic with the text that its labels point into.
#[derive(Debug)]
struct Drawn<'d> {
    diagnostic: &'d Diagnostic,
    /// Nothing where there is no text to show.
    source: Option<NamedSource<Arc<str>>>,
    labels: Vec<LabeledSpan>,
    /// Labels in other files: one text is drawn at a time.
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

/// The sources as a terminal may show them: control characters are escaped, which moves what comes after them.
struct Shown<'s> {
    sources: &'s SourceMap,
    /// Of each text that has some, on its first use: the text with its control characters escaped, and where each of them
    /// was and how many bytes it and those before it have grown by.
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

    /// The text of a file, as it is shown.
    fn text(&self, file: FileId) -> Option<Arc<str>> {
        let written = &self.sources.get(file)?.text;
        Some(self.file(file).text.unwrap_or_else(|| written.clone()))
    }

    /// Where a byte of a file is in the text that is shown.
    fn place(&self, file: FileId, at: usize) -> usize {
        let grown = self.file(file).grown;
        let before = grown.partition_point(|(place, _)| *place < at).checked_sub(1);
        at + before.and_then(|index| grown.get(index)).map_or(0, |(_, by)| *by)
    }
}

fn escape(text: &str) -> Escaped {
    // The `\r` of `\r\n` is no control character of its own, nor is the mark at the start of a file.
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

/// A label of no length at the end of a text would not be drawn: it goes onto the last thing before.
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
