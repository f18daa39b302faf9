//! A diagnostic as a plain value. Renderers are in `render/`.

use pbpo_grammar::Span;
use pbpo_outside::shown;

use crate::code::Code;
use crate::suggest;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// A place with a text.
#[derive(Clone, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One finding. The message states the error in the user's words (lower case, no full stop); the primary label shows
/// what was found, the others the declarations that forbid it; the help says what to type.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    pub primary: Label,
    pub others: Vec<Label>,
    pub help: Option<Box<str>>,
    /// The change that `check --fix` makes.
    pub fix: Option<Box<Fix>>,
}

/// A change that fixes a finding without any decision by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    /// The places to replace, with their new texts.
    pub edits: Vec<(Span, String)>,
}

/// The label of a name that no block has.
pub const DECLARED_NOWHERE: &str = "declared nowhere";

impl Diagnostic {
    /// Returns true if a name is declared nowhere and looks like none that is, so that a declaration is likely missing.
    pub fn is_missing_declaration(&self) -> bool {
        let guessed = self.help.as_deref().is_some_and(|help| help.starts_with("did you mean"));
        self.code == Code::UnknownName && self.primary.text == DECLARED_NOWHERE && !guessed
    }

    /// An error at a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        let primary = Label { span, text: String::new() };
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary,
            others: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Makes a warning at a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Sets the text of the primary label.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place, with its relation to the finding.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.others.push(Label { span, text: text.into() });
        self
    }

    /// Adds a help text: an imperative with the text to type.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into().into_boxed_str());
        self
    }

    /// Adds the word that was probably meant, else a short list of valid words. A single word is also the fix and
    /// replaces the primary place. `said` is the number of earlier findings: the search for words is slow, so only the
    /// first findings get suggestions.
    #[must_use]
    pub fn suggest<'c>(mut self, said: usize, found: &str, candidates: impl FnOnce() -> Vec<&'c str>) -> Self {
        if !suggest::worth(said) {
            return self;
        }
        let candidates = candidates();
        let near = suggest::nearest(found, candidates.iter().copied());
        if let Some(word) = near {
            let span = self.primary.span;
            self.fix = Some(Box::new(Fix { title: format!("write `{word}`"), edits: vec![(span, word.to_owned())] }));
        }
        self.help = suggest::help_of(near, &candidates).map(String::into_boxed_str).or(self.help);
        self
    }

    /// Adds a text that replaces the primary place, as help and as fix.
    #[must_use]
    pub fn write(mut self, text: &str) -> Self {
        let span = self.primary.span;
        self.fix = Some(Box::new(Fix { title: format!("write `{text}`"), edits: vec![(span, text.to_owned())] }));
        self.help = Some(format!("write `{}`", text.trim()).into_boxed_str());
        self
    }

    /// Cuts the user's texts in all that is said. The edits of a fix stay as they are.
    fn shorten(&mut self) {
        let labels = self.others.iter_mut().chain([&mut self.primary]).map(|label| &mut label.text);
        let title = self.fix.as_mut().map(|fix| &mut fix.title);
        for text in labels.chain([&mut self.message]).chain(title) {
            if let Some(short) = short(text) {
                *text = short;
            }
        }
        if let Some(short) = self.help.as_deref().and_then(short) {
            self.help = Some(short.into_boxed_str());
        }
    }

    /// Replaces global names by the words of the file: `loop::prompts` is written `prompts` in `loop`.
    pub fn demangle(&mut self) {
        self.message = suggest::local_names(&self.message);
        for label in self.others.iter_mut().chain([&mut self.primary]) {
            label.text = suggest::local_names(&label.text);
        }
        self.help = self.help.as_ref().map(|help| suggest::local_names(help).into_boxed_str());
    }

    /// Calls [`Self::help`] if there is a text.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help = text.map(String::into_boxed_str).or(self.help);
        self
    }
}

/// Tells whether any is an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// The largest number of columns of a user's text in a message, and of a message.
const LONGEST: (usize, usize) = (200, 2000);

/// Returns a message in which the texts between backquotes are cut, if they are very long.
fn short(message: &str) -> Option<String> {
    if message.len() <= LONGEST.0 {
        return None;
    }
    let cut = |(place, part): (usize, &str)| match place % 2 == 1 && shown::width(part) > LONGEST.0 {
        true => shown::cut(part, LONGEST.0).into_owned(),
        false => part.to_owned(),
    };
    let parts: Vec<String> = message.split('`').enumerate().map(cut).collect();
    let message = parts.join("`");
    Some(if shown::width(&message) > LONGEST.1 { shown::cut(&message, LONGEST.1).into_owned() } else { message })
}

/// Sorts findings in file order, removes duplicates, shows names as they are written, and cuts very long texts.
pub fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.iter_mut().for_each(Diagnostic::demangle);
    diagnostics.sort_by(|a, b| {
        let place = |d: &Diagnostic| (d.primary.span, d.code.text());
        place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup_by(|a, b| a.primary.span == b.primary.span && a.code == b.code && a.message == b.message);
    diagnostics.iter_mut().for_each(Diagnostic::shorten);
}
