//! `mean` and `sum`.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg as Written, Ident};
use pbpo_plan::{Axis, Expr, Reduction};

use super::axes::Typed;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::lower::Lower;
use crate::schema::functions::{Function, FunctionSchema};
use crate::suggest;

impl Lower<'_> {
    /// Lowers `mean` and `sum`: over everything (first tokens are summed, then rows), or over one axis.
    pub(super) fn reduce(
        &mut self,
        reduction: Reduction,
        arg: Typed,
        over: Option<Ident>,
        span: Span,
    ) -> Option<Typed> {
        let Some(axis) = over else {
            if arg.row.is_none() {
                self.out.push(
                    Diagnostic::error(Code::WrongAxis, span, "there is nothing to reduce")
                        .label("this is a scalar already")
                        .help("remove it"),
                );
                return None;
            }
            let rows = if arg.token.is_some() { sum_tokens(arg) } else { arg };
            return Some(over_rows(reduction, rows));
        };
        match (axis.text.as_str(), &arg.row, &arg.token) {
            ("token", _, Some(_)) => {
                let expr = Expr::Reduce { reduction, axis: Axis::Token, arg: Box::new(arg.expr) };
                Some(Typed { expr, token: None, ..arg })
            }
            (name, Some(row), None) if name == row.axis() => Some(over_rows(reduction, arg)),
            (name, Some(row), Some(_)) if name == row.axis() => {
                self.wrong_axis(&axis, &arg, "reduce the tokens first: `sum(... over token)`")
            }
            _ => {
                let there = match (&arg.row, &arg.token) {
                    (None, _) => "remove it: there is no axis".to_owned(),
                    (Some(row), None) => format!("write `over {}`", row.axis()),
                    (Some(_), Some(_)) => "write `over token`".to_owned(),
                };
                self.wrong_axis(&axis, &arg, &there)
            }
        }
    }

    fn wrong_axis(&mut self, axis: &Ident, arg: &Typed, help: &str) -> Option<Typed> {
        let message = match axis.text.as_str() {
            "token" | "sample" | "pair" => format!("can't reduce over `{}` here", axis.text),
            other => format!("no axis is called `{other}`"),
        };
        let nearest = suggest::nearest(&axis.text, ["token", "sample", "pair"]).filter(|_| message.starts_with("no"));
        let help = nearest.map_or_else(|| help.to_owned(), |near| format!("did you mean `{near}`?"));
        self.out.push(
            Diagnostic::error(Code::WrongAxis, axis.span, message)
                .label(format!("the argument is {}", arg.axes()))
                .help(help),
        );
        None
    }

    /// Returns the `over AXIS` of a reduction. The outer `None` means that an axis is given where none is allowed.
    pub(super) fn over(&mut self, schema: &FunctionSchema, args: &[Written]) -> Option<Option<Ident>> {
        let over = args.iter().find_map(|arg| arg.over.clone());
        if let Some(axis) = over.as_ref().filter(|_| !matches!(schema.function, Function::Mean | Function::Sum)) {
            self.out.push(
                Diagnostic::error(Code::WrongAxis, axis.span, format!("`{}` does not reduce", schema.name))
                    .label("only `mean` and `sum` are over an axis")
                    .help(format!("write `{}`", schema.usage)),
            );
            return None;
        }
        Some(over)
    }
}

/// Sums one value for each token to one for each row.
pub(super) fn sum_tokens(arg: Typed) -> Typed {
    let expr = Expr::Reduce { reduction: Reduction::Sum, axis: Axis::Token, arg: Box::new(arg.expr) };
    Typed { expr, token: None, ..arg }
}

/// Reduces one value for each row to a scalar.
pub(super) fn over_rows(reduction: Reduction, arg: Typed) -> Typed {
    Typed::scalar(Expr::Reduce { reduction, axis: Axis::Row, arg: Box::new(arg.expr) })
}
