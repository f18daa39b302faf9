//! The syntax tree: one node for each written construct, with its place.

use crate::span::Span;

/// A parsed file. Parsing never fails: unparsable parts are in `faults`.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The version of the `pbpo 1` line.
    pub version: Option<Version>,
    pub items: Vec<Item>,
    /// Syntax faults in source order.
    pub faults: Vec<Fault>,
    /// Words inside junk: names that they may have declared are not reported as unknown later.
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
    Import(Import),
    Param(Box<Param>),
    Lint(Lint),
    Block(Block),
    Extern(Extern),
    Objective(Objective),
    Pipeline(Box<Pipeline>),
    Variant(Variant),
    Sweep(Sweep),
}

impl Item {
    /// Returns the name that the item declares.
    pub fn name(&self) -> Option<&Ident> {
        match self {
            Item::Import(_) | Item::Lint(_) => None,
            Item::Param(item) => Some(&item.name),
            Item::Block(item) => Some(&item.name),
            Item::Extern(item) => Some(&item.name),
            Item::Objective(item) => Some(&item.name),
            Item::Pipeline(item) => Some(&item.name),
            Item::Variant(item) => Some(&item.name),
            Item::Sweep(item) => Some(&item.name),
        }
    }

    /// Returns the place of the whole item.
    pub fn span(&self) -> Span {
        match self {
            Item::Import(item) => item.span,
            Item::Param(item) => item.span,
            Item::Lint(item) => item.span,
            Item::Block(item) => item.span,
            Item::Extern(item) => item.span,
            Item::Objective(item) => item.span,
            Item::Pipeline(item) => item.span,
            Item::Variant(item) => item.span,
            Item::Sweep(item) => item.span,
        }
    }

    /// Returns its `///` comment.
    pub fn doc(&self) -> &str {
        match self {
            Item::Import(_) | Item::Lint(_) => "",
            Item::Param(item) => &item.doc,
            Item::Block(item) => &item.doc,
            Item::Extern(item) => &item.doc,
            Item::Objective(item) => &item.doc,
            Item::Pipeline(item) => &item.doc,
            Item::Variant(item) => &item.doc,
            Item::Sweep(item) => &item.doc,
        }
    }
}

/// `use std/games { pbpo }` or `use "players.pbpo" { pi, ref as anchor }`
#[derive(Clone, Debug)]
pub struct Import {
    pub path: ImportPath,
    pub path_span: Span,
    pub names: Vec<ImportName>,
    pub span: Span,
}

/// The source of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportPath {
    /// `std/games`: a module of the standard library.
    Module(String),
    /// `"players.pbpo"`: a file, relative to the one that imports it.
    File(String),
}

/// `name` or `name as other`
#[derive(Clone, Debug)]
pub struct ImportName {
    pub name: Ident,
    pub rename: Option<Ident>,
}

impl ImportName {
    /// Returns the name it has in the importing file.
    pub fn here(&self) -> &Ident {
        self.rename.as_ref().unwrap_or(&self.name)
    }
}

/// `allow`, `warn` or `deny`, and names of lints.
#[derive(Clone, Debug)]
pub struct Lint {
    pub level: Level,
    pub names: Vec<Ident>,
    pub span: Span,
}

/// The level of a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Allow,
    Warn,
    Deny,
}

/// `extern op NAME(...) -> RESULT`
#[derive(Clone, Debug)]
pub struct Extern {
    pub doc: String,
    /// The kind: `op`, `function`, `task`.
    pub kind: Ident,
    pub name: Ident,
    pub formals: Vec<Formal>,
    /// A kind of value, or a list of axes.
    pub result: Vec<Ident>,
    pub span: Span,
}

/// `objective NAME(...) = EXPR`
#[derive(Clone, Debug)]
pub struct Objective {
    pub doc: String,
    pub name: Ident,
    pub formals: Vec<Formal>,
    pub value: Expr,
    pub span: Span,
}

/// `pipeline NAME { ... }`, `pipeline NAME = CALL`, or with parameters.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub doc: String,
    pub keyword: Span,
    pub name: Ident,
    /// The parameters; `None` without a parameter list, in which case it can be run.
    pub formals: Option<Vec<Formal>>,
    pub body: PipelineBody,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum PipelineBody {
    Stmts(Body),
    /// A call of a pipeline with parameters.
    Call(Expr),
}

/// A parameter of an op, an objective or a pipeline: `name: TYPE [in LOW..HIGH] [= DEFAULT]`
#[derive(Clone, Debug)]
pub struct Formal {
    pub doc: String,
    pub name: Ident,
    pub ty: FormalType,
    pub range: Option<Range>,
    pub default: Option<Expr>,
    /// True after a `*`: the parameter is given only by name.
    pub named_only: bool,
    pub span: Span,
}

/// A word, `a | b` (one of several words), or `[a | b]` (a list of such words).
#[derive(Clone, Debug)]
pub struct FormalType {
    pub words: Vec<Ident>,
    pub list: bool,
    /// The unit of a number: `int tokens`.
    pub unit: Option<Ident>,
    pub span: Span,
}

/// `variant NAME of BASE { PATH = VALUE }`
#[derive(Clone, Debug)]
pub struct Variant {
    pub doc: String,
    pub name: Ident,
    pub of: Ident,
    pub settings: Vec<Setting>,
    pub span: Span,
}

/// `PATH = VALUE`: one override.
#[derive(Clone, Debug)]
pub struct Setting {
    pub path: Vec<Ident>,
    pub value: Expr,
}

impl Setting {
    /// Returns the span from the path to the value.
    pub fn span(&self) -> Span {
        self.path.first().map_or(self.value.span, |first| first.span.to(self.value.span))
    }
}

/// `sweep NAME over BASE { ... }`
#[derive(Clone, Debug)]
pub struct Sweep {
    pub doc: String,
    pub name: Ident,
    pub over: Vec<Ident>,
    pub entries: Vec<SweepEntry>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum SweepEntry {
    Axis(SweepAxis),
    /// Axes that vary together.
    Zip(Vec<SweepAxis>, Span),
    /// A condition that selects points.
    Where(Expr, Span),
    /// A setting that is the same in every point; `ablate = [...]` is one of them.
    Set(Setting),
}

/// `PATH in VALUES`
#[derive(Clone, Debug)]
pub struct SweepAxis {
    pub path: Vec<Ident>,
    pub values: AxisValues,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum AxisValues {
    /// `0..5`, both ends included
    Range(Range),
    /// `[a, b]`, `linear(0, 1, count = 5)`, `log(1e-6, 1e-3, count = 4)`
    List(Expr),
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

/// The contents of braces.
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
    /// `save(...)`: a call without a result.
    Call { call: Expr },
}

impl Stmt {
    /// Returns the place of the whole statement.
    pub fn span(&self) -> Span {
        match self {
            Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => name.span.to(value.span),
            Stmt::Repeat { keyword, body, .. } => keyword.to(body.span),
            Stmt::Climb { keyword, objective, within, .. } => {
                keyword.to(within.as_ref().map_or(objective.span, |w| w.span))
            }
            Stmt::Call { call } => call.span,
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
    /// `not e`
    Not(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// An expression with an error that was reported already.
    Error,
}

/// `3`, `4k tokens`, `1e-5`, `3%`
#[derive(Clone, Debug)]
pub struct Number {
    /// The value, with the multiplier (`k`, `Ki`, `%`) applied.
    pub value: f64,
    /// True if it is written as a whole number: `4k` is, `4.0` and `1e3` are not.
    pub whole: bool,
    /// The unit, as written.
    pub unit: Option<Ident>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub struct Arg {
    /// The name before `=`.
    pub name: Option<Ident>,
    pub value: Expr,
    /// The axis of a final `over AXIS`.
    pub over: Option<Ident>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl BinaryOp {
    /// Tells whether it makes a truth value, for the `where` of a sweep.
    pub const fn is_logical(self) -> bool {
        !matches!(self, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
    }

    /// Returns the operator as it is written.
    pub const fn text(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Less => "<",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
        }
    }
}

/// A syntax fault, as data: the compiler makes the message.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: FaultKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum FaultKind {
    /// An unexpected text: the constructs that were expected here, and the text that was found.
    Unexpected { expected: Vec<&'static str>, found: String },
    /// A line or block at the top of a file that starts with an unknown word.
    UnknownItem { word: String },
    /// An opener without its closer; `span` is the opener, `end` the place where the closer was expected.
    Unclosed { opener: &'static str, closer: &'static str, end: Span },
    /// A closer without an opener.
    Stray { found: &'static str },
    /// A spelling of another language: the written text, and the right one.
    Foreign { found: String, write: String },
    /// A statement of another language, and the construct to use instead.
    Habit { found: String, help: String },
    /// An unknown escape in a text: the first one, and the places of all in this text.
    UnknownEscape { found: String, all: Vec<Span> },
    /// A `{` on a separate line.
    LateBrace,
    /// Nested or chained deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// Larger than [`crate::MAX_BYTES`], or too much work for the parser.
    TooLarge,
}
