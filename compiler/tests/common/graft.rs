//! Changes a text by its grammar: replaces a value by one of the same field, argument or kind. Many of these texts
//! compile, unlike texts with changed characters and tokens.

use std::collections::BTreeMap;

use pbpo_grammar::ast::{Body, Expr, ExprKind, Item, PipelineBody, Stmt};
use pbpo_grammar::{FileId, Span};

/// Texts of values, by the places that allow them.
#[derive(Default)]
pub struct Donors(BTreeMap<String, Vec<String>>);

impl Donors {
    /// Collects the values of files that are parsed without faults.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut donors = Self::default();
        for text in texts {
            for (place, span) in places(text) {
                let value = text.get(span.start as usize..span.end as usize).unwrap_or_default();
                donors.0.entry(place).or_default().push(value.to_owned());
            }
        }
        donors.0.values_mut().for_each(|values| {
            values.sort();
            values.dedup();
        });
        donors
    }

    /// Returns the text with one to three values exchanged; `below(n)` is a random number below n. Returns `None` if
    /// there is no value to exchange.
    pub fn graft(&self, text: &str, mut below: impl FnMut(usize) -> usize) -> Option<String> {
        let mut text = text.to_owned();
        for _ in 0..=below(3) {
            let places = places(&text);
            let (place, span) = places.get(below(places.len().max(1)))?;
            let values = self.0.get(place)?;
            let value = values.get(below(values.len()))?;
            text.replace_range(span.start as usize..span.end as usize, value);
        }
        Some(text)
    }
}

/// Returns the places of a text with a value, each with the key of values that may stand there.
fn places(text: &str) -> Vec<(String, Span)> {
    let file = pbpo_grammar::parse(FileId::default(), text);
    let mut places = Vec::new();
    for item in file.items.iter().filter(|_| file.faults.is_empty()) {
        match item {
            Item::Param(param) => expr("param", &param.value, &mut places),
            Item::Block(block) => body(&block.kind.text, &block.body, &mut places),
            Item::Objective(objective) => expr("objective", &objective.value, &mut places),
            Item::Pipeline(pipeline) => match &pipeline.body {
                PipelineBody::Stmts(stmts) => body("pipeline", stmts, &mut places),
                PipelineBody::Call(call) => expr("pipeline", call, &mut places),
            },
            Item::Variant(variant) => variant.settings.iter().for_each(|set| expr("setting", &set.value, &mut places)),
            _ => {}
        }
    }
    places
}

fn body(owner: &str, body_of: &Body, places: &mut Vec<(String, Span)>) {
    for stmt in &body_of.stmts {
        places.push((format!("statement of {owner}"), stmt.span()));
        match stmt {
            Stmt::Assign { name, value, .. } if owner == "pipeline" => {
                expr(&format!("{owner} {}", name.text), value, places)
            }
            Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => {
                expr(&format!("{owner}.{}", name.text), value, places);
            }
            Stmt::Repeat { count, body: inner, .. } => {
                expr("count", count, places);
                body(owner, inner, places);
            }
            Stmt::Climb { objective, within, .. } => {
                expr("objective", objective, places);
                within.iter().for_each(|within| expr("within", within, places));
            }
            Stmt::Call { call } => expr("call", call, places),
        }
    }
}

fn expr(place: &str, value: &Expr, places: &mut Vec<(String, Span)>) {
    places.push((place.to_owned(), value.span));
    match &value.kind {
        ExprKind::Call { callee, args } => {
            let callee = callee.last().map(|word| word.text.as_str()).unwrap_or_default();
            for (at, arg) in args.iter().enumerate() {
                let name = arg.name.as_ref().map_or_else(|| at.to_string(), |name| name.text.clone());
                expr(&format!("{callee}({name})"), &arg.value, places);
            }
        }
        ExprKind::Record { tag, body: inner } => {
            body(tag.as_ref().map_or(place, |tag| &tag.text), inner, places);
        }
        ExprKind::List(items) => items.iter().for_each(|item| expr(&format!("{place} item"), item, places)),
        ExprKind::Neg(inner) | ExprKind::Not(inner) => expr("operand", inner, places),
        ExprKind::Binary { left, right, .. } => {
            expr("operand", left, places);
            expr("operand", right, places);
        }
        _ => {}
    }
}
