//! The `where` of a sweep, which selects combinations.

use pbpo_grammar::ast::{BinaryOp, Expr, ExprKind, Ident, Item};

use super::{Override, Target, overrides::value_text, target};
use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;

/// The values of names in a condition: those set by this point, else those of parameters, else words.
pub(super) struct Look<'a> {
    /// All overrides in order; the last one that sets a path counts.
    pub sets: &'a [&'a Override],
    pub project: &'a Project,
}

/// A value in a condition.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Bool(bool),
    Number(f64),
    Text(String),
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

impl Look<'_> {
    pub fn holds(&self, expr: &Expr) -> Result<bool> {
        match self.value(expr, 0)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(wrong(expr, "expected a comparison", "write for example `where beta > 0`")),
        }
    }

    fn value(&self, expr: &Expr, depth: usize) -> Result<Value> {
        if depth > pbpo_grammar::MAX_DEPTH {
            return Err(wrong(expr, "these values are defined by each other", "write a number"));
        }
        Ok(match &expr.kind {
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Number(number) if number.whole && number.value > crate::check::number::LARGEST => {
                return Err(Box::new(crate::check::number::too_large(expr.span)));
            }
            ExprKind::Number(number) => Value::Number(number.value),
            ExprKind::Text(text) => Value::Text(text.clone()),
            ExprKind::Path(path) => return self.named(path, expr, depth),
            ExprKind::Neg(arg) => match self.value(arg, depth + 1)? {
                Value::Number(value) => Value::Number(-value),
                _ => return Err(wrong(arg, "expected a number", "only numbers have a sign")),
            },
            ExprKind::Not(arg) => match self.value(arg, depth + 1)? {
                Value::Bool(value) => Value::Bool(!value),
                _ => return Err(wrong(arg, "expected a comparison", "write `not (a == b)`")),
            },
            ExprKind::Binary { op, left, right } => {
                let (a, b) = (self.value(left, depth + 1)?, self.value(right, depth + 1)?);
                binary(*op, a, b).ok_or_else(|| {
                    let message = format!("`{}` does not go with these values", op.text());
                    wrong(expr, &message, "compare numbers with numbers, and words with words")
                })?
            }
            ExprKind::Record { tag: Some(tag), .. } => Value::Text(tag.text.clone()),
            _ => Value::Text(value_text(expr)),
        })
    }

    fn named(&self, path: &[Ident], expr: &Expr, depth: usize) -> Result<Value> {
        let text = path_text(path);
        // An undeclared word, as `none`, is a value.
        let Some(wanted) = Target::of(&self.project.views, path) else { return Ok(Value::Text(text)) };
        let given = |set: &&Override| {
            let way = Target::of(&self.project.views, &set.path)?;
            target::part(&set.value, way.way_to(&wanted)?).cloned()
        };
        if let Some(value) = self.sets.iter().rev().find_map(given) {
            // A value with the same spelling as the path is not looked up again.
            return match &value.kind {
                ExprKind::Path(word) if path_text(word) == text => Ok(Value::Text(text)),
                _ => self.value(&value, depth + 1),
            };
        }
        let param = match self.project.item(&wanted.global) {
            Some(Item::Param(param)) => Some(param),
            _ => None,
        };
        match param {
            Some(param) if path.len() == 1 => self.value(&param.value, depth + 1),
            _ if path.len() > 1 => {
                let message = format!("`{text}` is no axis of this sweep");
                Err(wrong(expr, &message, "compare axes, parameters, numbers and words"))
            }
            _ => Ok(Value::Text(text)),
        }
    }
}

fn wrong(expr: &Expr, message: &str, help: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::WrongType, expr.span, message).label("in this condition").help(help))
}

fn binary(op: BinaryOp, a: Value, b: Value) -> Option<Value> {
    use Value::{Bool, Number};
    Some(match (op, a, b) {
        (BinaryOp::Add, Number(a), Number(b)) => Number(a + b),
        (BinaryOp::Sub, Number(a), Number(b)) => Number(a - b),
        (BinaryOp::Mul, Number(a), Number(b)) => Number(a * b),
        (BinaryOp::Div, Number(a), Number(b)) => Number(a / b),
        (BinaryOp::Less, Number(a), Number(b)) => Bool(a < b),
        (BinaryOp::LessOrEqual, Number(a), Number(b)) => Bool(a <= b),
        (BinaryOp::Greater, Number(a), Number(b)) => Bool(a > b),
        (BinaryOp::GreaterOrEqual, Number(a), Number(b)) => Bool(a >= b),
        (BinaryOp::And, Bool(a), Bool(b)) => Bool(a && b),
        (BinaryOp::Or, Bool(a), Bool(b)) => Bool(a || b),
        (BinaryOp::Equal, a, b) if same_kind(&a, &b) => Bool(a == b),
        (BinaryOp::NotEqual, a, b) if same_kind(&a, &b) => Bool(a != b),
        _ => return None,
    })
}

fn same_kind(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
