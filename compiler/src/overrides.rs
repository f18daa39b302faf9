//! `--set path=value`: replaces values in the syntax tree, so that an override goes through the very
//! checks that a written value goes through. Its spans point into the text of the argument.

use pbpo_grammar::ast::{Arg, Block, Body, Expr, ExprKind, File, Ident, Item, Stmt};
use pbpo_grammar::{FileId, Span, parse_expr};

use crate::check::field_span;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::{Default, Field, Form, Kind, Ty, Variant, blocks};
use crate::source::{SET, SourceMap};
use crate::suggest;

/// Applies overrides in order.
pub fn apply(file: &mut File, overrides: &[String], sources: &mut SourceMap, out: &mut Vec<Diagnostic>) {
    for text in overrides {
        let id = sources.add(SET, text);
        if let Err(error) = parse(id, text).and_then(|(path, value)| set(file, &path, value)) {
            out.extend(error);
        }
    }
}

/// A failed override; nothing to say where its target was reported already.
type Failure = Option<Diagnostic>;

/// The path and the value of an argument.
fn parse(id: FileId, text: &str) -> Result<(Vec<Ident>, Expr), Failure> {
    let whole = Span::new(id, 0, text.len());
    let bad = |message: &str| {
        let error = Diagnostic::error(Code::BadOverride, whole, message);
        Some(error.label("not `path=value`").help("write for example `--set beta=0.1` or `--set pi.optimizer.lr=1e-4`"))
    };
    let Some((left, right)) = text.split_once('=') else {
        return Err(bad("an override needs a `=`"));
    };
    let (mut path, mut start) = (Vec::new(), 0);
    for part in left.split('.') {
        let word = part.trim();
        if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad("the path of an override is made of names and dots"));
        }
        let from = start + part.find(word).unwrap_or(0);
        path.push(Ident { text: word.to_owned(), span: Span::new(id, from, from + word.len()) });
        start += part.len() + 1;
    }
    if right.trim().is_empty() {
        return Err(bad("an override needs a value"));
    }
    // Blanks in place of the path keep the places of the value right.
    let padded = format!("{}{right}", " ".repeat(left.len() + 1));
    match parse_expr(id, &padded) {
        Ok(value) => Ok((path, value)),
        Err(fault) => Err(Some(crate::syntax::fault(&fault))),
    }
}

/// Finds the target and replaces its value.
fn set(file: &mut File, path: &[Ident], value: Expr) -> Result<(), Failure> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    for item in &mut file.items {
        match item {
            Item::Param(param) if param.name.text == first.text => {
                return match rest.first() {
                    None => {
                        param.value = value;
                        Ok(())
                    }
                    Some(part) => Err(no_parts(&first.text, part)),
                };
            }
            Item::Block(block) if block.name.text == first.text => return set_in_block(block, first, rest, value),
            Item::Param(_) | Item::Block(_) => {}
        }
    }
    if file.doubtful.contains(&first.text) {
        return Err(None);
    }
    let names: Vec<&str> = file
        .items
        .iter()
        .map(|item| match item {
            Item::Param(param) => param.name.text.as_str(),
            Item::Block(block) => block.name.text.as_str(),
        })
        .collect();
    let error = unknown(first, format!("nothing is called `{}`", first.text), &names);
    let seed = first.text == "seed" && rest.is_empty();
    Err(if seed { error.map(|error| error.help("declare it in the file: `param seed: int = 0`")) } else { error })
}

fn unknown(at: &Ident, message: String, names: &[&str]) -> Failure {
    Some(
        Diagnostic::error(Code::UnknownPath, at.span, message)
            .label("unknown path")
            .maybe_help(suggest::help(&at.text, names)),
    )
}

fn no_parts(name: &str, part: &Ident) -> Failure {
    Some(Diagnostic::error(Code::UnknownPath, part.span, format!("`{name}` has no parts")).label("unknown path"))
}

fn set_in_block(block: &mut Block, name: &Ident, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let Some(kind) = Kind::parse(&block.kind.text) else { return Err(None) };
    if kind == Kind::Pipeline {
        return set_episodes(block, name, rest, value);
    }
    let follower = kind == Kind::Policy && field_span(&block.body, "follows").is_some();
    let fields = if follower { blocks::FOLLOWER } else { blocks::fields(kind) };
    let Some((field, rest)) = rest.split_first() else {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let error =
            Diagnostic::error(Code::UnknownPath, name.span, format!("`{}` is {}, not a value", name.text, kind.noun()));
        let error = error.label("not a single value");
        return Err(Some(match names.first() {
            Some(first) => error.help(format!("name one of its fields, as in `{}.{first}`", name.text)),
            None => error,
        }));
    };
    set_in_body(&mut block.body, fields, &name.text, field, rest, value)
}

/// `main.episodes`: the count of the first outermost repeat.
fn set_episodes(block: &mut Block, name: &Ident, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let [part] = rest else {
        let at = rest.last().unwrap_or(name);
        return Err(unknown(at, format!("pipeline `{}` has only `episodes` to set", name.text), &["episodes"]));
    };
    if part.text != "episodes" {
        return Err(unknown(part, format!("pipeline `{}` has no `{}`", name.text, part.text), &["episodes"]));
    }
    let count = block.body.stmts.iter_mut().find_map(|stmt| match stmt {
        Stmt::Repeat { count, .. } => Some(count),
        Stmt::Assign { .. } | Stmt::Append { .. } | Stmt::Climb { .. } => None,
    });
    match count {
        Some(count) => {
            *count = value;
            Ok(())
        }
        None => Err(unknown(part, format!("pipeline `{}` has no repeat", name.text), &[])),
    }
}

/// Sets `field[.rest]` among the fields of a body.
fn set_in_body(
    body: &mut Body,
    fields: &'static [Field],
    owner: &str,
    field: &Ident,
    rest: &[Ident],
    value: Expr,
) -> Result<(), Failure> {
    let schema = find(fields, owner, field)?;
    let index = body.stmts.iter().position(|stmt| matches!(stmt, Stmt::Assign { name, .. } if name.text == field.text));
    let index = index.unwrap_or_else(|| {
        let value = unwritten(schema, field.span);
        body.stmts.push(Stmt::Assign { doc: String::new(), name: field.clone(), value });
        body.stmts.len() - 1
    });
    match body.stmts.get_mut(index) {
        Some(Stmt::Assign { value: slot, .. }) => set_in_value(slot, schema, rest, value),
        _ => Ok(()),
    }
}

/// Sets `field[.rest]` among the arguments of a call.
fn set_in_args(
    args: &mut Vec<Arg>,
    fields: &'static [Field],
    owner: &str,
    field: &Ident,
    rest: &[Ident],
    value: Expr,
) -> Result<(), Failure> {
    let schema = find(fields, owner, field)?;
    let named = args.iter().position(|arg| arg.name.as_ref().is_some_and(|name| name.text == field.text));
    let by_place = || {
        let place = fields.iter().filter(|field| field.positional).position(|field| field.name == schema.name)?;
        let places = args.iter().enumerate().filter(|(_, arg)| arg.name.is_none()).map(|(at, _)| at);
        places.into_iter().nth(place)
    };
    let index = named.or_else(by_place).unwrap_or_else(|| {
        args.push(Arg { name: Some(field.clone()), value: unwritten(schema, field.span), over: None });
        args.len() - 1
    });
    match args.get_mut(index) {
        Some(arg) => set_in_value(&mut arg.value, schema, rest, value),
        None => Ok(()),
    }
}

fn find(fields: &'static [Field], owner: &str, name: &Ident) -> Result<&'static Field, Failure> {
    fields.iter().find(|field| field.name == name.text).ok_or_else(|| {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        unknown(name, format!("`{owner}` has no `{}`", name.text), &names)
    })
}

/// Replaces a value, or goes on into its parts.
fn set_in_value(slot: &mut Expr, schema: &'static Field, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let Some((part, rest)) = rest.split_first() else {
        *slot = value;
        return Ok(());
    };
    let (fields, owner) = match schema.ty {
        Ty::Record(fields) => (fields, schema.name),
        Ty::Choice(variants) => {
            let Some(variant) = chosen(slot, variants) else { return Err(None) };
            open(slot, variant);
            (variant.fields, variant.name)
        }
        Ty::Int(..) | Ty::Float(..) | Ty::Block(_) | Ty::Init | Ty::Score | Ty::Words(_) | Ty::Value(_) => {
            return Err(no_parts(schema.name, part));
        }
    };
    match &mut slot.kind {
        ExprKind::Record { body, .. } => set_in_body(body, fields, owner, part, rest, value),
        ExprKind::Call { args, .. } => set_in_args(args, fields, owner, part, rest, value),
        _ => Err(no_parts(owner, part)),
    }
}

/// The alternative that is written.
fn chosen(expr: &Expr, variants: &'static [Variant]) -> Option<&'static Variant> {
    let word = match &expr.kind {
        ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => path.first()?,
        ExprKind::Record { tag, .. } => tag.as_ref()?,
        _ => return None,
    };
    variants.iter().find(|variant| variant.name == word.text)
}

/// Turns a lone word (`rloo`) into a record or a call that can take fields.
fn open(expr: &mut Expr, variant: &Variant) {
    let ExprKind::Path(path) = &expr.kind else { return };
    let path = path.clone();
    expr.kind = match variant.form {
        Form::Word => return,
        Form::Record => {
            ExprKind::Record { tag: path.into_iter().next(), body: Body { stmts: Vec::new(), span: expr.span } }
        }
        Form::Call => ExprKind::Call { callee: path, args: Vec::new() },
    };
}

/// What an unwritten field stands for, so that parts of it can be set.
fn unwritten(field: &Field, span: Span) -> Expr {
    let kind = match field.default {
        Default::Word(word) => ExprKind::Path(vec![Ident { text: word.to_owned(), span }]),
        Default::Fields => ExprKind::Record { tag: None, body: Body { stmts: Vec::new(), span } },
        Default::Required
        | Default::Absent
        | Default::Int(_)
        | Default::Float(_)
        | Default::Words(_)
        | Default::Same(_)
        | Default::EightThirds(_) => ExprKind::Error,
    };
    Expr { kind, span }
}
