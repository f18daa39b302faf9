//! `pbpoc explain`: explains a diagnostic code, or the code of a lint.

use clap::Args;
use pbpo_compiler::code::Code;
use pbpo_compiler::lints::LINTS;
use pbpo_compiler::{pages, suggest};

use pbpo_outside::shown;

use crate::cli::{OK, eprint, print};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code, as PB0402 or 402, or the name of a lint; default: a list of all
    pub code: Option<String>,
}

/// Prints the page of a code, or the list of all. Returns the exit code.
pub fn run(args: &ExplainArgs) -> u8 {
    let Some(asked) = &args.code else {
        let lines = Code::ALL.iter().map(|code| format!("{}  {}\n", code.text(), code.summary()));
        print(&lines.collect::<String>());
        return OK;
    };
    let digits = asked.trim().to_ascii_uppercase();
    let digits = digits.trim_start_matches("PB");
    let wanted = format!("PB{digits:0>4}");
    let lint = LINTS.iter().find(|lint| lint.name == asked.trim()).map(|lint| &lint.code);
    let code = lint.or_else(|| Code::ALL.iter().find(|code| code.text() == wanted));
    if let Some(page) = code.and_then(|code| pages::page(*code)) {
        print(page);
        return OK;
    }
    let word = !asked.contains(|c: char| c.is_ascii_digit());
    let names: Vec<&str> = if word {
        LINTS.iter().map(|lint| lint.name).collect()
    } else {
        Code::ALL.iter().map(|code| code.text()).collect()
    };
    let wanted = if word { asked.trim() } else { &wanted };
    eprint(&format!("error: no code or lint is called `{}`\n", shown::line(asked)));
    let near = suggest::nearest(wanted, names).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    eprint(&format!("help: {near}`pbpoc explain` lists all\n"));
    2
}
