//! Requests: each asks the compiler's `ide` module, and puts the answer in the words of the protocol.

use std::collections::HashMap;

use lsp_server::{ErrorCode, Request};
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest,
    PrepareRenameRequest, References, Rename, Request as _,
};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CompletionItem, CompletionItemKind, CompletionParams,
    DocumentFormattingParams, DocumentSymbol, DocumentSymbolParams, Documentation, GotoDefinitionParams, Hover,
    HoverContents, HoverParams, MarkupContent, MarkupKind, Position, Range, ReferenceParams, RenameParams, SymbolKind,
    TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit,
};
use pbpo_compiler::Span;
use pbpo_compiler::ide::{Analysis, CompletionKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::convert::{location, offset, position, range};
use super::documents::{Documents, to_uri};

type Answer = Result<Value, (ErrorCode, String)>;

/// The answer to a request.
pub fn request(documents: &Documents, request: &Request) -> Answer {
    match request.method.as_str() {
        HoverRequest::METHOD => hover(documents, params(request)?),
        Completion::METHOD => completion(documents, params(request)?),
        GotoDefinition::METHOD => definition(documents, params(request)?),
        References::METHOD => references(documents, params(request)?),
        PrepareRenameRequest::METHOD => prepare_rename(documents, params(request)?),
        Rename::METHOD => rename(documents, params(request)?),
        Formatting::METHOD => formatting(documents, params(request)?),
        CodeActionRequest::METHOD => actions(documents, params(request)?),
        DocumentSymbolRequest::METHOD => symbols(documents, params(request)?),
        other => Err((ErrorCode::MethodNotFound, format!("`{other}` is not known"))),
    }
}

fn params<T: DeserializeOwned>(request: &Request) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(request.params.clone()).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn some(value: impl Serialize) -> Answer {
    serde_json::to_value(value).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

/// What is known at a position: the analysis, and the byte.
fn look(documents: &Documents, at: &TextDocumentPositionParams) -> Option<(Analysis, usize)> {
    let (text, analysis) = documents.get(&at.text_document.uri)?;
    let offset = offset(text, at.position);
    Some((analysis, offset))
}

fn hover(documents: &Documents, params: HoverParams) -> Answer {
    let found = look(documents, &params.text_document_position_params).and_then(|(analysis, at)| {
        let (value, span) = analysis.hover(at)?;
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Some(Hover { contents, range: Some(range(analysis.sources(), span)) })
    });
    some(found)
}

fn completion(documents: &Documents, params: CompletionParams) -> Answer {
    let Some((analysis, at)) = look(documents, &params.text_document_position) else { return Ok(Value::Null) };
    let items: Vec<CompletionItem> = analysis
        .completions(at)
        .into_iter()
        .map(|item| CompletionItem {
            kind: Some(match item.kind {
                CompletionKind::Keyword => CompletionItemKind::KEYWORD,
                CompletionKind::Field => CompletionItemKind::FIELD,
                CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
                CompletionKind::Block => CompletionItemKind::CLASS,
                CompletionKind::Param => CompletionItemKind::CONSTANT,
                CompletionKind::Function => CompletionItemKind::FUNCTION,
                CompletionKind::Variable => CompletionItemKind::VARIABLE,
                CompletionKind::Module => CompletionItemKind::MODULE,
            }),
            detail: (!item.detail.is_empty()).then_some(item.detail),
            documentation: (!item.doc.is_empty()).then_some(Documentation::String(item.doc)),
            insert_text: Some(item.insert),
            label: item.label,
            ..CompletionItem::default()
        })
        .collect();
    some(items)
}

fn definition(documents: &Documents, params: GotoDefinitionParams) -> Answer {
    let found = look(documents, &params.text_document_position_params)
        .and_then(|(analysis, at)| location(analysis.sources(), analysis.definition(at)?));
    some(found)
}

fn references(documents: &Documents, params: ReferenceParams) -> Answer {
    let Some((analysis, at)) = look(documents, &params.text_document_position) else { return Ok(Value::Null) };
    let found = analysis.references(at);
    some(found.into_iter().filter_map(|span| location(analysis.sources(), span)).collect::<Vec<_>>())
}

fn prepare_rename(documents: &Documents, params: TextDocumentPositionParams) -> Answer {
    let found = look(documents, &params).and_then(|(analysis, at)| {
        let here = |span: &Span| (span.start as usize..=span.end as usize).contains(&at);
        let span = analysis
            .references(at)
            .into_iter()
            .find(|span| span.file == pbpo_grammar::FileId::default() && here(span))?;
        Some(range(analysis.sources(), span))
    });
    some(found)
}

#[allow(clippy::mutable_key_type, reason = "the protocol's own type has URIs as keys")]
fn rename(documents: &Documents, params: RenameParams) -> Answer {
    let Some((analysis, at)) = look(documents, &params.text_document_position) else { return Ok(Value::Null) };
    let edits = analysis.rename(at, &params.new_name).map_err(|error| (ErrorCode::RequestFailed, error.0))?;
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        if let Some(uri) = to_uri(analysis.sources().name(edit.span)) {
            let range = range(analysis.sources(), edit.span);
            changes.entry(uri).or_default().push(TextEdit::new(range, edit.text));
        }
    }
    some(WorkspaceEdit::new(changes))
}

fn formatting(documents: &Documents, params: DocumentFormattingParams) -> Answer {
    let Some((text, _)) = documents.get(&params.text_document.uri) else { return Ok(Value::Null) };
    match pbpo_grammar::fmt::format(text) {
        Ok(formatted) if formatted == text => some(Vec::<TextEdit>::new()),
        Ok(formatted) => {
            let whole = Range::new(Position::new(0, 0), position(text, text.len()));
            some(vec![TextEdit::new(whole, formatted)])
        }
        Err(_) => Err((ErrorCode::RequestFailed, "a file with syntax errors is not formatted".into())),
    }
}

#[allow(clippy::mutable_key_type, reason = "the protocol's own type has URIs as keys")]
fn actions(documents: &Documents, params: CodeActionParams) -> Answer {
    let uri = params.text_document.uri;
    let Some((text, analysis)) = documents.get(&uri) else { return Ok(Value::Null) };
    let (from, to) = (offset(text, params.range.start), offset(text, params.range.end));
    let main = pbpo_grammar::FileId::default();
    let mut found = Vec::new();
    for finding in &analysis.compiled.diagnostics {
        let span = finding.primary.span;
        let touches = span.file == main && span.start as usize <= to && from <= span.end as usize;
        let Some(fix) = finding.fix.as_ref().filter(|_| touches) else { continue };
        let sources = &analysis.compiled.sources;
        let edits = fix.edits.iter().filter(|(span, _)| span.file == main);
        let edits = edits.map(|(span, text)| TextEdit::new(range(sources, *span), text.clone())).collect();
        found.push(CodeAction {
            title: fix.title.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            edit: Some(WorkspaceEdit::new(HashMap::from([(uri.clone(), edits)]))),
            is_preferred: Some(true),
            ..CodeAction::default()
        });
    }
    some(found)
}

fn symbols(documents: &Documents, params: DocumentSymbolParams) -> Answer {
    let Some((text, analysis)) = documents.get(&params.text_document.uri) else { return Ok(Value::Null) };
    let items = pbpo_grammar::parse(pbpo_grammar::FileId::default(), text).items;
    let found: Vec<DocumentSymbol> = items
        .iter()
        .filter_map(|item| {
            let name = item.name()?;
            #[allow(deprecated, reason = "the type has no other constructor")]
            let symbol = DocumentSymbol {
                name: name.text.clone(),
                detail: None,
                kind: SymbolKind::VARIABLE,
                tags: None,
                deprecated: None,
                range: range(analysis.sources(), item.span()),
                selection_range: range(analysis.sources(), name.span),
                children: None,
            };
            Some(symbol)
        })
        .collect();
    some(found)
}
