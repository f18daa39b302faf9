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
    /// The name that the item declares.
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

    /// The whole item.
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

    /// Its `///` comment.
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

/// Where an import comes from.
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
    /// The name it has in the file that imports it.
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

/// What is made of a lint.
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
    /// `op`, `function`, `task`
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
    /// Nothing where there is no parameter list: then it can be run.
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
    /// Stands behind a `*`: is given by name only.
    pub named_only: bool,
    pub span: Span,
}

/// A word, `a | b` (one of several words), or `[a | b]` (a list of such words).
#[derive(Clone, Debug)]
pub struct FormalType {
    pub words: Vec<Ident>,
    pub list: bool,
    /// Of a number: `int tokens`.
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
    /// From the path to the value.
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
    /// Axes that go together.
    Zip(Vec<SweepAxis>, Span),
    /// Points that stay.
    Where(Expr, Span),
    /// The same in every point; `ablate = [...]` among them.
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
    /// `save(...)`: a call that makes nothing.
    Call { call: Expr },
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
    /// Whether it makes a truth value, for the `where` of a sweep.
    pub const fn is_logical(self) -> bool {
        !matches!(self, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
    }

    /// As it is written.
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
    Foreign { found: String, write: String },
    /// A statement of another language, and what there is instead.
    Habit { found: String, help: String },
    /// An escape in a text that the language does not know: the first one, and the places of all in this text.
    UnknownEscape { found: String, all: Vec<Span> },
    /// A `{` that stands on a line of its own.
    LateBrace,
    /// Nested or chained deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// Larger than [`crate::MAX_BYTES`], or too much work for the parser.
    TooLarge,
}
