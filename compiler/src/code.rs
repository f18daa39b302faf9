//! Every diagnostic code, with a one-line summary. Each check has a line here.

macro_rules! codes {
    ($($name:ident = $text:literal: $summary:literal,)*) => {
        /// A diagnostic code. Hundreds: 01 syntax, 02 names, 03 types, 04 units and ranges, 05 overrides, 06 graph and
        /// semantics, 07 lints, 09 run time.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $summary] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// Returns the code as text, as `PB0402`.
            pub const fn text(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Returns a one-line summary.
            pub const fn summary(self) -> &'static str {
                match self { $(Code::$name => $summary,)* }
            }
        }
    };
}

codes! {
    Unexpected = "PB0101": "text that is not part of the language where it stands",
    Unclosed = "PB0102": "a bracket or quote without its closer, or a closer without its opener",
    MissingHeader = "PB0103": "the file does not start with `pbpo 1`",
    UnsupportedVersion = "PB0104": "the file is written in a version of the language that is not known",
    ForeignSpelling = "PB0105": "another language's spelling (`:=`, `lr: 1e-5`, `;`, `#`, `True`)",
    MisplacedStatement = "PB0106": "a statement where a field belongs, or the other way round",
    NotYet = "PB0107": "a part of the language that this version does not have yet",
    UnreadableFile = "PB0108": "a file that can't be read as UTF-8 text",
    TooLarge = "PB0109": "a file, or what its definitions become, that is too large to be compiled",
    TooDeep = "PB0110": "brackets, expressions or calls nested too deeply",
    UnknownEscape = "PB0111": "an escape in a text that the language does not know",

    UnknownKind = "PB0201": "a block of an unknown kind",
    UnknownField = "PB0202": "a field or argument that its block or call does not have",
    UnknownName = "PB0203": "a name that is declared nowhere",
    UnknownFunction = "PB0204": "a function that objectives do not have",
    UnknownOp = "PB0205": "an operation that pipelines do not have",
    UnknownChoice = "PB0206": "a word that is not one of the values of a field",
    DuplicateName = "PB0207": "two declarations of one name",
    DuplicateField = "PB0208": "a field or argument given twice",
    UnknownPipeline = "PB0209": "a pipeline asked for that the file does not have",
    UseBeforeAssignment = "PB0210": "a variable read before it has a value",
    UnknownModule = "PB0211": "an import of a module or file that can't be read",
    UnknownImport = "PB0212": "an import of a name that the file does not declare",
    ImportCycle = "PB0213": "files that import each other in a circle",
    ExternOutside = "PB0214": "an `extern` declaration outside the standard library",
    UnknownLint = "PB0215": "a lint that does not exist",

    WrongType = "PB0301": "a value of another type than its place wants",
    WrongKind = "PB0302": "a reference to a block or value of the wrong kind",
    MissingField = "PB0303": "a field or argument that must be given",
    TooManyArguments = "PB0304": "more arguments than a call takes",
    AxesMismatch = "PB0305": "an expression that mixes rows of different batches",
    NotScalar = "PB0306": "an objective that is not a single number",
    WrongAxis = "PB0307": "a reduction over an axis that is not there",
    AssignedBlock = "PB0308": "an assignment to the name of a declaration",
    Recursion = "PB0309": "an objective or a pipeline that calls itself",

    UnknownUnit = "PB0401": "a unit that does not exist",
    OutOfRange = "PB0402": "a number outside its range",
    WrongUnit = "PB0403": "a number with another unit than its place wants",
    NotFinite = "PB0404": "a number that is too large, or not a number",
    NotDivisible = "PB0405": "a number that another one must divide, and does not",
    ControlCharacter = "PB0406": "a control character in the name of a file, a model or a column",

    UnknownPath = "PB0501": "an override of something that does not exist",
    BadOverride = "PB0502": "an override that is not `path=value`",
    VariantCycle = "PB0503": "a variant or sweep that contains itself",
    EmptySweep = "PB0504": "a sweep or an axis without values",
    ZipLengths = "PB0505": "axes of a `zip` that have different lengths",
    TooManyPoints = "PB0506": "a sweep with more points than its limit",
    NotAblatable = "PB0507": "an ablation of a block that can't be switched off",
    PinnedAxis = "PB0508": "a `--set` of what a sweep varies",
    TwiceOnAxis = "PB0509": "a value twice on one axis",

    NoPipeline = "PB0601": "a file without a pipeline",
    ChoosePipeline = "PB0602": "several pipelines, and none chosen",
    NoGradient = "PB0603": "an objective that does not depend on the player it moves",
    MovesFollower = "PB0604": "moving a policy that follows another",
    OtherModelsConstraint = "PB0605": "a constraint on another reward model than the one moved",
    AgainstMismatch = "PB0606": "exploration against other rollouts than its block says",
    PromptsMismatch = "PB0607": "exploration on other prompts than those it is compared on",
    GroupMismatch = "PB0608": "rollouts in groups that the estimator can't use",
    PlayerAndFollower = "PB0609": "a policy that both has a model and follows another policy",
    FollowsFollower = "PB0610": "a follower where a policy with a model of its own is needed",
    NoTokenRewards = "PB0611": "token rewards of a reward model with a sequence head",
    ChangesInLoop = "PB0612": "a variable that holds something else in the next iteration",
    ContextTooShort = "PB0613": "prompts and responses that do not fit into a model's context",
    SameSides = "PB0614": "a batch labelled against itself",
    CheckpointOnly = "PB0615": "what needs a checkpoint on a model from random weights",
    RatioOfSamples = "PB0616": "a ratio of probabilities on samples of the policy that is moved",

    Unused = "PB0701": "a declaration that nothing uses",
    OneSeed = "PB0702": "a comparison with one seed",
    GreedySamples = "PB0703": "several samples of one prompt at temperature 0",
    TestOnTrain = "PB0704": "a measurement on data that is trained on",
    IdleParam = "PB0705": "a parameter that changes no stage",
    LinearRate = "PB0706": "learning rates in equal steps",
    ZeroBeta = "PB0707": "a constraint without weight",
    SwappedRoles = "PB0708": "a leader that lowers the gap, or a follower that raises it",
    StaleRollouts = "PB0709": "rollouts of an earlier policy in its gradient",
    FewPrompts = "PB0710": "a measurement on few prompts",
    OwnJudge = "PB0711": "a reward model that judges on the prompts of its own pairs",
    WrongWay = "PB0712": "a step that favours the rejected responses",
    TrainOnTest = "PB0713": "training on the test split",
    SmallBound = "PB0714": "a bound below the norm of what is learned",

    StageFailed = "PB0901": "a stage that failed while it ran",
    TooMuchMemory = "PB0902": "more memory than there is",
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_ordered_and_well_formed() {
        let texts: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
        assert!(texts.windows(2).all(|pair| pair[0] < pair[1]), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() == 6 && text.starts_with("PB0")));
        assert!(Code::ALL.iter().all(|code| !code.summary().ends_with('.')));
    }
}
