//! The syntax tree: one node for each thing written, with its place.

use crate::span::Span;

/// A parsed file. Never fails: what could not be understood is in `faults`.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The version of the `pbpo 1` line.
    pub version: Option<Version>,
    pub items: Vec<Item>,
    /// Syntax faults in source order.
    pub faults: Vec<Fault>,
    /// Words inside junk: names they may have declared must not be called unknown later on.
    pub doubtful: Vec<String>,
}

/// The version in `pbpo 1`.
#[derive(Clone, Debug)]
pub struct Version {
    pub text: String,
    pub span: Span,
}

/// A word with its place.
#[derive(Clone, Debug)]
pub struct Ident {
    pub text: String,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Item {
    Param(Box<Param>),
    Block(Block),
}

/// `param NAME: TYPE [in LOW..HIGH] = VALUE`
#[derive(Clone, Debug)]
pub struct Param {
    pub doc: String,
    pub name: Ident,
    pub ty: Ident,
    pub range: Option<Range>,
    pub value: Expr,
    pub span: Span,
}

/// `LOW..HIGH`, both ends included.
#[derive(Clone, Debug)]
pub struct Range {
    pub low: Expr,
    pub high: Expr,
    pub span: Span,
}

/// `KIND NAME { ... }`
#[derive(Clone, Debug)]
pub struct Block {
    pub doc: String,
    pub kind: Ident,
    pub name: Ident,
    pub body: Body,
    pub span: Span,
}

/// What stands between braces.
#[derive(Clone, Debug)]
pub struct Body {
    pub stmts: Vec<Stmt>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Stmt {
    /// `name = value`: a field of a block, or an assignment in a pipeline.
    Assign { doc: String, name: Ident, value: Expr },
    /// `name += value`
    Append { name: Ident, value: Expr },
    /// `repeat COUNT [UNIT] { ... }`
    Repeat { keyword: Span, count: Expr, unit: Option<Ident>, body: Body },
    /// `ascend P on E [within C]` or `descend ...`
    Climb { keyword: Span, ascend: bool, player: Ident, objective: Expr, within: Option<Expr> },
}

impl Stmt {
    /// The whole statement.
    pub fn span(&self) -> Span {
        match self {
            Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => name.span.to(value.span),
            Stmt::Repeat { keyword, body, .. } => keyword.to(body.span),
            Stmt::Climb { keyword, objective, within, .. } => {
                keyword.to(within.as_ref().map_or(objective.span, |w| w.span))
            }
        }
    }
}

/// A value or an expression.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Number(Number),
    Text(String),
    Bool(bool),
    /// `name` or `block.part`: at least one word.
    Path(Vec<Ident>),
    /// `f(args)`
    Call {
        callee: Vec<Ident>,
        args: Vec<Arg>,
    },
    /// `tag { fields }` or `{ fields }`
    Record {
        tag: Option<Ident>,
        body: Body,
    },
    List(Vec<Expr>),
    Neg(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Something that was reported already.
    Error,
}

/// `3`, `4k tokens`, `1e-5`, `3%`
#[derive(Clone, Debug)]
pub struct Number {
    /// With the multiplier (`k`, `Ki`, `%`) applied.
    pub value: f64,
    /// Whether it is a whole number by its spelling: `4k` is, `4.0` and `1e3` are not.
    pub whole: bool,
    /// A unit, as written.
    pub unit: Option<Ident>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub struct Arg {
    /// `name =` in front.
    pub name: Option<Ident>,
    pub value: Expr,
    /// `over AXIS` behind.
    pub over: Option<Ident>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
}

/// A fault in the syntax, as data: the compiler puts it in words.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: FaultKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Not understood: what would have been right here, and the text that was found.
    Unexpected { expected: Vec<&'static str>, found: String },
    /// A line or block at the top of a file that starts with a word that is no item.
    UnknownItem { word: String },
    /// An opener without its closer; `span` is the opener, `end` where the closer was missed.
    Unclosed { opener: &'static str, closer: &'static str, end: Span },
    /// A closer without an opener.
    Stray { found: &'static str },
    /// Another language's habit: what was written, and what to write.
    Foreign { found: String, write: &'static str },
    /// Nested or chained deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// Larger than [`crate::MAX_BYTES`], or too much work for the parser.
    TooLarge,
}
