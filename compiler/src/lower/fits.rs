//! Checks prompts and responses against the context of the model that reads them.

use pbpo_grammar::Span;
use serde_json::Value as Json;

use super::Lower;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;

impl Lower<'_> {
    /// Reports prompts that are known not to fit. A prompt of `digits` has a token for the start, its digits, and one
    /// for `=`; it must fit together with the new tokens.
    pub(super) fn fits(&mut self, args: &Args, policy: &str, data: &str, max_new: &Json, span: Span) {
        let leader = self.leader(policy);
        let model = self.block(&leader).choice("model").map(|model| &model.args);
        let source = self.block(data).choice("source").map(|source| &source.args);
        let known = (
            model.and_then(|model| model.int("context")),
            source.and_then(|source| source.int("length")),
            max_new.as_i64(),
        );
        let (Some(context), Some(length), Some(new)) = known else { return };
        let prompt = length + 2;
        if prompt + new <= context {
            return;
        }
        let declared = model.and_then(|model| model.span("context"));
        let block = self.block(&leader);
        let sampling =
            block.record("sampling").and_then(|sampling| sampling.span("max_new")).or(block.span("sampling"));
        let message = format!("{prompt} prompt tokens and {new} new ones exceed {context}");
        let at = args.span("max_new").unwrap_or(span);
        let mut error = Diagnostic::error(Code::ContextTooShort, at, message)
            .label(format!("up to {} tokens", prompt + new))
            .help(format!("write `context = {} tokens`, or `max_new = {}`", prompt + new, (context - prompt).max(1)));
        // A default has the place of the whole source.
        let whole = self.block(data).span("source");
        let longer = source.and_then(|source| source.span("length"));
        let longer = longer.filter(|at| whole.is_none_or(|whole| (whole.file, whole.start) != (at.file, at.start)));
        if let Some(declared) = declared {
            error = error.also(declared, "the context of the model");
        }
        if let (None, Some(sampling)) = (args.span("max_new"), sampling) {
            error = error.also(sampling, format!("`max_new` is {new} here"));
        }
        if let Some(longer) = longer {
            error = error.also(longer, format!("prompts have {length} digits"));
        }
        self.out.push(error);
    }
}
