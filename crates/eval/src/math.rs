//! Equality of mathematical answers, as in AGIEval and Hendrycks' MATH (`lm_eval/tasks/agieval/utils.py`, after
//! `math_equivalence.py` of github.com/hendrycks/math). Texts are compared after rewriting, not computed.

use std::sync::LazyLock;

use crate::Error;
use crate::python::{Pattern, Select};

static DOLLARS: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"\$(.*)\$"));
static NUMBER: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"(?:\$)?\d+(?:\.\d+)?(?![\w\d])"));

/// Tells whether both texts hold the same answer; two texts without one are equal.
pub fn equivalent(a: &str, b: &str) -> Result<bool, Error> {
    let (a, b) = (answer(a)?, answer(b)?);
    let rewritten = (a.as_deref().and_then(rewrite), b.as_deref().and_then(rewrite));
    Ok(match rewritten {
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    })
}

/// Returns the answer in a text: the last `\boxed`; else the text between dollar signs, after its last `=`; else the
/// text after the last `=`; else the last number.
pub fn answer(text: &str) -> Result<Option<String>, Error> {
    if text.contains("\\boxed") {
        return Ok(boxed(text));
    }
    let matches = DOLLARS.findall(text)?;
    let between =
        matches.last().and_then(|groups| groups.first()).map(|text| after_equals(text).unwrap_or((*text).to_owned()));
    if let Some(between) = between.filter(|text| !text.is_empty()) {
        return Ok(Some(between));
    }
    match after_equals(text) {
        Some(last) => Ok(last.trim_end_matches('.').split("\\n").next().map(str::to_owned)),
        None => NUMBER.find(text, Select::Last),
    }
}

fn after_equals(text: &str) -> Option<String> {
    text.rsplit_once('=').map(|(_, last)| last.trim_start_matches(' ').to_owned())
}

fn boxed(text: &str) -> Option<String> {
    let from = &text[text.rfind("\\boxed")?..];
    let (mut open, mut end) = (0, None);
    for (at, c) in from.char_indices() {
        open += i32::from(c == '{') - i32::from(c == '}');
        if c == '}' && open == 0 {
            end = Some(at);
            break;
        }
    }
    let inner = from[..end?].strip_prefix("\\boxed{")?;
    Some(after_equals(inner).unwrap_or_else(|| inner.to_owned()))
}

/// Returns the normal form of an answer. Returns `None` if the reference raises an error: it then compares the answers
/// unchanged. The reference also drops a name before `=`, but no answer has one.
fn rewrite(text: &str) -> Option<String> {
    let mut text = text.replace('\n', "");
    for (from, to) in [
        ("\\!", ""),
        ("\\\\", "\\"),
        ("tfrac", "frac"),
        ("dfrac", "frac"),
        ("\\left", ""),
        ("\\right", ""),
        ("^{\\circ}", ""),
        ("^\\circ", ""),
        ("\\$", ""),
    ] {
        text = text.replace(from, to);
    }
    let mut text = without_units(&text)?.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.");
    if text.is_empty() {
        return Some(text);
    }
    if text.starts_with('.') {
        text.insert(0, '0');
    }
    let text = fractions(&roots(&text)?.replace(' ', ""))?;
    let text = if text == "0.5" { "\\frac{1}{2}".to_owned() } else { text };
    Some(quotient(&text).unwrap_or(text))
}

fn without_units(text: &str) -> Option<&str> {
    match text.split("\\text{ ").collect::<Vec<_>>()[..] {
        [whole] => Some(whole),
        [value, _] => Some(value),
        _ => None,
    }
}

/// Rewrites `\sqrt3` to `\sqrt{3}`.
fn roots(text: &str) -> Option<String> {
    let mut parts = text.split("\\sqrt");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let first = part.chars().next()?;
        match first {
            '{' => out += &format!("\\sqrt{part}"),
            _ => out += &format!("\\sqrt{{{first}}}{}", &part[first.len_utf8()..]),
        }
    }
    Some(out)
}

/// Rewrites `\frac12` and `\frac1{2}` to `\frac{1}{2}`. Returns the text unchanged if one of its fractions has a single
/// character.
fn fractions(text: &str) -> Option<String> {
    let mut parts = text.split("\\frac");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let mut chars = part.chars();
        let first = chars.next()?;
        out += "\\frac";
        if first == '{' {
            out += part;
            continue;
        }
        let Some(second) = chars.next() else { return Some(text.to_owned()) };
        match second {
            '{' => out += &format!("{{{first}}}{{{}", chars.as_str()),
            _ => out += &format!("{{{first}}}{{{second}}}{}", chars.as_str()),
        }
    }
    Some(out)
}

/// Rewrites `1/2` to `\frac{1}{2}`, for integers in their usual form.
fn quotient(text: &str) -> Option<String> {
    let (a, b) = text.split_once('/')?;
    let usual = |number: &str| {
        let digits = number.strip_prefix('-').unwrap_or(number);
        number == "0" || (!digits.starts_with('0') && !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()))
    };
    (usual(a) && usual(b)).then(|| format!("\\frac{{{a}}}{{{b}}}"))
}
