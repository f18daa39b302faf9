//! The fields of the exact track: worlds, and the forms of policies, reward models, explorations and constraints there.

use super::Default::{Float as F, Int as I, Word};
use super::{Field, Kind, Range, Ty, Variant, opt, record, req, word};
use crate::units::Unit;

const POSITIVE: Ty = Ty::Float(None, Range::above(0.0));
/// The norm of theta. With larger rewards the curvature of the likelihood is too small for floating-point numbers.
const NORM: Ty = Ty::Float(None, Range { low: 0.0, high: 100.0, open: true });
const RIDGE: Ty = Ty::Float(None, Range::new(1e-9, 1e9));
/// The sizes of worlds, small enough to fit in memory.
const SIZE: Ty = Ty::Int(None, Range::new(1.0, 1e6));
const DIM: Field = opt("dim", Ty::Int(None, Range::new(1.0, 256.0)), I(8), "features of a step (d)");
const CHANCE: Ty = Ty::Float(None, Range::new(0.0, 1.0));

pub const WORLD: &[Field] = &[
    req("of", Ty::Choice(WORLDS), "which world"),
    opt("norm", NORM, F(2.0), "norm of the true parameters theta*; `file` has its own"),
    opt("reward", Ty::Choice(REWARDS), Word("sequence"), "whose parameters are learned"),
    opt("misspecified", Ty::Float(None, Range::from(0.0)), F(0.0), "largest reward of a step that no linear model has"),
];

const REWARDS: &[Variant] = &[
    word("sequence", "one theta for a trajectory: its features are the sum over its steps"),
    word("token", "a theta for each step: the features of a trajectory are those of its steps, side by side"),
];

const WORLDS: &[Variant] = &[
    record(
        "bandit",
        &[
            opt("arms", SIZE, I(400), "number of arms; always 2^dim for `hypercube`"),
            DIM,
            opt("features", Ty::Choice(ARMS), Word("isotropic"), "how the arms lie"),
            opt(
                "episodes",
                Ty::Int(Some(Unit::Episodes), Range::new(1.0, 1e9)),
                I(1000),
                "horizon that `hypercube` is tuned to",
            ),
        ],
        "a finite set of arms: one state, one step",
    ),
    record(
        "contextual",
        &[opt("contexts", SIZE, I(20), "number of prompts"), opt("arms", SIZE, I(20), "responses to each"), DIM],
        "a finite set of responses to each of several prompts",
    ),
    record(
        "mdp",
        &[
            opt("layout", Ty::Choice(LAYOUTS), Word("random"), "how states follow each other"),
            opt("states", SIZE, I(9), "number of states; a square number for `grid`, always 5 for `star`"),
            opt("actions", SIZE, I(3), "actions in each; always 4 for `star` and 5 for `grid`"),
            opt("horizon", Ty::Int(None, Range::new(1.0, 1000.0)), I(5), "steps of an episode (H)"),
            DIM,
        ],
        "a tabular Markov decision process with a horizon",
    ),
    record(
        "cube",
        &[
            opt("horizon", Ty::Int(None, Range::new(1.0, 1000.0)), I(4), "steps of an episode (H)"),
            opt("dim", Ty::Int(None, Range::new(1.0, 12.0)), I(3), "features of a step (d); it has 2^d actions"),
            opt(
                "episodes",
                Ty::Int(Some(Unit::Episodes), Range::new(1.0, 1e9)),
                I(1000),
                "number of episodes that the rewards are tuned to (K)",
            ),
        ],
        "every vertex of a cube at every step; rewards that K episodes can just not resolve",
    ),
    record(
        "tokens",
        &[
            opt("vocabulary", SIZE, I(5), "number of tokens"),
            opt("length", Ty::Int(None, Range::new(1.0, 1000.0)), I(4), "tokens of a response (H)"),
            DIM,
        ],
        "responses token by token; the state is the token before",
    ),
    record(
        "file",
        &[
            req("features", Ty::Name, "CSV, an arm a line, a feature a column"),
            req("theta", Ty::Name, "CSV, a true parameter a line"),
        ],
        "a bandit of your own; paths are relative to where `pbpoc` runs, a first line without numbers is a header",
    ),
];

const ARMS: &[Variant] = &[
    word("isotropic", "in all directions alike"),
    word("decaying", "shorter and shorter from one coordinate to the next"),
    word("rare", "few arms tell of the directions that matter"),
    word("hypercube", "every vertex of a cube; gaps that the horizon can just not resolve"),
];

const LAYOUTS: &[Variant] = &[
    word("random", "random transitions and features"),
    word("star", "the star of 5 states"),
    word("grid", "a square grid with a goal and a trap"),
];

/// The fields of a policy with `world`.
pub const POLICY: &[Field] = &[
    req("world", Ty::Block(Kind::World), "where it acts"),
    req("class", Ty::Choice(CLASSES), "what it can be, and how its step is solved"),
];
pub const POLICY_DOC: &str = "A player of the exact track: a class of policies in a world. It starts uniform";

const CLASSES: &[Variant] = &[
    word("points", "one arm; the best by its worst case, exactly (worlds with one state and one step)"),
    record(
        "mixtures",
        &[
            opt("tolerance", POSITIVE, F(1e-4), "largest duality gap"),
            opt("steps", Ty::Int(Some(Unit::Steps), Range::new(1.0, 1e6)), I(200), "most steps"),
        ],
        "any policy, by Frank-Wolfe steps over how often states and actions are visited",
    ),
    record(
        "log_linear",
        &[
            opt("steps", Ty::Int(Some(Unit::Steps), Range::new(1.0, 1e6)), I(20), "gradient steps in an episode"),
            opt("rate", POSITIVE, F(1.0), "first step size; it is halved until the value rises"),
        ],
        "softmax of a linear score, by the gradient at the worst reward (Danskin)",
    ),
];

/// The fields of a reward model with `world`.
pub const REWARD_MODEL: &[Field] = &[
    req("world", Ty::Block(Kind::World), "whose features it is linear in"),
    opt(
        "bound",
        NORM,
        F(2.0),
        "bound B of the norm of theta (times the oracle's `scale`): the ball of fit and set, and in the radius",
    ),
    opt("ridge", RIDGE, F(1.0), "prior precision lambda of the likelihood and of the covariance"),
    opt(
        "covariance",
        Ty::Choice(COVARIANCES),
        Word("joint"),
        "of the ellipsoid with `norm = covariance`; the others have the Hessian",
    ),
];
pub const REWARD_MODEL_DOC: &str = "A player that scores in the exact track: linear in the features of a world";

/// The fields of a reward model with `features`.
pub const LINEAR_MODEL: &[Field] = &[
    req("features", Ty::Block(Kind::Features), "the frozen features that it is linear in"),
    opt("bound", NORM, F(2.0), "bound B of the norm of theta: the ball of fit and set, and in the radius"),
    opt("ridge", RIDGE, F(1.0), "prior precision lambda of the likelihood and of the covariance"),
];
pub const LINEAR_MODEL_DOC: &str =
    "A player that scores, linear in frozen features of a network: `descend` goes to the worst reward of a set at once";

const COVARIANCES: &[Variant] =
    &[word("joint", "one for all parameters"), word("per_step", "one for each step, with `reward = token`")];

/// The fields of an exploration with `world`.
pub const EXPLORATION: &[Field] = &[
    req("world", Ty::Block(Kind::World), "where it explores"),
    opt("bonus", Ty::Choice(BONUSES), Word("mean_norm"), "what is sought"),
    opt("ridge", RIDGE, F(1.0), "prior precision of the covariance"),
    opt("covariance", Ty::Choice(COVARIANCES), Word("joint"), "what the bonus is measured in"),
    req("search", Ty::Choice(SEARCHES), "how it is sought"),
];
pub const EXPLORATION_DOC: &str = "How informative pairs are found in the exact track";

const BONUSES: &[Variant] = &[
    word("mean_norm", "the norm of the expected difference in the inverse covariance"),
    word("expected_square", "the expected squared norm of the difference in the inverse covariance"),
];

const SEARCHES: &[Variant] = &[
    record(
        "exact",
        &[opt("restarts", Ty::Int(None, Range::new(1.0, 10_000.0)), I(16), "starts of the ascent, where there is one")],
        "the most informative policy: exact for one step, ascent with restarts for more",
    ),
    word("uniform", "every action alike"),
    record("on_policy", &[req("of", Ty::Block(Kind::Policy), "the policy that acts")], "a policy as it is"),
    record(
        "epsilon_greedy",
        &[
            req("of", Ty::Block(Kind::Policy), "the policy that mostly acts"),
            opt("epsilon", CHANCE, F(0.1), "share of uniform actions"),
        ],
        "a policy, with some uniform actions",
    ),
    record(
        "thompson",
        &[
            req("of", Ty::Block(Kind::RewardModel), "whose posterior is drawn from"),
            opt("scale", POSITIVE, F(1.0), "of its standard deviation"),
        ],
        "the best policy for a random plausible reward",
    ),
    record(
        "max_pair",
        &[req("of", Ty::Block(Kind::Exploration), "the exploration that answers it, in whose covariance they differ")],
        "one end of the pair of policies that differ the most",
    ),
    word("none", "the reference again: no exploration"),
];

const DELTA: Field = opt(
    "delta",
    Ty::Float(None, Range { low: 0.0, high: 0.999, open: true }),
    F(0.05),
    "chance that the set misses the truth",
);
const SCALE: Field = opt(
    "scale",
    Ty::Float(None, Range::from(0.0)),
    F(1.0),
    "factor of the theoretical radius; a slack is scaled by its square",
);

/// A confidence set that needs a linear reward model.
pub const ELLIPSOID: Variant = record(
    "ellipsoid",
    &[opt("norm", Ty::Choice(NORMS), Word("hessian"), "what its shape is"), DELTA, SCALE],
    "parameters near the maximum-likelihood ones (linear reward models)",
);
pub const LIKELIHOOD: Variant = record(
    "likelihood",
    &[DELTA, SCALE],
    "parameters of almost the greatest likelihood, exactly (linear reward models)",
);
pub const DUAL: Variant = record(
    "dual",
    &[req("slack", POSITIVE, "likelihood that may be lost, in nats")],
    "as `likelihood`, with the slack as you say (linear reward models)",
);

const NORMS: &[Variant] = &[
    word("hessian", "of the likelihood at its maximum"),
    word("covariance", "of the differences seen so far, with the worst curvature kappa"),
];
