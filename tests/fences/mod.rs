//! The files and commands of a page such as `docs/tour.md`, in order.
//!
//! A fence gives the kind of its block:
//! - `pbpo NAME.pbpo`: a whole file from here on; `pbpo NAME.pbpo CODE...`: one with findings;
//! - `pbpo NAME.pbpo +`: lines that are added to that file;
//! - `console`: commands after `$`, each with its output; a line `...` matches any lines.
#![allow(dead_code, reason = "each test uses its own part")]

use std::collections::BTreeMap;

/// The next action of a page's reader.
pub enum Step {
    /// Writes a file.
    File { name: String, text: String, codes: Vec<String>, line: usize },
    /// Calls `pbpoc`, with this output.
    Command { command: String, output: String, line: usize },
}

/// Returns the steps of a page. Blocks with other fences are ignored.
pub fn steps(page: &str) -> Vec<Step> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut steps = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let line = at + 1;
        match fence.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["pbpo", name, rest @ ..] => {
                let file = files.entry((*name).to_owned()).or_default();
                let more = *rest == ["+"];
                if !more {
                    file.clear();
                }
                file.push_str(&if more {
                    format!("\n{}\n", body.join("\n"))
                } else {
                    format!("{}\n", body.join("\n"))
                });
                let codes = if more { Vec::new() } else { rest.iter().map(|code| (*code).to_owned()).collect() };
                steps.push(Step::File { name: (*name).to_owned(), text: file.clone(), codes, line });
            }
            ["console"] => {
                let (mut command, mut output) = (None, Vec::new());
                for text in body.iter().copied().chain(["$ "]) {
                    match text.strip_prefix("$ ") {
                        Some(next) => {
                            let done = command.replace(next.to_owned());
                            let output = std::mem::take(&mut output).join("\n");
                            steps.extend(done.map(|command| Step::Command { command, output, line }));
                        }
                        None => output.push(text),
                    }
                }
            }
            _ => {}
        }
    }
    steps
}
