//! With the source and labels under it, drawn by miette.

use std::fmt::{self, Display, Formatter};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use pbpo_grammar::Span;

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
    for diagnostic in compiled.diagnostics.iter().take(MOST) {
        if std::iter::once(&diagnostic.primary).chain(&diagnostic.others).any(|label| long(&compiled.sources, label)) {
            out.push_str(&short::line(diagnostic, &compiled.sources));
            continue;
        }
        let drawn = Drawn::new(diagnostic, &compiled.sources);
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
    source: Option<NamedSource<std::sync::Arc<str>>>,
    labels: Vec<LabeledSpan>,
    /// Labels in other files: one text is drawn at a time.
    elsewhere: Vec<Elsewhere>,
}

/// A label in another file.
#[derive(Debug)]
struct Elsewhere {
    text: String,
    source: NamedSource<std::sync::Arc<str>>,
    label: LabeledSpan,
}

impl<'d> Drawn<'d> {
    fn new(diagnostic: &'d Diagnostic, sources: &SourceMap) -> Self {
        let file = diagnostic.primary.span.file;
        let source = named(sources, diagnostic.primary.span);
        let text = |label: &Label| (!label.text.is_empty()).then(|| label.text.clone());
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
                elsewhere.push(Elsewhere { text: label.text.clone(), source, label: label_here });
            }
        }
        Self { diagnostic, source, labels, elsewhere }
    }
}

fn named(sources: &SourceMap, span: Span) -> Option<NamedSource<std::sync::Arc<str>>> {
    let file = sources.get(span.file)?;
    Some(NamedSource::new(&file.name, file.text.clone()))
}

/// A label of no length at the end of a text would not be drawn: it goes onto the last thing before.
fn place(sources: &SourceMap, span: Span) -> std::ops::Range<usize> {
    let (start, end) = (span.start as usize, span.end as usize);
    if start < end {
        return start..end;
    }
    let text = sources.get(span.file).map_or("", |file| &file.text);
    let before = text.get(..start).unwrap_or("").trim_end();
    match before.char_indices().next_back() {
        Some((at, _)) => at..before.len(),
        None => start..start,
    }
}

impl Display for Drawn<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
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
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
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
