//! `pbpoc std`: the standard library.

use clap::Args;
use pbpo_compiler::{stdlib, suggest};
use pbpo_grammar::ast::Item;
use pbpo_grammar::{FileId, parse};

use crate::cli::{OK, eprint, print};

#[derive(Debug, Args)]
pub struct StdArgs {
    /// A module, as `games` or `std/games`: its text is shown. Default: what all of them declare
    pub module: Option<String>,
}

/// Prints a module or the list of all. Returns the exit code.
pub fn run(args: &StdArgs) -> u8 {
    let Some(module) = &args.module else {
        print(&list());
        return OK;
    };
    let name = if module.starts_with("std/") { module.clone() } else { format!("std/{module}") };
    if let Some(text) = stdlib::text(&name) {
        print(text);
        return OK;
    }
    let names: Vec<&str> = stdlib::MODULES.iter().map(|(name, _)| *name).collect();
    eprint(&format!("error: no module is called `{name}`\n"));
    if let Some((home, _)) = stdlib::MODULES.iter().find(|(_, text)| declares(text, module)) {
        eprint(&format!("help: `{module}` is declared in `{home}`: `pbpoc std {home}`\n"));
        return 2;
    }
    if let Some(help) = suggest::help(&name, &names) {
        eprint(&format!("help: {help}\n"));
    }
    2
}

fn declares(text: &str, word: &str) -> bool {
    let items = parse(FileId::default(), text).items;
    items.iter().filter(|item| !matches!(item, Item::Import(_))).filter_map(Item::name).any(|name| name.text == word)
}

/// Returns every module with the names it declares, and the first sentence of their comments.
fn list() -> String {
    let mut out = String::new();
    for (module, text) in stdlib::MODULES {
        out.push_str(&format!("{module}\n"));
        for item in parse(FileId::default(), text).items {
            let Some(name) = item.name().filter(|_| !matches!(item, Item::Import(_))) else { continue };
            let doc = item.doc().replace('\n', " ");
            let first = doc.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
            out.push_str(&format!("  {:<14} {first}\n", name.text));
        }
    }
    out
}
