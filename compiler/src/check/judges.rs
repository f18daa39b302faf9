//! Checks settings of judges beyond their types: address, prompt, labels and extra fields. The rules are those of
//! `pbpo_outside::judge`, by which the crate `pbpo-judge` checks what it is given.

use pbpo_grammar::Span;
use pbpo_outside::judge::{Misplaced, is_label, is_taken, is_variable, pieces, undeclared};
use serde_json::Value as Json;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Choice, Value};

/// Checks the rules of `by = chat { ... }` and `by = decision { ... }`.
pub(super) fn rules(by: &Choice, out: &mut Vec<Diagnostic>) {
    if !matches!(by.name, "chat" | "decision") {
        return;
    }
    let args = &by.args;
    for field in ["model", "question"] {
        if let (Some(text), Some(at)) = (args.text(field), args.span(field))
            && text.is_empty()
        {
            out.push(wrong(at, &format!("`{field}` is empty"), "a text belongs here"));
        }
    }
    if let (Some(url), Some(at)) = (args.text("url"), args.span("url"))
        && let Err((message, label)) = address(url)
    {
        out.push(wrong(at, message, label).help("write `url = \"http://localhost:8000/v1\"`"));
    }
    if let (Some(name), Some(at)) = (args.text("key"), args.span("key"))
        && !is_variable(name)
    {
        let error = wrong(at, "this is no name of an environment variable", "the key itself never stands in a file");
        out.push(error.help("write `key = \"OPENAI_API_KEY\"`"));
    }
    if let (Some(_), Some(at)) = (args.float("most_usd"), args.span("most_usd"))
        && ["usd_in", "usd_out"].iter().all(|price| args.float(price) == Some(0.0))
    {
        let error = Diagnostic::error(Code::MissingField, at, "`most_usd` needs prices").label("calls have none");
        out.push(error.help("set `usd_in` and `usd_out`, or take `most_calls`"));
    }
    if by.name == "chat" {
        prompt(args, out);
        labels(args, out);
        extra(args, out);
    }
}

fn wrong(at: Span, message: &str, label: &str) -> Diagnostic {
    Diagnostic::error(Code::WrongType, at, message).label(label)
}

/// Returns a message and a label if a server's address is invalid. Neither quotes the address, which may hold a key.
fn address(url: &str) -> Result<(), (&'static str, &'static str)> {
    let none = "this is no address of a server";
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let rest = rest.ok_or((none, "it begins with http:// or https:// and a host"))?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let query = path.split_once('?').map_or("", |(_, query)| query);
    if host.contains('@') || pbpo_outside::address::names_a_secret(query) {
        return Err((
            "this address holds a key or a password",
            "it goes into the environment variable that `key` names",
        ));
    }
    let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((name, port)) => (name, port),
        None => (host, "80"),
    };
    let numbered = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let named = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) && name.contains(char::is_alphanumeric)
        }
    };
    if !numbered || !named {
        return Err((none, "it begins with http:// or https:// and a host"));
    }
    let plain = |c: char| c.is_ascii_graphic() && !"\"#<>\\^`{|}".contains(c);
    if path.chars().all(plain) { Ok(()) } else { Err((none, "it holds a blank, a #, or another letter that none has")) }
}

/// Checks the placeholders of a prompt.
fn prompt(args: &Args, out: &mut Vec<Diagnostic>) {
    let (Some(text), Some(at)) = (args.text("prompt"), args.span("prompt")) else { return };
    let Err((_, what)) = pieces(text) else { return };
    let (message, label) = match what {
        Misplaced::Lone(_) => {
            ("the judge's prompt has a lone brace".to_owned(), "a placeholder is not closed, or not opened")
        }
        Misplaced::Unknown(name) => {
            let shown = pbpo_outside::shown::cut(&name, 40);
            (format!("the judge's prompt has {{{shown}}}, which stands for nothing"), "an unknown placeholder")
        }
        Misplaced::Missing(name) => (format!("the judge's prompt has no {{{name}}}"), "both responses belong into it"),
    };
    let help = "the placeholders are {prompt}, {first}, {second} and {answer}; write `{{` and `}}` for braces";
    out.push(wrong(at, &message, label).help(help));
}

/// Checks that labels are distinct words, and that a prompt asks for no other label.
fn labels(args: &Args, out: &mut Vec<Diagnostic>) {
    let written = ["first", "second", "tie"].map(|field| (field, args.text(field), args.span(field)));
    let labels: Vec<&str> =
        written.iter().zip(["A", "B", ""]).map(|((_, text, _), default)| text.unwrap_or(default)).collect();
    for (index, (field, text, span)) in written.iter().enumerate() {
        let (Some(text), Some(at)) = (text, span) else { continue };
        if !is_label(text) {
            let error = wrong(*at, "this is no label of a judge", "a label is letters and digits, without brackets");
            out.push(error.help(format!("write `{field} = \"C\"`")));
        } else if labels.iter().enumerate().any(|(other, label)| other != index && label == text) {
            let shown = pbpo_outside::shown::cut(text, 40);
            let error = Diagnostic::error(Code::DuplicateName, *at, format!("two labels of this judge are `{shown}`"));
            out.push(
                error.label("each label is another one").help("the labels are A and B where nothing else is said"),
            );
            return;
        }
    }
    for field in ["prompt", "system"] {
        let (Some(text), Some(at)) = (args.text(field), args.span(field)) else { continue };
        let Some(other) = undeclared(text, &labels).map(|other| pbpo_outside::shown::cut(other, 40)) else { continue };
        let help = match args.text("tie") {
            None => format!(
                "if it says that both are as good, add `tie = \"{other}\"`; else name it with `first` or `second`"
            ),
            Some(_) => "name it with `first`, `second` or `tie`, or take it out of the prompt".to_owned(),
        };
        let message = format!("the judge's {field} asks for [[{other}]], which is none of its labels");
        out.push(
            Diagnostic::error(Code::UnknownName, at, message).label("an answer with it would not be read").help(help),
        );
        return;
    }
}

/// Checks the further fields of a request, for which there is no setting.
fn extra(args: &Args, out: &mut Vec<Diagnostic>) {
    let (Some(text), Some(at)) = (args.text("extra"), args.span("extra")) else { return };
    let fields = match pbpo_outside::json::value(text.as_bytes()) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) => {
            let error = wrong(at, "`extra` is no JSON object", "an object in braces belongs here");
            return out.push(error.help("write `extra = \"{\\\"top_p\\\": 0.9}\"`"));
        }
        Err(error) => {
            let why = pbpo_outside::shown::line(&error.to_string()).into_owned();
            return out.push(wrong(at, "`extra` can't be read as JSON", &why));
        }
    };
    let set = |name: &str| args.get(name).is_some_and(|value| !matches!(value, Value::Nothing));
    let (temperature, max_new) = (set("temperature"), set("max_new"));
    let logprobs = args.word("verdict") == Some("logprobs");
    let collides = |name: &&String| is_taken(name, temperature, max_new, logprobs);
    if let Some(name) = fields.keys().find(collides) {
        let error = Diagnostic::error(Code::DuplicateField, at, format!("`extra` may not set `{name}`"));
        out.push(error.label("a setting of the judge, or of how it is asked").help(match name.as_str() {
            "temperature" => "write `temperature = ...`, or set it to none",
            "max_tokens" | "max_completion_tokens" => {
                "write `max_new = ...` and `limit = ...`, or set `max_new` to none"
            }
            _ => "take it out",
        }));
    }
}
