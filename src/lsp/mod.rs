//! `pbpoc lsp`: a language server on stdin and stdout. The analysis is in the compiler's `ide/`; this module has the
//! protocol, the open files, and the schedule of checks.
//!
//! `wire.rs`: messages as bytes; `text.rs`: UTF-16 positions; `documents.rs`: open files and URIs; `findings.rs`:
//! diagnostics; `answers.rs`: requests; `edits.rs`: changes of files.

mod answers;
mod documents;
mod edits;
mod findings;
mod text;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CompletionOptions, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, InitializeParams, OneOf, PositionEncodingKind, PublishDiagnosticsParams, RenameOptions,
    ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bug;
use crate::cli::{OK, RUN_FAILED, eprint};
use documents::{Documents, path_of};
use findings::Findings;
use wire::Incoming;

/// How long to wait for further keystrokes before a file is checked.
const PAUSE: Duration = Duration::from_millis(1);

/// The reason why a request has no answer.
type Refusal = (ErrorCode, String);

/// Speaks the protocol until the client ends it. Returns the exit code.
pub fn run() -> u8 {
    let incoming = wire::incoming();
    let mut server = Server::default();
    loop {
        let first = if server.state.dirty.is_empty() {
            incoming.recv().map_err(RecvTimeoutError::from)
        } else {
            incoming.recv_timeout(PAUSE)
        };
        match first {
            Ok(Incoming::Malformed { id, code, reason }) => {
                eprint(&format!("warning: {reason}\n"));
                wire::refuse(&id, code, &reason);
            }
            Ok(Incoming::Message(Message::Request(request))) => server.request(request),
            Ok(Incoming::Message(Message::Notification(goodbye))) if goodbye.method == "exit" => {
                return if server.shut { OK } else { RUN_FAILED };
            }
            Ok(Incoming::Message(Message::Notification(notification))) => server.notification(notification),
            Ok(Incoming::Message(Message::Response(_))) => {}
            // No more messages are waiting, so the last changes are checked.
            Err(RecvTimeoutError::Timeout) => server.check_all(),
            Err(RecvTimeoutError::Disconnected) => {
                eprint("error: the client went away\n");
                return RUN_FAILED;
            }
        }
    }
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(true.into()),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(vec![".".into(), "/".into()]),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: Default::default(),
        })),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
                ..CodeActionOptions::default()
            }
            .into(),
        ),
        ..ServerCapabilities::default()
    }
}

/// Returns the folders that are open in the editor.
#[allow(deprecated)]
fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let folders = params.workspace_folders.iter().flatten().map(|folder| &folder.uri);
    let mut paths: Vec<PathBuf> = folders.map(|uri| PathBuf::from(path_of(uri))).collect();
    if let (true, Some(root)) = (paths.is_empty(), &params.root_uri) {
        paths.push(PathBuf::from(path_of(root)));
    }
    paths
}

/// The open files, and the results about them.
#[derive(Default)]
struct State {
    documents: Documents,
    folders: Vec<PathBuf>,
    /// The files that each checked open file has read, and its findings.
    uses: BTreeMap<String, BTreeSet<String>>,
    findings: BTreeMap<String, Findings>,
    /// The open files to check.
    dirty: BTreeSet<String>,
}

#[derive(Default)]
struct Server {
    state: State,
    /// True after the client's `initialize`.
    greeted: bool,
    /// True after the client's `shutdown`.
    shut: bool,
}

impl Server {
    fn reply(&self, id: RequestId, answer: Result<Value, Refusal>) {
        wire::send(match answer {
            Ok(value) => Response::new_ok(id, value),
            Err((code, message)) => Response::new_err(id, code as i32, message),
        });
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        if self.shut {
            return self.reply(id, Err((ErrorCode::InvalidRequest, "the server is shut down".into())));
        }
        if request.method == "initialize" && !self.greeted {
            return self.greet(request);
        }
        if !self.greeted {
            return self.reply(id, Err((ErrorCode::ServerNotInitialized, "`initialize` comes first".into())));
        }
        if request.method == "initialize" {
            return self.reply(id, Err((ErrorCode::InvalidRequest, "`initialize` came before".into())));
        }
        if request.method == "shutdown" {
            self.shut = true;
            return self.reply(id, Ok(Value::Null));
        }
        if request.method == "textDocument/codeAction" {
            // Fixes belong to findings, which must be those of the current text.
            self.check_all();
        }
        let state = &self.state;
        let answer = guarded(|| state.answer(&request));
        self.reply(id, answer.unwrap_or_else(|| Err((ErrorCode::InternalError, "an internal error".into()))));
    }

    fn greet(&mut self, request: Request) {
        self.greeted = true;
        self.state.folders = folders(&serde_json::from_value(request.params).unwrap_or_default());
        let info = json!({ "name": "pbpoc", "version": env!("CARGO_PKG_VERSION") });
        self.reply(request.id, Ok(json!({ "capabilities": capabilities(), "serverInfo": info })));
    }

    /// Handles a notification. A panic in it is reported on stderr, and the notification is dropped.
    fn notification(&mut self, notification: Notification) {
        if !self.greeted {
            return;
        }
        let _ = guarded(|| self.note(notification));
    }

    fn note(&mut self, notification: Notification) {
        let state = &mut self.state;
        match notification.method.as_str() {
            "textDocument/didOpen" => {
                if let Some(params) = read::<DidOpenTextDocumentParams>(notification) {
                    let document = params.text_document;
                    let path = path_of(&document.uri);
                    state.documents.open(&path, document.uri, document.version, document.text);
                    state.touch(&path);
                }
            }
            "textDocument/didChange" => {
                if let Some(params) = read::<DidChangeTextDocumentParams>(notification) {
                    let path = path_of(&params.text_document.uri);
                    state.documents.change(&path, params.text_document.version, params.content_changes);
                    state.touch(&path);
                }
            }
            "textDocument/didClose" => {
                if let Some(params) = read::<DidCloseTextDocumentParams>(notification) {
                    let path = path_of(&params.text_document.uri);
                    state.close(&path);
                    self.publish(params.text_document.uri, Vec::new(), None);
                }
            }
            // A changed file on the disk may be imported.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                state.dirty.extend(state.documents.paths());
            }
            _ => {}
        }
    }

    /// Checks changed files, and publishes the findings.
    fn check_all(&mut self) {
        for path in std::mem::take(&mut self.state.dirty) {
            let state = &self.state;
            let checked = guarded(|| findings::check(&state.documents, &path));
            // An internal error is on stderr; the findings of before stay.
            let Some(Some((findings, uses))) = checked else { continue };
            if let Some(document) = self.state.documents.get(&path) {
                let shown = findings.iter().map(|(finding, _)| finding.clone()).collect();
                self.publish(document.uri.clone(), shown, Some(document.version));
            }
            self.state.uses.insert(path.clone(), uses);
            self.state.findings.insert(path, findings);
        }
    }

    fn publish(&self, uri: Uri, diagnostics: Vec<lsp_types::Diagnostic>, version: Option<i32>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        wire::send(Notification::new("textDocument/publishDiagnostics".into(), params));
    }
}

/// Does some work. A panic in it is reported on stderr, and there is no result.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    if let (None, Some(panic)) = (&done, bug::taken()) {
        panic.tell();
    }
    done
}

impl State {
    /// Marks a changed text, and every open file that imports it, to be checked.
    fn touch(&mut self, path: &str) {
        self.dirty.insert(path.to_owned());
        let importers = self.uses.iter().filter(|(_, uses)| uses.contains(path)).map(|(importer, _)| importer.clone());
        self.dirty.extend(importers);
    }

    fn close(&mut self, path: &str) {
        self.touch(path);
        self.documents.close(path);
        self.dirty.remove(path);
        self.uses.remove(path);
        self.findings.remove(path);
    }
}

/// Returns the parameters of a notification; `None` if they can't be read.
fn read<T: DeserializeOwned>(notification: Notification) -> Option<T> {
    let method = notification.method;
    serde_json::from_value(notification.params)
        .map_err(|error| eprint(&format!("warning: `{method}` can't be read: {error}\n")))
        .ok()
}
