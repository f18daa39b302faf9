//! The results of each extractor for odd responses, against lm-eval's own filters; at least two hundred for most of
//! them.

mod common;

use common::{fixture, list, text};
use pbpo_eval::task::Kind;
use pbpo_eval::{Doc, Suite};
use serde_json::Value;

#[test]
fn extractors_find_what_lm_eval_finds() {
    let fixture = fixture("filters");
    let mut seen = 0;
    for table in list(&fixture["tables"]) {
        let doc = Doc { fields: table["row"].as_object().expect("a row").clone(), place: "a row".into() };
        for (column, filter) in list(&table["filters"]).iter().enumerate() {
            let (task, chain) = (text(&filter[0]), text(&filter[1]));
            seen += check(task, chain, &doc, list(&table["cases"]), column + 1);
        }
    }
    assert!(seen > 5500, "{seen}");
}

fn check(task: &str, chain: &str, doc: &Doc, cases: &[Value], column: usize) -> usize {
    let suite = Suite::named(&[task]).expect("a task");
    let Kind::Generate(generate) = &suite.tasks[0].kind else { panic!("{task} does not generate") };
    let chain = generate.filters.iter().find(|known| known.name == chain).expect("a filter");
    for case in cases {
        let response = text(&case[0]);
        // If lm-eval raises an error, there is no answer.
        let expected = case[column].as_str().unwrap_or("[invalid]");
        let found = chain.apply(doc, response).expect("an answer");
        assert_eq!(found, expected, "{task} {} of {response:?}", chain.name);
    }
    cases.len()
}
