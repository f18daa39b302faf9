//! Answers requests, with the compiler's `ide`, in the types of the protocol.

use std::collections::BTreeSet;

use lsp_server::{ErrorCode, Request};
use lsp_types::{
    CodeActionParams, CompletionItem, CompletionItemKind, CompletionParams, DocumentFormattingParams, DocumentSymbol,
    DocumentSymbolParams, Documentation, GotoDefinitionParams, Hover, HoverContents, HoverParams, Location,
    MarkupContent, MarkupKind, ReferenceParams, RenameParams, SymbolKind, TextDocumentPositionParams,
};
use pbpo_compiler::ide::{Completion, CompletionKind, Ide, Symbol};
use pbpo_compiler::{Input, Span};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::documents::{Document, Overlay, path_of};
use super::edits::{Edits, layout};
use super::text::{Lines, Places};
use super::{Refusal, State};

/// The largest number of fixes that are offered at once.
const MOST_FIXES: usize = 100;

impl State {
    /// Returns the answer to a request.
    pub fn answer(&self, request: &Request) -> Result<Value, Refusal> {
        match request.method.as_str() {
            "textDocument/hover" => self.hover(&params(request)?),
            "textDocument/completion" => self.completion(&params(request)?),
            "textDocument/definition" => self.definition(&params(request)?),
            "textDocument/references" => self.references(&params(request)?),
            "textDocument/prepareRename" => self.prepare_rename(&params(request)?),
            "textDocument/rename" => self.rename(&params(request)?),
            "textDocument/formatting" => self.formatting(&params(request)?),
            "textDocument/codeAction" => self.code_actions(&params(request)?),
            "textDocument/documentSymbol" => self.symbols(&params(request)?),
            other => Err((ErrorCode::MethodNotFound, format!("no method is called `{other}`"))),
        }
    }

    fn document(&self, path: &str) -> Result<&Document, Refusal> {
        let closed = || (ErrorCode::InvalidParams, format!("`{path}` is not open"));
        self.documents.get(path).ok_or_else(closed)
    }

    /// Returns the program whose main file is this file.
    fn ide(&self, path: &str, text: &str) -> Ide {
        Ide::new(Input { name: path, text, loader: &Overlay::new(&self.documents), lints: &[] })
    }

    /// Returns the program around a position, with its file and the byte offset in it.
    fn at(&self, place: &TextDocumentPositionParams) -> Result<(Ide, String, usize), Refusal> {
        let path = path_of(&place.text_document.uri);
        let document = self.document(&path)?;
        let at = Lines::new(&document.text).offset(place.position);
        Ok((self.ide(&path, &document.text), path, at))
    }

    fn location(&self, ide: &Ide, span: Span) -> Option<Location> {
        let file = ide.sources().get(span.file)?;
        Some(Location { uri: self.documents.uri(&file.name)?, range: Lines::new(&file.text).span(span) })
    }

    fn hover(&self, params: &HoverParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(&params.text_document_position_params)?;
        answer(ide.hover(&path, at).map(|hover| Hover {
            contents: HoverContents::Markup(markdown(hover.text)),
            range: self.location(&ide, hover.span).map(|location| location.range),
        }))
    }

    fn completion(&self, params: &CompletionParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(&params.text_document_position)?;
        let items: Vec<CompletionItem> = ide.completions(&path, at).into_iter().zip(0..).map(item).collect();
        answer(items)
    }

    fn definition(&self, params: &GotoDefinitionParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(&params.text_document_position_params)?;
        answer(ide.definition(&path, at).and_then(|span| self.location(&ide, span)))
    }

    /// Returns every program that contains a file: its own, and those of the files that import it.
    fn programs(&self, ide: Ide, path: &str) -> Vec<Ide> {
        let importers = self.documents.importers(&self.folders).into_iter().filter(|other| other != path);
        let others = importers.filter_map(|other| Some(self.ide(&other, &self.documents.text(&other)?)));
        std::iter::once(ide).chain(others.filter(|other| other.contains(path))).collect()
    }

    fn references(&self, params: &ReferenceParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(&params.text_document_position)?;
        let (mut found, mut known): (Vec<Location>, BTreeSet<(String, u32, u32)>) = Default::default();
        for ide in self.programs(ide, &path) {
            let declaration = ide.definition(&path, at).filter(|_| !params.context.include_declaration);
            let mut places = Places::default();
            for span in ide.references(&path, at).into_iter().filter(|span| Some(*span) != declaration) {
                let uri = self.documents.uri(ide.sources().name(span));
                let Some((uri, range)) = uri.zip(places.range(ide.sources(), span)) else { continue };
                if known.insert((uri.as_str().to_owned(), range.start.line, range.start.character)) {
                    found.push(Location { uri, range });
                }
            }
        }
        answer(found)
    }

    fn prepare_rename(&self, params: &TextDocumentPositionParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(params)?;
        let span = ide.renamable(&path, at).map_err(refused)?;
        answer(self.location(&ide, span).map(|location| location.range))
    }

    fn rename(&self, params: &RenameParams) -> Result<Value, Refusal> {
        let (ide, path, at) = self.at(&params.text_document_position)?;
        let mut edits = Edits::default();
        for ide in self.programs(ide, &path) {
            let spans = ide.rename(&path, at, &params.new_name).map_err(refused)?;
            edits.add(&self.documents, ide.sources(), spans.into_iter().map(|span| (span, params.new_name.as_str())));
        }
        Ok(edits.value())
    }

    fn formatting(&self, params: &DocumentFormattingParams) -> Result<Value, Refusal> {
        answer(layout(&self.document(&path_of(&params.text_document.uri))?.text))
    }

    /// Returns the fixes of the first findings in a range: nobody reads a longer menu.
    fn code_actions(&self, params: &CodeActionParams) -> Result<Value, Refusal> {
        let path = path_of(&params.text_document.uri);
        let ide = self.ide(&path, &self.document(&path)?.text);
        let mut actions = Vec::new();
        for (finding, fix) in self.findings.get(&path).into_iter().flatten() {
            if finding.range.end < params.range.start || params.range.end < finding.range.start {
                continue;
            }
            if actions.len() >= MOST_FIXES {
                break;
            }
            if let Some(fix) = fix {
                let mut edits = Edits::default();
                let changes = fix.edits.iter().map(|(span, new)| (*span, new.as_str()));
                edits.add(&self.documents, ide.sources(), changes);
                actions.push(json!({
                    "title": fix.title, "kind": "quickfix", "diagnostics": [finding], "edit": edits.value(),
                }));
            }
        }
        Ok(Value::Array(actions))
    }

    fn symbols(&self, params: &DocumentSymbolParams) -> Result<Value, Refusal> {
        let path = path_of(&params.text_document.uri);
        let document = self.document(&path)?;
        let ide = self.ide(&path, &document.text);
        let lines = Lines::new(&document.text);
        answer(ide.symbols(&path).into_iter().map(|found| symbol(&lines, found)).collect::<Vec<_>>())
    }
}

fn params<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_value(request.params.clone()).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn answer(value: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

/// Makes a refusal of a request, whose reason the editor shows.
fn refused(reason: String) -> Refusal {
    (ErrorCode::RequestFailed, reason)
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// Returns a completion; `order` keeps the order of the list.
fn item((offer, order): (Completion, usize)) -> CompletionItem {
    CompletionItem {
        label: offer.label,
        kind: Some(match offer.kind {
            CompletionKind::Keyword => CompletionItemKind::KEYWORD,
            CompletionKind::Field => CompletionItemKind::FIELD,
            CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
            CompletionKind::Function => CompletionItemKind::FUNCTION,
            CompletionKind::Name => CompletionItemKind::REFERENCE,
            CompletionKind::Variable => CompletionItemKind::VARIABLE,
            CompletionKind::Unit => CompletionItemKind::UNIT,
            CompletionKind::Module => CompletionItemKind::MODULE,
        }),
        detail: Some(offer.detail).filter(|detail| !detail.is_empty()),
        documentation: Some(offer.doc)
            .filter(|doc| !doc.is_empty())
            .map(|doc| Documentation::MarkupContent(markdown(doc))),
        sort_text: Some(format!("{order:04}")),
        ..CompletionItem::default()
    }
}

#[allow(deprecated)]
fn symbol(lines: &Lines<'_>, symbol: Symbol) -> DocumentSymbol {
    DocumentSymbol {
        kind: match symbol.kind.as_str() {
            "param" => SymbolKind::CONSTANT,
            "objective" | "pipeline" => SymbolKind::FUNCTION,
            "variant" | "sweep" => SymbolKind::ENUM,
            _ => SymbolKind::OBJECT,
        },
        detail: Some(symbol.kind),
        name: symbol.name,
        tags: None,
        deprecated: None,
        range: lines.span(symbol.span),
        selection_range: lines.span(symbol.name_span),
        children: None,
    }
}
