//! Statements of other languages, and their counterparts here.

use crate::ast::FaultKind;
use crate::junk::first_word;

/// Returns the known habit that a line follows, if there is one. `top` is true outside of all blocks.
pub(crate) fn habit(line: &str, top: bool) -> Option<FaultKind> {
    let word = first_word(line);
    let rest = line.get(word.len()..).unwrap_or("").trim();
    let call = |method: &str| rest.starts_with(method);
    // The word is a name that only looks like a keyword.
    let named = rest.starts_with('=') || rest.starts_with("+=");
    let help = match word {
        _ if named => return rewritten(line, word, rest, top),
        "for" | "while" | "loop" => "write `repeat COUNT { ... }`".to_owned(),
        "if" | "elif" | "else" | "match" | "switch" => {
            "write a `variant` of the pipeline, or a `where` in a sweep".to_owned()
        }
        "minimize" | "minimise" => "write `descend PLAYER on OBJECTIVE`".to_owned(),
        "maximize" | "maximise" => "write `ascend PLAYER on OBJECTIVE`".to_owned(),
        "return" | "print" => "write `report = evaluate(POLICY, DATA)` for what is measured".to_owned(),
        "def" | "fn" | "function" => {
            let name = Some(first_word(rest)).filter(|name| !name.is_empty()).unwrap_or("NAME");
            format!("write `objective {name}(...) = ...` for a loss, or `pipeline {name}(...) {{ ... }}`")
        }
        "let" | "var" | "const" if !top => "write `name = ...`".to_owned(),
        _ if call(".append(") || call(".extend(") || call(".add(") => format!("write `{word} += ...`"),
        _ => return rewritten(line, word, rest, top),
    };
    let found = if call(".") { rest.split('(').next().unwrap_or(rest) } else { word };
    Some(FaultKind::Habit { found: found.to_owned(), help })
}

/// Returns the rewriting of a line that has a single counterpart here.
fn rewritten(line: &str, word: &str, rest: &str, top: bool) -> Option<FaultKind> {
    let write = match word {
        _ if !top => return None,
        "from" => {
            let (path, names) = rest.split_once(" import ")?;
            format!("use {} {{ {} }}", path.trim().replace('.', "/"), names.trim())
        }
        "use" => import(rest)?,
        name => {
            let value = rest.strip_prefix('=').filter(|rest| !rest.starts_with('='))?.trim();
            format!("param {name}: {} = {value}", type_of(value)?)
        }
    };
    Some(FaultKind::Foreign { found: line.to_owned(), write })
}

/// Rewrites `std.tasks.digits`, `std::losses { dpo }` and `./mylib { x }` as imports.
fn import(rest: &str) -> Option<String> {
    let (path, names) = rest.split_once('{').map_or((rest, None), |(path, names)| (path, Some(names)));
    let path = path.trim();
    if path.starts_with('"') {
        return None;
    }
    if let (Some(file), Some(names)) = (path.strip_prefix("./"), names) {
        let file = file.strip_suffix(".pbpo").unwrap_or(file);
        return Some(format!("use \"{file}.pbpo\" {{{names}"));
    }
    let path = path.replace("::", "/").replace('.', "/");
    let plain = path.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '/'));
    match names {
        _ if !plain || path.is_empty() => None,
        Some(names) => Some(format!("use {path} {{{names}")),
        None => path.rsplit_once('/').map(|(module, name)| format!("use {module} {{ {name} }}")),
    }
}

/// Returns the type of a literal.
fn type_of(value: &str) -> Option<&'static str> {
    match value {
        "true" | "false" => Some("bool"),
        text if text.starts_with('"') && text.len() > 1 && text.ends_with('"') => Some("text"),
        number if number.parse::<i64>().is_ok() => Some("int"),
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            number.parse::<f64>().is_ok().then_some("float")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::habit;
    use crate::ast::FaultKind;

    #[test]
    fn lines_that_can_be_said_in_one_way_are_rewritten() {
        let write = |line: &str| match habit(line, true) {
            Some(FaultKind::Foreign { write, .. }) => write,
            other => format!("{other:?}"),
        };
        assert_eq!(write("from std.tasks import digits"), "use std/tasks { digits }");
        assert_eq!(write("use std.losses.dpo"), "use std/losses { dpo }");
        assert_eq!(write("use ./lib.pbpo { x }"), "use \"lib.pbpo\" { x }");
        assert_eq!(write("seed = 3"), "param seed: int = 3");
        assert_eq!(write("beta = pi"), "None");
    }

    #[test]
    fn a_name_that_is_given_a_value_is_no_keyword() {
        assert!(habit("match =", false).is_none());
        assert!(habit("match += (", false).is_none());
        assert!(matches!(habit("for i in x:", false), Some(FaultKind::Habit { .. })));
    }
}
