//! Pictures of a plan: Mermaid and Graphviz. Stages are boxes, values are arrows, loops are frames.

use std::collections::BTreeMap;
use std::fmt::Write;

use pbpo_outside::shown;

use super::{Body, Plan, ValueName};

/// The two languages of pictures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Mermaid,
    Dot,
}

impl Plan {
    /// Returns a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        Picture { language: Language::Mermaid, out: &mut out, makers: BTreeMap::new(), next: 0 }.body(&self.body, 1);
        out
    }

    /// Returns a Graphviz digraph.
    pub fn dot(&self) -> String {
        let mut out = format!("digraph {} {{\n  node [shape=box];\n", quote(&self.pipeline));
        Picture { language: Language::Dot, out: &mut out, makers: BTreeMap::new(), next: 0 }.body(&self.body, 1);
        out.push_str("}\n");
        out
    }
}

struct Picture<'o> {
    language: Language,
    out: &'o mut String,
    /// The node that makes each value.
    makers: BTreeMap<ValueName, String>,
    next: usize,
}

impl Picture<'_> {
    fn body(&mut self, body: &Body, depth: usize) {
        let indent = "  ".repeat(depth);
        for stage in body.stages() {
            let node = format!("n{}", self.next);
            self.next += 1;
            match &stage.body {
                None => self.node(&indent, &node, stage.op.word(), &stage.name),
                Some(inner) => {
                    let count = crate::ops::repeat::count(stage);
                    self.frame(&indent, &node, &format!("repeat {count}"));
                    for carry in &inner.carries {
                        if let Some(maker) = self.makers.get(&carry.from).cloned() {
                            self.makers.insert(carry.enter.clone(), maker);
                        }
                    }
                    self.body(inner, depth + 1);
                    let _ =
                        writeln!(self.out, "{indent}{}", if self.language == Language::Mermaid { "end" } else { "}" });
                    for carry in &inner.carries {
                        if let Some(maker) = self.makers.get(&carry.back).cloned() {
                            self.makers.insert(carry.out.clone(), maker);
                        }
                    }
                    continue;
                }
            }
            let mut drawn = std::collections::BTreeSet::new();
            for (_, value) in &stage.inputs {
                if let Some(maker) = self.makers.get(value).filter(|_| drawn.insert(value)) {
                    self.edge(&indent, &maker.clone(), &node, value.as_str());
                }
            }
            for output in &stage.outputs {
                self.makers.insert(output.clone(), node.clone());
            }
        }
    }

    fn node(&mut self, indent: &str, node: &str, op: &str, name: &str) {
        let _ = match self.language {
            Language::Mermaid => writeln!(self.out, "{indent}{node}[{}]", quote(&format!("{op}<br/>{name}"))),
            Language::Dot => writeln!(self.out, "{indent}{node} [label={}];", quote(&format!("{op}\\n{name}"))),
        };
    }

    fn frame(&mut self, indent: &str, node: &str, title: &str) {
        let title = quote(title);
        let _ = match self.language {
            Language::Mermaid => writeln!(self.out, "{indent}subgraph {node}[{title}]"),
            Language::Dot => writeln!(self.out, "{indent}subgraph cluster_{node} {{\n{indent}  label={title};"),
        };
    }

    fn edge(&mut self, indent: &str, from: &str, to: &str, value: &str) {
        let value = quote(value);
        let _ = match self.language {
            Language::Mermaid => writeln!(self.out, "{indent}{from} -->|{value}| {to}"),
            Language::Dot => writeln!(self.out, "{indent}{from} -> {to} [label={value}];"),
        };
    }
}

/// Returns a text in double quotes. Names hold letters, digits, `_`, `@` and `.` only; `
/// ` is a line break of Graphviz.
fn quote(text: &str) -> String {
    format!("\"{}\"", shown::line(text).replace('"', "'"))
}
