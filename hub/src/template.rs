//! Chat templates: messages to text, as `apply_chat_template` of transformers renders them.
//!
//! Templates are Jinja as transformers sets it up: `trim_blocks`, `lstrip_blocks`, loop controls, Python's string
//! methods, `tojson` that escapes no HTML, `raise_exception`, `strftime_now`, and `{% generation %}` marks.

mod clock;
mod python;

use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value, context};

use crate::{Chat, Error};

/// A compiled chat template.
#[derive(Clone, Debug)]
pub struct Template {
    file: PathBuf,
    environment: Environment<'static>,
}

impl Template {
    /// Compiles a template; `file` is what errors name.
    pub fn new(source: &str, file: &Path) -> Result<Self, Error> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| fault(file, &error, "cannot be compiled"))?);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(python::format);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python::tojson);
        environment.add_test("iterable", python::is_iterable);
        environment.add_function("raise_exception", |message: String| -> Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
        });
        environment.add_function("strftime_now", clock::strftime);
        environment
            .add_template_owned(NAME, without_generation_marks(source))
            .map_err(|error| fault(file, &error, "cannot be compiled"))?;
        Ok(Self { file: file.to_owned(), environment })
    }

    /// The text of a chat. `add_generation_prompt` ends it with the opening of the assistant's turn. `bos` and `eos`
    /// are the texts of the tokens that the template may write; None is what transformers gives where a tokenizer has
    /// none. The chat's own variables go before them.
    ///
    /// A template that raises is an error with the template's own words and line.
    pub fn render(
        &self,
        chat: impl Into<Chat>,
        add_generation_prompt: bool,
        bos: Option<&str>,
        eos: Option<&str>,
    ) -> Result<String, Error> {
        let chat = chat.into();
        let or_undefined = |text: Option<&str>| text.map_or(Value::UNDEFINED, Value::from);
        let context = context! {
            ..Value::from(Serde(&chat.kwargs)),
            ..context! {
                messages => Value::from(Serde(chat.fields())), add_generation_prompt,
                tools => Value::from(Serde(&chat.tools)), documents => Value::from(()),
                bos_token => or_undefined(bos), eos_token => or_undefined(eos),
            }
        };
        let template = self.environment.get_template(NAME).map_err(|error| fault(&self.file, &error, "is lost"))?;
        template.render(context).map_err(|error| fault(&self.file, &error, "cannot be applied"))
    }
}

const NAME: &str = "chat_template";

/// Marks what a template raised by itself.
const RAISED: &str = "raise_exception: ";

fn fault(file: &Path, error: &minijinja::Error, what: &str) -> Error {
    let line = error.line().map(|line| format!(" line {line}")).unwrap_or_default();
    let detail = error.detail().unwrap_or_default();
    match detail.strip_prefix(RAISED) {
        Some(message) => {
            Error::new(format!("{}{line}: the chat template refuses these messages: {message}", file.display()))
                .help("change the messages' roles or order to what the template wants")
        }
        None => {
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            Error::new(format!("{}{line}: the chat template {what}: {}{detail}", file.display(), error.kind()))
        }
    }
}

/// The template without `{% generation %}` and `{% endgeneration %}`, which only mark what an assistant wrote: they
/// become a block that always is.
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
