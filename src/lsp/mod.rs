//! `pbpoc lsp`: the language server, on stdin and stdout.
//!
//! `documents.rs`: open files and what is known of them; `convert.rs`: places and findings in the words of
//! the protocol; `answer.rs`: requests.

mod answer;
mod convert;
mod documents;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::{
    CodeActionProviderCapability, CompletionOptions, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, HoverProviderCapability, OneOf, PublishDiagnosticsParams, RenameOptions,
    ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};

use crate::cli::{OK, RUN_FAILED, eprint};
use documents::Documents;

/// Serves until the client says `exit`; the exit code.
pub fn run() -> u8 {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection);
    drop(connection);
    match served.map_err(|error| error.to_string()).and_then(|()| threads.join().map_err(|error| error.to_string())) {
        Ok(()) => OK,
        Err(error) => {
            eprint(&format!("error: the connection to the editor broke: {error}\n"));
            RUN_FAILED
        }
    }
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "=", "(", "{", " "].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: lsp_types::WorkDoneProgressOptions::default(),
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Simple(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}

fn serve(connection: &Connection) -> Result<(), Box<dyn std::error::Error + Sync + Send>> {
    connection.initialize(serde_json::to_value(capabilities())?)?;
    let (mut documents, mut pending) = (Documents::default(), Vec::<Uri>::new());
    while let Ok(message) = connection.receiver.recv() {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                let answer = answer(&documents, request);
                connection.sender.send(Message::Response(answer))?;
            }
            Message::Notification(notification) => {
                let changed = take(&mut documents, notification);
                pending.extend(changed.filter(|uri| !pending.contains(uri)));
            }
            Message::Response(_) => {}
        }
        // Of keystrokes that wait already only the last is looked at.
        if connection.receiver.is_empty() {
            for uri in std::mem::take(&mut pending) {
                for uri in documents.affected(&uri) {
                    publish(connection, &mut documents, uri)?;
                }
            }
        }
    }
    Ok(())
}

/// A request's answer. What goes wrong inside is an error of the protocol, not the end of the server.
fn answer(documents: &Documents, request: Request) -> Response {
    let id = request.id.clone();
    let work = std::panic::AssertUnwindSafe(|| answer::request(documents, &request));
    match std::panic::catch_unwind(work) {
        Ok(Ok(value)) => Response::new_ok(id, value),
        Ok(Err((code, message))) => Response::new_err(id, code as i32, message),
        Err(_) => Response::new_err(id, ErrorCode::InternalError as i32, "internal error".into()),
    }
}

/// Takes a change in; the file that changed.
fn take(documents: &mut Documents, notification: Notification) -> Option<Uri> {
    fn read<T: serde::de::DeserializeOwned>(notification: Notification) -> Option<T> {
        serde_json::from_value(notification.params).ok()
    }
    match notification.method.as_str() {
        DidOpenTextDocument::METHOD => {
            let params: DidOpenTextDocumentParams = read(notification)?;
            documents.set(&params.text_document.uri, params.text_document.text);
            Some(params.text_document.uri)
        }
        DidChangeTextDocument::METHOD => {
            let mut params: DidChangeTextDocumentParams = read(notification)?;
            documents.set(&params.text_document.uri, params.content_changes.pop()?.text);
            Some(params.text_document.uri)
        }
        DidCloseTextDocument::METHOD => {
            let params: DidCloseTextDocumentParams = read(notification)?;
            documents.close(&params.text_document.uri);
            None
        }
        _ => None,
    }
}

fn publish(
    connection: &Connection,
    documents: &mut Documents,
    uri: Uri,
) -> Result<(), Box<dyn std::error::Error + Sync + Send>> {
    let Some(analysis) = documents.check(&uri) else { return Ok(()) };
    let diagnostics = convert::diagnostics(analysis, &uri);
    let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
    let message = Notification::new(PublishDiagnostics::METHOD.to_owned(), params);
    Ok(connection.sender.send(Message::Notification(message))?)
}
