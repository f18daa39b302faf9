//! The editors' grammar has exactly the words of the language.

use std::collections::BTreeSet;

use pbpo_compiler::schema::{Kind, functions, ops, tasks};
use pbpo_compiler::units::UNITS;
use serde_json::Value;

const TEXTMATE: &str = include_str!("../../editors/vscode/syntaxes/pbpo.tmLanguage.json");
const PEST: &str = include_str!("../../grammar/src/pbpo.pest");

/// The words of the first group with alternatives in a rule.
fn words(rule: &str, group: usize) -> BTreeSet<String> {
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    let pattern = grammar["repository"][rule]["match"].as_str().unwrap_or_else(|| panic!("no rule {rule}")).to_owned();
    let plain = |part: &str| {
        part.split('|').all(|word| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    let groups = pattern.split('(').skip(1).filter_map(|rest| rest.split_once(')')).map(|(inner, _)| inner.to_owned());
    let mut lists = groups.filter(|inner| plain(inner));
    lists.nth(group).unwrap_or_else(|| panic!("{pattern}")).split('|').map(str::to_owned).collect()
}

fn set<'w>(words: impl IntoIterator<Item = &'w str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

#[test]
fn its_words_are_those_of_the_language() {
    let keywords = PEST.lines().filter_map(|line| {
        let (name, rule) = line.split_once('=')?;
        let word = rule.trim().strip_prefix("@{ \"")?.split('"').next()?;
        name.starts_with("kw_").then_some(word)
    });
    assert_eq!(words("keyword", 0), set(keywords), "keywords of pbpo.pest");
    assert_eq!(words("kind", 0), set(Kind::ALL.iter().map(|kind| kind.word())), "kinds of blocks");
    assert_eq!(words("op", 0), set(ops::all().iter().map(|op| op.name)), "operations");
    assert_eq!(words("function", 0), set(functions::all().iter().map(|function| function.name)), "functions");
    assert_eq!(words("task", 0), set(tasks().iter().map(|task| task.name)), "tasks");
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    let number = grammar["repository"]["number"]["match"].as_str().unwrap();
    let units = UNITS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join("|");
    assert!(number.contains(&format!("({units})")), "units: {number}");
}

#[test]
fn every_rule_that_is_named_is_there() {
    let grammar: Value = serde_json::from_str(TEXTMATE).unwrap();
    for pattern in grammar["patterns"].as_array().unwrap() {
        let name = pattern["include"].as_str().unwrap().trim_start_matches('#');
        assert!(!grammar["repository"][name].is_null(), "{name}");
    }
}
