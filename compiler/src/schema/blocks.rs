//! The fields of every kind of block. Each kind has a variant of [`Kind`], a table here, and a stage in
//! `lower/prelude.rs`.

use super::Default::{Absent, EightThirds, Fields, Float as F, Int as I, Same, Word, Words};
use super::{Field, Kind, LARGEST_COUNT, Range, Ty, Variant, call, exact, judges, opt, pos, record, req, word};
use crate::units::Unit;

/// The type of counts. They have a limit, so that a typo is a diagnostic instead of exhausted memory.
const COUNT: Ty = Ty::Int(None, Range::new(1.0, LARGEST_COUNT));
const UNIT_INTERVAL: Range = Range::new(0.0, 1.0);
/// The range of a decay. A decay of 1 would divide by 0 in Adam's bias correction.
const DECAY: Range = Range::new(0.0, 0.9999);
const POSITIVE: Ty = Ty::Float(None, Range::above(0.0));

/// A form of a kind of block: several kinds have more than one, told apart by a field that only one has.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The name in messages: `policy`, `follower`.
    pub noun: &'static str,
    /// The field that distinguishes it; `None` for the usual form.
    pub mark: Option<&'static str>,
    pub fields: &'static [Field],
    pub doc: &'static str,
}

/// Returns the forms of a kind, the usual one first.
pub fn forms(kind: Kind) -> Vec<Form> {
    let usual = Form { noun: kind.word(), mark: None, fields: fields(kind), doc: doc(kind) };
    let form = |noun, mark, fields, doc| Form { noun, mark: Some(mark), fields, doc };
    match kind {
        Kind::Policy => vec![
            usual,
            form("follower", "follows", FOLLOWER, FOLLOWER_DOC),
            form("policy", "world", exact::POLICY, exact::POLICY_DOC),
        ],
        Kind::RewardModel => {
            vec![
                usual,
                form("reward_model", "features", exact::LINEAR_MODEL, exact::LINEAR_MODEL_DOC),
                form("reward_model", "world", exact::REWARD_MODEL, exact::REWARD_MODEL_DOC),
            ]
        }
        Kind::Exploration => vec![usual, form("exploration", "world", exact::EXPLORATION, exact::EXPLORATION_DOC)],
        _ => vec![usual],
    }
}

/// Returns the form of a block that has these fields.
pub fn form(kind: Kind, has: impl Fn(&str) -> bool) -> Form {
    let forms = forms(kind);
    let marked = forms.iter().find(|form| form.mark.is_some_and(&has)).or(forms.first());
    marked.copied().unwrap_or(Form { noun: kind.word(), mark: None, fields: fields(kind), doc: doc(kind) })
}

/// Returns the fields of the usual form of a kind; [`forms`] has the others.
pub const fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Data => DATA,
        Kind::Policy => PLAYER,
        Kind::RewardModel => REWARD_MODEL,
        Kind::Features => FEATURES,
        Kind::Exploration => EXPLORATION,
        Kind::Constraint => CONSTRAINT,
        Kind::Oracle => ORACLE,
        Kind::World => exact::WORLD,
        Kind::Pipeline | Kind::Objective | Kind::Variant | Kind::Sweep | Kind::Op => &[],
    }
}

/// Returns a description of a kind of block.
pub const fn doc(kind: Kind) -> &'static str {
    match kind {
        Kind::Data => "Examples: demonstrations, prompts to generate on, or held-out prompts",
        Kind::Policy => "A player that generates",
        Kind::RewardModel => "A player that scores responses",
        Kind::Features => "Vectors of responses, read from a frozen network",
        Kind::Exploration => "How informative pairs are found",
        Kind::Constraint => "What keeps a reward model plausible: the confidence set of the preferences",
        Kind::Oracle => "Who labels pairs",
        Kind::World => {
            "A finite world of the exact track: what can be done in it, and the reward that is to be learned"
        }
        Kind::Pipeline => "What is done",
        Kind::Objective => "An expression with parameters",
        Kind::Variant => "A pipeline with overrides",
        Kind::Sweep => "Many variants",
        Kind::Op => "What a pipeline can do",
    }
}

/// Returns the field and the value that switch a block off, for `ablate`.
pub const fn neutral(kind: Kind, follower: bool) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Exploration => Some(("search", "none")),
        Kind::Constraint => Some(("keep", "mle")),
        Kind::Policy if follower => Some(("update", "sft")),
        _ => None,
    }
}

const DATA: &[Field] = &[
    req("source", Ty::Task, "where the examples come from"),
    opt(
        "longest",
        Ty::Int(Some(Unit::Tokens), Range::new(1.0, LARGEST_COUNT)),
        Absent,
        "prompts of more tokens are left out, and counted",
    ),
    opt("check", Ty::Choice(CHECKS), Absent, "how a response is held against the right answer; tasks have their own"),
];

const CHECKS: &[Variant] = &[
    record("exact", &[opt("ignore", Ty::Words(IGNORED), Words(&["space"]), "what does not count")], "the same text"),
    record(
        "numeric",
        &[opt(
            "tolerance",
            Ty::Float(None, Range::from(0.0)),
            F(1e-6),
            "largest difference that is right; `$`, `%` and `,` do not count",
        )],
        "the last number of the response is that of the answer (behind `####` where there is one)",
    ),
    record(
        "regex",
        &[
            req("pattern", Ty::Text, "what is looked for; its last match counts"),
            opt("group", Ty::Int(None, Range::new(0.0, 99.0)), I(1), "which of its groups is compared; 0 is the match"),
        ],
        "a part of the response is the answer",
    ),
];

const IGNORED: &[Variant] =
    &[word("space", "space around the text"), word("case", "upper and lower case"), word("punctuation", "punctuation")];

const PLAYER: &[Field] = &[
    req("model", Ty::Choice(MODELS), "the network"),
    req("init", Ty::Choice(INITS), "how the weights start"),
    req("optimizer", Ty::Choice(POLICY_OPTIMIZERS), "how the weights move"),
    opt("lora", Ty::Record(LORA), Absent, "trains low-rank adapters alone; all copies of the model share its base"),
    opt("sampling", Ty::Record(SAMPLING), Fields, "how it generates"),
    opt("estimator", Ty::Choice(ESTIMATORS), Word("rloo"), "gradient through the policy's own samples"),
];

/// The description of a policy with `follows`.
pub const FOLLOWER_DOC: &str = "A copy of a player, as it was at some time";
/// The fields of a policy with `follows`.
pub const FOLLOWER: &[Field] = &[
    req("follows", Ty::Block(Kind::Policy), "the policy it is a copy of"),
    req("update", Ty::Choice(UPDATES), "when it is copied"),
];

const MODELS: &[Variant] = &[LLAMA, HF];

/// The sources of weights other than policies.
pub(crate) const CHECKPOINTS: &[Variant] = &[HF];

/// A checkpoint in the Hugging Face format.
const HF: Variant = call(
    "hf",
    &[
        pos("name", Ty::Name, "a directory beside the file, or `ORG/NAME` or `ORG/NAME@REVISION` in the local cache"),
        COMPUTE,
    ],
    "a checkpoint of Llama, Qwen2, Qwen3 or Mistral, with its tokenizer",
);

const LLAMA: Variant = record(
    "llama",
    &[
        req("layers", Ty::Int(None, Range::new(1.0, 96.0)), "blocks"),
        req("width", Ty::Int(None, Range::new(8.0, 16384.0)), "hidden width"),
        req("heads", COUNT, "attention heads"),
        opt("kv_heads", COUNT, Same("heads"), "heads of keys and values"),
        opt("ff", COUNT, EightThirds("width"), "inner width of the feed-forward part"),
        req("context", Ty::Int(Some(Unit::Tokens), Range::new(8.0, 1e6)), "longest prompt and response together"),
        opt("rope_theta", POSITIVE, F(10000.0), "base of the rotary positions"),
        opt("tokenizer", Ty::Name, Absent, "a checkpoint whose tokenizer reads files; tasks have their own"),
        COMPUTE,
    ],
    "a decoder with RMSNorm, rotary positions, SwiGLU and grouped-query attention, from random weights",
);

const COMPUTE: Field = opt("compute", Ty::Choice(COMPUTED), Absent, "the numbers it is computed in; else `f32`");

const COMPUTED: &[Variant] = &[
    word("f32", "single precision"),
    word("bf16", "half the memory, and fast on a GPU; what is trained stays in `f32`"),
];

/// Low-rank adapters (LoRA).
const LORA: &[Field] = &[
    opt("rank", Ty::Int(None, Range::new(1.0, 4096.0)), I(16), "inner dimension"),
    opt("alpha", POSITIVE, F(32.0), "scales what is added by `alpha / rank`"),
    opt("targets", Ty::Words(TARGETS), Words(&["q_proj", "v_proj"]), "the matrices that get one"),
];

const TARGETS: &[Variant] = &[
    word("q_proj", "queries"),
    word("k_proj", "keys"),
    word("v_proj", "values"),
    word("o_proj", "output of the attention"),
    word("gate_proj", "gate of the feed-forward part"),
    word("up_proj", "its input"),
    word("down_proj", "its output"),
];

const INITS: &[Variant] = &[
    word("pretrained", "as the checkpoint is"),
    call(
        "imitate",
        &[
            Field { positional: true, ..req("data", Ty::Block(Kind::Data), "demonstrations") },
            opt("steps", Ty::Int(Some(Unit::Steps), Range::from(0.0)), I(800), "optimizer steps"),
            opt("batch", COUNT, I(64), "demonstrations in a step"),
            opt("lr", Ty::Float(None, UNIT_INTERVAL), F(1e-3), "learning rate"),
        ],
        "supervised fine-tuning on demonstrations",
    ),
];

const ADAMW_CLIP: Field = opt("clip", POSITIVE, F(1.0), "largest global gradient norm");
const ADAMW_BETA1: Field = opt("beta1", Ty::Float(None, DECAY), F(0.9), "decay of the first moment");
const ADAMW_BETA2: Field = opt("beta2", Ty::Float(None, DECAY), F(0.95), "decay of the second moment");
const ADAMW_DECAY: Field = opt("weight_decay", Ty::Float(None, Range::from(0.0)), F(0.0), "decoupled weight decay");
const ADAMW_WARMUP: Field =
    opt("warmup", Ty::Int(Some(Unit::Steps), Range::from(0.0)), I(0), "steps over which the rate rises");
const LR: Ty = Ty::Float(None, UNIT_INTERVAL);

const POLICY_OPTIMIZERS: &[Variant] = &[record(
    "adamw",
    &[req("lr", LR, "learning rate"), ADAMW_CLIP, ADAMW_BETA1, ADAMW_BETA2, ADAMW_DECAY, ADAMW_WARMUP],
    "AdamW with global-norm clipping",
)];

const REWARD_OPTIMIZERS: &[Variant] = &[record(
    "adamw",
    &[
        opt("lr", LR, F(1e-2), "learning rate of the head"),
        opt("backbone_lr", LR, F(1e-4), "learning rate of the backbone; 0 freezes it"),
        ADAMW_CLIP,
        ADAMW_BETA1,
        ADAMW_BETA2,
        ADAMW_DECAY,
        ADAMW_WARMUP,
    ],
    "AdamW with global-norm clipping",
)];

const SAMPLING: &[Field] = &[
    opt("temperature", Ty::Float(None, Range::new(0.0, 10.0)), F(1.0), "0 takes the likeliest token"),
    opt("max_new", Ty::Int(Some(Unit::Tokens), Range::new(1.0, LARGEST_COUNT)), I(16), "longest response"),
];

const GROUP: &[Field] = &[opt("group", Ty::Int(None, Range::new(2.0, 1024.0)), I(4), "samples of one prompt")];

const ESTIMATORS: &[Variant] = &[
    word("reinforce", "less the mean return of the other samples of the batch"),
    record("rloo", GROUP, "less the mean return of the other samples of the prompt"),
    record("grpo", GROUP, "less the mean return of the prompt, divided by its standard deviation"),
];

const UPDATES: &[Variant] = &[
    word("sft", "never: the policy as it was initialised"),
    word("each_episode", "at the start of every iteration of the outermost repeat"),
    record(
        "best_so_far",
        &[
            req("by", Ty::Block(Kind::RewardModel), "the judge"),
            req("prompts", Ty::Either(Kind::Data, Kind::World), "the prompts it judges on"),
            opt("count", COUNT, I(64), "number of prompts"),
        ],
        "when the policy beats the copy",
    ),
];

const REWARD_MODEL: &[Field] = &[
    req("backbone", Ty::Init, "the weights it starts from; a reward model's own head is kept"),
    req("head", Ty::Choice(HEADS), "what it scores"),
    opt("bound", POSITIVE, F(5.0), "largest absolute reward"),
    opt("optimizer", Ty::Choice(REWARD_OPTIMIZERS), Word("adamw"), "how the weights move"),
];

const HEADS: &[Variant] = &[word("token", "each token of a response"), word("sequence", "a response as a whole")];

const FEATURES: &[Field] = &[
    req("of", Ty::Init, "the network that is read"),
    opt("layer", Ty::Choice(LAYERS), Word("last"), "hidden states of which layer"),
    opt("pool", Ty::Choice(POOLS), Word("mean"), "one vector from many tokens"),
    opt("project", Ty::Int(None, Range::new(1.0, 65536.0)), I(64), "dimensions after a random projection"),
];

const LAYERS: &[Variant] = &[word("last", "the last layer")];
const POOLS: &[Variant] = &[word("mean", "the mean over response tokens"), word("last", "the last token")];

const EXPLORATION: &[Field] = &[
    req("features", Ty::Block(Kind::Features), "what two responses differ in"),
    req("against", Ty::Block(Kind::Policy), "the policy whose responses they are compared with"),
    opt("bonus", Ty::Choice(BONUSES), Word("expected_square"), "what is sought"),
    opt("ridge", POSITIVE, F(1.0), "prior precision of the covariance"),
    req("search", Ty::Choice(SEARCHES), "how it is sought"),
];

const BONUSES: &[Variant] = &[
    word("expected_square", "the mean over the batch of the squared norm in the inverse covariance"),
    word("mean_norm", "the norm of the mean difference in the inverse covariance"),
];

const SEARCHES: &[Variant] = &[
    record(
        "best_of",
        &[
            opt("candidates", Ty::Int(None, Range::new(1.0, 1024.0)), I(8), "responses drawn for each prompt"),
            req("from", Ty::Block(Kind::Policy), "the policy that draws them"),
        ],
        "the best of several responses",
    ),
    word("none", "one response from the policy itself: no exploration"),
];

const CONSTRAINT: &[Field] = &[
    req("on", Ty::Block(Kind::RewardModel), "the reward model that is kept plausible"),
    req("keep", Ty::Choice(KEEPS), "how"),
    opt("batch", Ty::Int(Some(Unit::Pairs), Range::new(1.0, LARGEST_COUNT)), I(64), "pairs drawn for each step"),
];

const KEEPS: &[Variant] = &[
    record(
        "lagrangian",
        &[
            req("beta", Ty::Float(None, Range::new(0.0, 1e6)), "multiplier of the negative log-likelihood"),
            req("nll", Ty::Choice(NLLS), "over all pairs so far, or their mean"),
        ],
        "a penalty for reward functions that explain the preferences badly",
    ),
    word("mle", "the maximum-likelihood reward alone: no adversary"),
    exact::ELLIPSOID,
    exact::LIKELIHOOD,
    exact::DUAL,
];

const NLLS: &[Variant] = &[word("sum", "grows with the number of pairs"), word("mean", "does not")];

const ORACLE: &[Field] = &[req("by", Ty::Choice(JUDGES), "who labels")];

const SCALE: Field = opt("scale", POSITIVE, F(1.0), "sharpness of the preference");
const FLIP: Field = opt("flip", Ty::Float(None, Range::new(0.0, 0.5)), F(0.0), "chance that a label is turned around");

const JUDGES: &[Variant] = &[
    record(
        "btl",
        &[req("score", Ty::Score, "the true score"), SCALE, FLIP, judges::LABELS],
        "Bradley-Terry-Luce on a score",
    ),
    record(
        "verifier",
        &[judges::TIES, FLIP, judges::LABELS],
        "the response that passes the `check` of its data; where both or none do, a tie",
    ),
    record(
        "reward_model",
        &[
            req("model", Ty::Name, "a directory, or `ORG/NAME` in the local cache: a sequence classifier of one label"),
            COMPUTE,
            SCALE,
            FLIP,
            judges::LABELS,
        ],
        "Bradley-Terry-Luce on the score of a reward model from disk",
    ),
    record("chat", judges::CHAT, "a language model behind an OpenAI-compatible server"),
    record("decision", judges::DECISION, "a server that answers a typed question with probabilities"),
    record("recorded", judges::RECORDED, "labels from a file"),
];
