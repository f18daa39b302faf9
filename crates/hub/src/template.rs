//! Chat templates: messages to text, as `apply_chat_template` of transformers renders them.
//!
//! Templates are Jinja as transformers sets it up: `trim_blocks`, `lstrip_blocks`, loop controls, Python's string
//! methods, `tojson` that escapes no HTML, `raise_exception`, `strftime_now`, and `{% generation %}` marks.

mod bounds;
mod clock;
mod dumps;
mod filters;
mod methods;
mod namespace;
mod python;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, State, Value, context};

use crate::{Chat, Error};
use clock::Clock;
pub use clock::VARIABLE as DATE_VARIABLE;

/// A compiled chat template.
#[derive(Clone, Debug)]
pub struct Template {
    file: PathBuf,
    environment: Arc<Environment<'static>>,
    clock: Arc<Clock>,
}

impl Template {
    /// Compiles a template; errors name `file`.
    pub fn new(source: &str, file: &Path) -> Result<Self, Error> {
        let refused = |why: &dyn Display| refused(file, why);
        bounds::check(source).map_err(|why| refused(&why))?;
        let mut environment = Environment::new();
        environment.set_fuel(Some(bounds::FUEL));
        filters::add(&mut environment);
        namespace::add(&mut environment);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let syntax = syntax.map_err(|error| fault(file, &error, "cannot be compiled"))?;
        let source = namespace::with_calls(&without_generation_marks(source), &syntax);
        environment.set_syntax(syntax);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(python::format);
        environment.set_unknown_method_callback(methods::call);
        environment.add_filter("tojson", python::tojson);
        environment.add_test("iterable", python::is_iterable);
        environment.add_function(
            "raise_exception",
            |state: &State, message: Value| -> Result<String, minijinja::Error> {
                let message = python::text(state, &message)?;
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
            },
        );
        let clock = tell(&mut environment, Clock::default());
        let compile = move || environment.add_template_owned(NAME, source).map(|()| environment);
        let compiled = bounds::run(compile).map_err(|stopped| refused(&stopped))?;
        let environment = compiled.map_err(|error| fault(file, &error, "cannot be compiled"))?;
        Ok(Self { file: file.to_owned(), environment: Arc::new(environment), clock })
    }

    /// Returns the template with its date fixed, in seconds since 1970; `None` if there is no such day.
    pub fn fixed_at(mut self, seconds: i64) -> Option<Self> {
        let clock = Clock::at(seconds)?;
        self.clock = tell(Arc::make_mut(&mut self.environment), clock);
        Some(self)
    }

    /// Returns the date, as `2024-07-26`, if the template has asked for it: its texts then hold only on this day. The
    /// variable `DATE_VARIABLE` of the environment fixes the date.
    pub fn date(&self) -> Option<String> {
        self.clock.date()
    }

    /// Returns the text of a chat. `add_generation_prompt` ends it with the opening of the assistant's turn. `bos` and
    /// `eos` are the texts of the tokens that the template may write; transformers gives `None` if a tokenizer has no
    /// such token. The chat's own variables take precedence over them.
    ///
    /// A template that raises gives an error with the template's own words and line.
    pub fn render(
        &self,
        chat: impl Into<Chat>,
        add_generation_prompt: bool,
        bos: Option<&str>,
        eos: Option<&str>,
    ) -> Result<String, Error> {
        let special = [("bos_token", bos), ("eos_token", eos)];
        let special = special.into_iter().filter_map(|(name, text)| Some((name, text?)));
        self.render_with(&chat.into(), add_generation_prompt, special)
    }

    /// Does the same with all special tokens that the template may write, each with the name of its variable.
    pub(crate) fn render_with<'a>(
        &self,
        chat: &Chat,
        add_generation_prompt: bool,
        special: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<String, Error> {
        let special: BTreeMap<String, Value> =
            special.map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
        let context = context! {
            ..Value::from(Serde(&chat.kwargs)),
            ..context! {
                messages => Value::from(Serde(chat.fields())), add_generation_prompt,
                tools => Value::from(Serde(&chat.tools)), documents => Value::from(()),
            },
            ..Value::from(special)
        };
        let environment = Arc::clone(&self.environment);
        let apply = move || -> Result<Vec<u8>, minijinja::Error> {
            let mut text = bounds::Limited::default();
            environment.get_template(NAME)?.render_captured_to(context, &mut text)?;
            Ok(text.bytes)
        };
        let applied = bounds::run(apply).map_err(|stopped| refused(&self.file, &stopped))?;
        let text = applied.map_err(|error| fault(&self.file, &error, "cannot be applied"))?;
        String::from_utf8(text).map_err(|error| Error::at(&self.file, error))
    }
}

const NAME: &str = "chat_template";

/// Gives templates `strftime_now`, which reads a clock.
fn tell(environment: &mut Environment<'static>, clock: Clock) -> Arc<Clock> {
    let clock = Arc::new(clock);
    let told = Arc::clone(&clock);
    environment.add_function("strftime_now", move |state: &State, format: Value| {
        told.strftime(&python::text(state, &format)?)
    });
    clock
}

/// The mark of an error that a template raised itself.
const RAISED: &str = "raise_exception: ";

/// The largest number of characters that an error shows of a raised message.
const SHOWN: usize = 2000;

fn fault(file: &Path, error: &minijinja::Error, what: &str) -> Error {
    let line = error.line().map(|line| format!(" line {line}")).unwrap_or_default();
    let detail = error.detail().unwrap_or_default();
    if let Some(message) = detail.strip_prefix(RAISED) {
        let message: String = message.chars().take(SHOWN).collect();
        let message = format!("{}{line}: the chat template refuses these messages: {message}", file.display());
        return Error::new(message).help("change the messages' roles or order to what the template wants");
    }
    match error.kind() {
        ErrorKind::OutOfFuel => refused(file, &format!("more than {} steps, or 64 MB made on the way", bounds::FUEL)),
        ErrorKind::WriteFailure => refused(file, &bounds::TOO_LONG),
        kind => {
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            Error::new(format!("{}{line}: the chat template {what}: {kind}{detail}", file.display()))
        }
    }
}

/// Makes the error for a template that exceeds the limits.
fn refused(file: &Path, why: &dyn Display) -> Error {
    Error::at(file, format!("the chat template does not end within its bounds: {why}"))
        .help("no template in use needs so much: use the one that came with the model")
}

/// Returns the template without `{% generation %}` and `{% endgeneration %}`, which only mark the text of an assistant:
/// they become a block that always applies.
fn without_generation_marks(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        text.push_str(before);
        let length = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(length);
        let word = tag.trim_start_matches("{%").trim_end_matches("%}").trim_matches(['-', '+']).trim();
        match word {
            "generation" => text.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => text.push_str(&tag.replace("endgeneration", "endif")),
            _ => text.push_str(tag),
        }
        rest = after;
    }
    text + rest
}
