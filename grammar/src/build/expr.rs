//! Values and expressions.

use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

use super::{Builder, Pr};
use crate::ast::{Arg, BinaryOp, Expr, ExprKind, FaultKind, Ident, Number};
use crate::{MAX_DEPTH, Rule, Span, junk};

/// The precedence, lowest first. Each operator is listed here and in `infix` of the grammar.
static PRATT: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::kw_or, Assoc::Left))
        .op(Op::infix(Rule::kw_and, Assoc::Left))
        .op(Op::prefix(Rule::kw_not))
        .op(Op::infix(Rule::comparison, Assoc::Left))
        .op(Op::infix(Rule::plus, Assoc::Left) | Op::infix(Rule::dash, Assoc::Left))
        .op(Op::infix(Rule::times, Assoc::Left) | Op::infix(Rule::slash, Assoc::Left))
        .op(Op::infix(Rule::power, Assoc::Right))
        .op(Op::prefix(Rule::minus))
});

impl<'s> Builder<'s> {
    /// Builds a chain of terms and operators. A chain of n operators is a tree of depth n, so its length counts as
    /// depth.
    pub(super) fn expr(&mut self, pair: Pr<'s>) -> Expr {
        let span = self.trimmed(self.span(&pair));
        let pairs: Vec<Pr<'s>> = pair.into_inner().filter(|pair| !self.comment(pair)).collect();
        let operators = pairs.len() / 2 + 1;
        if self.too_deep(operators, span) || pairs.is_empty() {
            return Self::error(span);
        }
        self.depth += operators;
        let this = std::cell::RefCell::new(&mut *self);
        let expr = PRATT
            .map_primary(|pair| this.borrow_mut().term(pair))
            .map_prefix(|op, arg| {
                let span = this.borrow().span(&op).to(arg.span);
                this.borrow_mut().odd_operator(&op);
                let arg = Box::new(arg);
                let kind = if op.as_rule() == Rule::kw_not { ExprKind::Not(arg) } else { ExprKind::Neg(arg) };
                Expr { kind, span }
            })
            .map_infix(|left, op, right| {
                let span = left.span.to(right.span);
                this.borrow_mut().odd_operator(&op);
                if op.as_rule() == Rule::power {
                    return Self::error(span);
                }
                let op = match op.as_rule() {
                    Rule::plus => BinaryOp::Add,
                    Rule::dash => BinaryOp::Sub,
                    Rule::times => BinaryOp::Mul,
                    Rule::kw_and => BinaryOp::And,
                    Rule::kw_or => BinaryOp::Or,
                    Rule::comparison => comparison(op.as_str()),
                    _ => BinaryOp::Div,
                };
                Expr { kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, span }
            })
            .parse(pairs.into_iter());
        self.depth -= operators;
        expr
    }

    /// Reports an expression if this many more nodes would nest too deep. Returns true if it did.
    fn too_deep(&mut self, nodes: usize, span: Span) -> bool {
        let deep = self.depth + nodes > MAX_DEPTH;
        if deep {
            let first = junk::first_word(span.text(self.source)).len();
            self.fault(FaultKind::TooDeep, Span { end: span.start + u32::try_from(first).unwrap_or(0), ..span });
        }
        deep
    }

    /// Reports an operator of another language, or one that only looks right.
    fn odd_operator(&mut self, pair: &Pr<'s>) {
        let found = pair.as_str();
        let write = match found {
            "**" | "^" => "",
            "&&" => "and",
            "||" => "or",
            "!" => "not",
            "−" | "–" | "—" => "-",
            "×" | "·" => "*",
            "÷" => "/",
            "≤" => "<=",
            "≥" => ">=",
            "≠" => "!=",
            _ => return,
        };
        let span = self.span(pair);
        self.fault(FaultKind::Foreign { found: found.to_owned(), write: write.to_owned() }, span);
    }

    /// Skips comments inside an expression; a `#` comment is a fault. Returns true for a comment.
    fn comment(&mut self, pair: &Pr<'s>) -> bool {
        self.punctuation(pair);
        matches!(pair.as_rule(), Rule::comment | Rule::hash_comment | Rule::doc_at_end)
    }

    /// Returns a span without trailing blanks, which pest includes in non-atomic rules.
    pub(super) fn trimmed(&self, span: Span) -> Span {
        let text = span.text(self.source);
        Span::new(span.file, span.start as usize, span.start as usize + text.trim_end().len())
    }

    /// Builds one operand.
    pub(super) fn term(&mut self, pair: Pr<'s>) -> Expr {
        let span = self.trimmed(self.span(&pair));
        let kind = match pair.as_rule() {
            Rule::number => ExprKind::Number(self.number(pair)),
            Rule::text => self.text(pair, span),
            Rule::list => self.list(pair, span),
            Rule::paren => return self.paren(pair, span),
            Rule::bare => self.bare(pair),
            Rule::apply => self.apply(pair),
            Rule::path => self.path_value(self.path(pair)),
            _ => ExprKind::Error,
        };
        Expr { kind, span }
    }

    fn number(&mut self, pair: Pr<'s>) -> Number {
        let inner = pair.into_inner();
        let unit = self.child(&inner, Rule::unit).map(|pair| self.ident(&pair));
        let numeral = self.child(&inner, Rule::numeral).map(Pr::into_inner);
        let part = |rule| numeral.as_ref().and_then(|parts| self.child(parts, rule)).map(|pair| pair.as_str());
        let digits = part(Rule::digits).unwrap_or("").replace('_', "");
        let factor = match part(Rule::suffix) {
            Some("k") => 1e3,
            Some("M") => 1e6,
            Some("Ki") => 1024.0,
            Some("Mi") => 1_048_576.0,
            Some("%") => 0.01,
            _ => 1.0,
        };
        let plain = !digits.contains(['.', 'e', 'E']);
        let value = digits.parse::<f64>().unwrap_or(f64::NAN);
        // 3% is 3 / 100, which is more exact than 3 * 0.01.
        let value = if factor < 1.0 { value / 100.0 } else { value * factor };
        let exact = exact(&digits, factor);
        let whole = factor >= 1.0 && (plain || (factor > 1.0 && (value.fract() == 0.0 || exact.is_some())));
        // A whole number above 2^53 may be rounded, so it must not be taken for the written one.
        let value = match exact {
            Some(exact) if whole && exact > LARGEST => value.max(LARGEST as f64 + 2.0),
            Some(exact) if whole => exact as f64,
            _ => value,
        };
        Number { value, whole, unit }
    }

    pub(super) fn text(&mut self, pair: Pr<'s>, span: Span) -> ExprKind {
        let inner = pair.into_inner();
        if let Some(missing) = self.child(&inner, Rule::missing_quote) {
            self.unclosed(span, 1, "\"", "\"", &missing);
        }
        if let Some(quoted) = self.child(&inner, Rule::foreign_inner) {
            let found = span.text(self.source).chars().next().map(String::from).unwrap_or_default();
            // In the language's quotes these two characters have other meanings.
            let escaped = quoted.as_str().replace('\\', "\\\\").replace('"', "\\\"");
            self.fault(FaultKind::Foreign { found, write: format!("\"{escaped}\"") }, span);
            return ExprKind::Text(quoted.as_str().to_owned());
        }
        let raw = self.child(&inner, Rule::text_inner).map_or("", |pair| pair.as_str());
        let (text, unknown) = unescaped(raw);
        let place = |at: usize| {
            let start = span.start as usize + 1 + at;
            let letter = raw.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            Span::new(self.file, start, start + 1 + letter)
        };
        let unknown: Vec<Span> = unknown.into_iter().map(place).collect();
        // One report for each text, because all its escapes are probably the same mistake.
        if let Some(first) = unknown.first().copied() {
            let found = first.text(self.source).to_owned();
            self.fault(FaultKind::UnknownEscape { found, all: unknown }, first);
        }
        ExprKind::Text(text)
    }

    pub(super) fn list(&mut self, pair: Pr<'s>, span: Span) -> ExprKind {
        let (mut items, mut junk) = (Vec::new(), false);
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::expr => items.push(self.expr(pair)),
                Rule::junk_arg => junk |= self.leftover(&pair, "`,` or `]`"),
                Rule::missing_bracket if !junk => self.unclosed(span, 1, "[", "]", &pair),
                _ => self.punctuation(&pair),
            }
        }
        ExprKind::List(items)
    }

    fn paren(&mut self, pair: Pr<'s>, span: Span) -> Expr {
        let (mut expr, mut junk) = (Self::error(span), false);
        let inner = pair.into_inner();
        let tuple = self.child(&inner, Rule::tuple);
        if let (Some(tuple), Some(first), Some(_)) =
            (tuple, self.child(&inner, Rule::expr), self.child(&inner, Rule::close_paren))
        {
            let items = [first].into_iter().chain(tuple.into_inner().filter(|pair| pair.as_rule() == Rule::expr));
            let kind = ExprKind::List(items.map(|pair| self.expr(pair)).collect());
            let text = span.text(self.source);
            let within = text.get(1..text.len().saturating_sub(1)).unwrap_or("").trim().trim_end_matches(',');
            self.fault(FaultKind::Foreign { found: "(...)".into(), write: format!("[{within}]") }, span);
            return Expr { kind, span };
        }
        for pair in inner {
            match pair.as_rule() {
                Rule::expr => expr = self.expr(pair),
                Rule::junk_arg => junk |= self.leftover(&pair, "an operator or `)`"),
                Rule::missing_paren if !junk => self.unclosed(span, 1, "(", ")", &pair),
                _ => self.punctuation(&pair),
            }
        }
        Expr { span, ..expr }
    }

    fn bare(&mut self, pair: Pr<'s>) -> ExprKind {
        let span = self.span(&pair);
        match self.child(&pair.into_inner(), Rule::body) {
            Some(body) => ExprKind::Record { tag: None, body: self.body(body) },
            None => Self::error(span).kind,
        }
    }

    fn apply(&mut self, pair: Pr<'s>) -> ExprKind {
        let mut path = Vec::new();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::path => path = self.path(pair),
                Rule::args => return ExprKind::Call { callee: path, args: self.args(pair) },
                Rule::body => return ExprKind::Record { tag: path.into_iter().next(), body: self.body(pair) },
                _ => {}
            }
        }
        self.path_value(path)
    }

    /// Returns the expression of `a.b`, or of a word that is a value.
    fn path_value(&mut self, path: Vec<Ident>) -> ExprKind {
        let foreign = match path.as_slice() {
            [word] => match word.text.as_str() {
                "true" => return ExprKind::Bool(true),
                "false" => return ExprKind::Bool(false),
                "True" | "TRUE" => Some(("true", word.clone())),
                "False" | "FALSE" => Some(("false", word.clone())),
                "None" | "null" | "nil" => Some(("none", word.clone())),
                _ => None,
            },
            _ => None,
        };
        if let Some((write, word)) = foreign {
            // The word is read as its meaning, so that the spelling is reported only if the value is right.
            self.fault(FaultKind::Foreign { found: word.text.clone(), write: write.into() }, word.span);
            return match write {
                "none" => ExprKind::Path(vec![Ident { text: write.to_owned(), span: word.span }]),
                word => ExprKind::Bool(word == "true"),
            };
        }
        ExprKind::Path(path)
    }

    pub(super) fn path(&self, pair: Pr<'s>) -> Vec<Ident> {
        pair.into_inner().filter(|pair| pair.as_rule() == Rule::ident).map(|pair| self.ident(&pair)).collect()
    }

    fn args(&mut self, pair: Pr<'s>) -> Vec<Arg> {
        let span = self.span(&pair);
        let (mut args, before) = (Vec::new(), self.faults.len());
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::arg => args.extend(self.arg(pair)),
                Rule::missing_paren if self.faults.len() == before => self.unclosed(span, 1, "(", ")", &pair),
                _ => self.punctuation(&pair),
            }
        }
        args
    }

    fn arg(&mut self, pair: Pr<'s>) -> Option<Arg> {
        let (mut arg, mut over) = (None, None);
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::named => arg = self.named(pair),
                Rule::word => arg = Some((None, self.word(&pair))),
                Rule::expr => arg = Some((None, self.expr(pair))),
                Rule::over => over = self.child(&pair.into_inner(), Rule::ident).map(|pair| self.ident(&pair)),
                Rule::junk_arg => {
                    let expected = if arg.is_some() { "`,` or `)`" } else { "a value" };
                    self.leftover(&pair, expected);
                    if arg.is_none() {
                        arg = Some((None, Self::error(self.trimmed(self.span(&pair)))));
                    }
                }
                _ => self.punctuation(&pair),
            }
        }
        arg.map(|(name, value)| Arg { name, value, over })
    }

    /// Builds an argument that is one name.
    fn word(&mut self, pair: &Pr<'s>) -> Expr {
        let span = self.span(pair);
        if self.too_deep(1, span) {
            return Self::error(span);
        }
        let name = self.ident(pair);
        Expr { kind: self.path_value(vec![name]), span }
    }

    fn named(&mut self, pair: Pr<'s>) -> Option<(Option<Ident>, Expr)> {
        let span = self.trimmed(self.span(&pair));
        let inner = pair.into_inner();
        let name = self.child(&inner, Rule::ident).map(|pair| self.ident(&pair));
        self.foreign_assigns(&inner);
        if let Some(missing) = self.child(&inner, Rule::missing_value) {
            let at = self.span(&missing).start as usize;
            let found = junk::first_word(self.source.get(at..).unwrap_or("")).to_owned();
            self.fault(FaultKind::Unexpected { expected: vec!["a value"], found }, span);
            return Some((name, Self::error(span)));
        }
        let value = self.child(&inner, Rule::expr)?;
        Some((name, self.expr(value)))
    }

    /// Reports junk after an argument, an element or a value in parentheses.
    pub(super) fn leftover(&mut self, pair: &Pr<'s>, expected: &'static str) -> bool {
        let span = self.span(pair);
        let found = junk::first_word(pair.as_str());
        let span = Span::new(self.file, span.start as usize, span.start as usize + found.len());
        self.fault(FaultKind::Unexpected { expected: vec![expected], found: found.to_owned() }, span);
        true
    }
}

/// Returns a text with its escapes resolved, and the places of the `\\` of unknown escapes, which stay in the text.
fn unescaped(raw: &str) -> (String, Vec<usize>) {
    let (mut text, mut unknown) = (String::with_capacity(raw.len()), Vec::new());
    let mut chars = raw.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, escaped @ ('\\' | '"'))) => text.push(escaped),
            Some((_, other)) => {
                unknown.push(at);
                text.extend(['\\', other]);
            }
            // The text is never closed.
            None => text.push('\\'),
        }
    }
    (text, unknown)
}

/// The largest number up to which an `f64` holds every whole number.
const LARGEST: u128 = 1 << 53;

/// Returns the product of some digits (`9007199254740.993`, `1.5e3`) and a factor if it is a whole number. Returns
/// `None` for very many digits, which make it far above the largest, or far from whole.
fn exact(digits: &str, factor: f64) -> Option<u128> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    let power = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    // The conversion is exact: the factors are small whole numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let number = number.checked_mul(factor.max(1.0) as u128)?;
    let ten = 10_u128.checked_pow(power.unsigned_abs())?;
    if power >= 0 { number.checked_mul(ten) } else { (number % ten == 0).then_some(number / ten) }
}

fn comparison(text: &str) -> BinaryOp {
    match text {
        "<" => BinaryOp::Less,
        "<=" | "≤" => BinaryOp::LessOrEqual,
        ">" => BinaryOp::Greater,
        ">=" | "≥" => BinaryOp::GreaterOrEqual,
        "!=" | "≠" => BinaryOp::NotEqual,
        _ => BinaryOp::Equal,
    }
}
