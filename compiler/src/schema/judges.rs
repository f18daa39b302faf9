//! The fields of oracles that are asked over HTTP, or read from a file.

use super::Default::{Absent, Float as F, Int as I, Word};
use pbpo_outside::judge::limit;

use super::{Field, Range, Ty, Variant, opt, req, word};
use crate::units::Unit;

const COUNT: Ty = Ty::Int(None, Range::within(&limit::MOST_CALLS));
const TEMPERATURE: Ty = Ty::Float(None, Range::within(&limit::TEMPERATURE));
const LONGEST: Ty = Ty::Int(Some(Unit::Tokens), Range::within(&limit::MAX_NEW));
/// The price of a million tokens, in US dollars.
const PRICE: Ty = Ty::Float(None, Range::within(&limit::PRICE));

const MODEL: Field = req("model", Ty::Name, "the model's name at the server");
const URL: Field = opt(
    "url",
    Ty::Name,
    Absent,
    "where the API begins, as in `http://localhost:8000/v1`; else OPENAI_BASE_URL, else OpenAI",
);
const KEY: Field = opt(
    "key",
    Ty::Name,
    Absent,
    "the environment variable that holds the key, which `run --send-key` lets go to the server; else OPENAI_API_KEY, to its own host",
);
const ORDER: Field = opt("order", Ty::Choice(ORDERS), Word("both"), "in which order a pair is shown");
pub const LABELS: Field = opt("labels", Ty::Choice(LABELLED), Word("sample"), "how a probability becomes a label");
pub const TIES: Field = opt("ties", Ty::Choice(TIED), Word("drop"), "what becomes of a tie");
const TIMEOUT: Field =
    opt("timeout", Ty::Float(None, Range::within(&limit::TIMEOUT)), F(60.0), "seconds for a whole answer");
const RETRIES: Field =
    opt("retries", Ty::Int(None, Range::within(&limit::RETRIES)), I(5), "of a call that failed in passing");
const CONCURRENCY: Field =
    opt("concurrency", Ty::Int(None, Range::within(&limit::CONCURRENCY)), I(8), "calls under way at once");
const RATE: Field = opt("rate", Ty::Float(None, Range::within(&limit::RATE)), Absent, "most calls a second");
const CALLS: Field = opt("most_calls", COUNT, Absent, "the run stops when it needs more calls");
const USD: Field = opt(
    "most_usd",
    Ty::Float(None, Range::within(&limit::USD)),
    Absent,
    "the run stops when it needs more money; it needs a price",
);
const INPUT_PRICE: Field = opt("usd_in", PRICE, F(0.0), "price of a million prompt tokens");
const OUTPUT_PRICE: Field = opt("usd_out", PRICE, F(0.0), "price of a million answer tokens");

/// The fields of `chat { ... }`.
pub const CHAT: &[Field] = &[
    MODEL,
    URL,
    KEY,
    opt(
        "prompt",
        Ty::Text,
        Absent,
        "what is asked, with {prompt}, {first}, {second} and {answer}; else a plain question",
    ),
    opt("system", Ty::Text, Absent, "the system message"),
    opt("temperature", Ty::OrNone(&TEMPERATURE), F(0.0), "of the judge; with `none` the server's own"),
    opt("max_new", Ty::OrNone(&LONGEST), I(16), "longest verdict; with `none` the server's own"),
    opt("limit", Ty::Choice(LIMITS), Absent, "what the server calls `max_new`; else as it says when it refuses a name"),
    opt("first", Ty::Text, Absent, "the label of the first response; else A"),
    opt("second", Ty::Text, Absent, "the label of the second response; else B"),
    opt("tie", Ty::Text, Absent, "the label of a tie; else the judge is offered none"),
    opt("extra", Ty::Text, Absent, "further fields of the request, as the text of a JSON object"),
    opt("verdict", Ty::Choice(VERDICTS), Word("text"), "how an answer is read"),
    ORDER,
    LABELS,
    TIES,
    TIMEOUT,
    RETRIES,
    CONCURRENCY,
    RATE,
    CALLS,
    USD,
    INPUT_PRICE,
    OUTPUT_PRICE,
];

/// The fields of `decision { ... }`.
pub const DECISION: &[Field] = &[
    MODEL,
    URL,
    KEY,
    opt("wire", Ty::Choice(WIRES), Word("systemone"), "the protocol"),
    opt("question", Ty::Text, Absent, "what is decided; else which response is better"),
    ORDER,
    LABELS,
    TIES,
    TIMEOUT,
    RETRIES,
    CONCURRENCY,
    RATE,
    CALLS,
    USD,
    INPUT_PRICE,
    OUTPUT_PRICE,
];

/// The fields of `recorded { ... }`.
pub const RECORDED: &[Field] = &[
    req(
        "file",
        Ty::Name,
        "JSON lines, a JSON list or Parquet: `prompt`, and `chosen` and `rejected` or `first` and `second`; `probability` is of the one named first",
    ),
    opt("prompt", Ty::Text, Absent, "column of the prompt: a text, or messages of a chat; else `prompt`"),
    opt("chosen", Ty::Text, Absent, "column of the preferred response; else `chosen`"),
    opt("rejected", Ty::Text, Absent, "column of the other response; else `rejected`"),
    opt("first", Ty::Text, Absent, "column of the response that was shown first; else `first`"),
    opt("second", Ty::Text, Absent, "column of the response that was shown second; else `second`"),
    opt("preferred", Ty::Text, Absent, "column of the verdict, `first`, `second` or `tie`; else `preferred`"),
    opt("probability", Ty::Text, Absent, "column of how likely the first is better, in 0..1; else `probability`"),
    opt("bad_rows", Ty::Choice(BAD_ROWS), Absent, "what becomes of a row that can't be read; else the run stops"),
    opt("unknown", Ty::Choice(UNKNOWN), Word("fail"), "what becomes of a pair that is not in it"),
    LABELS,
];

const ORDERS: &[Variant] =
    &[word("both", "both ways; the mean counts (position bias)"), word("given", "the first response first")];
const LABELLED: &[Variant] = &[
    word("sample", "drawn, as the probability says"),
    word("likelier", "the likelier response wins"),
    word("soft", "the probability is the label: losses are expected over it"),
];
const TIED: &[Variant] = &[
    word("drop", "the pair is left out"),
    word("draw", "a coin decides; with `labels = soft` its probability is 1/2"),
];
const VERDICTS: &[Variant] = &[
    word("text", "a label in double brackets, or one alone, as in `[[A]]` and `A`"),
    word("logprobs", "log-probabilities of the labels, where the server gives them; else the text"),
];
const LIMITS: &[Variant] =
    &[word("max_tokens", "the older name"), word("max_completion_tokens", "the name of OpenAI's reasoning models")];
const WIRES: &[Variant] = &[word("systemone", "POST /v1/systemone"), word("openai", "POST /v1/decisions")];
const BAD_ROWS: &[Variant] = &[word("fail", "the run stops"), word("skip", "the row is left out and counted")];
const UNKNOWN: &[Variant] = &[word("fail", "the run stops"), word("drop", "the pair is left out")];
