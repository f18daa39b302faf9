//! BIG-Bench Hard (Suzgun et al., 2022): 27 subtasks without examples, answered at once or step by step.

use super::Benchmark;
use crate::Error;
use crate::data::{Dataset, Doc};
use crate::filter::{Chain, Filter, Phrases};
use crate::metric::ExactMatch;
use crate::python::{Pattern, Select};
use crate::task::{Compare, Generate, Group, Kind, MAX_TOKENS, Shots, Task};

/// The form of a subtask's answers.
#[derive(Clone, Copy)]
enum Answer {
    Truth,
    YesNo,
    Validity,
    Brackets,
    Choice,
    Number,
    Plausibility,
    Lies,
    Words,
}

/// Subtask, description, answers.
const SUBTASKS: [(&str, &str, Answer); 27] = [
    ("boolean_expressions", "Evaluate the result of a random Boolean expression.", Answer::Truth),
    ("causal_judgement", "Answer questions about causal attribution.", Answer::YesNo),
    ("date_understanding", "Infer the date from context.", Answer::Choice),
    ("disambiguation_qa", "Clarify the meaning of sentences with ambiguous pronouns.", Answer::Choice),
    ("dyck_languages", "Correctly close a Dyck-n word.", Answer::Brackets),
    ("formal_fallacies", "Distinguish deductively valid arguments from formal fallacies.", Answer::Validity),
    ("geometric_shapes", "Name geometric shapes from their SVG paths.", Answer::Choice),
    ("hyperbaton", "Order adjectives correctly in English sentences.", Answer::Choice),
    ("logical_deduction_five_objects", DEDUCTION, Answer::Choice),
    ("logical_deduction_seven_objects", DEDUCTION, Answer::Choice),
    ("logical_deduction_three_objects", DEDUCTION, Answer::Choice),
    ("movie_recommendation", "Recommend movies similar to the given list of movies.", Answer::Choice),
    ("multistep_arithmetic_two", "Solve multi-step arithmetic problems.", Answer::Number),
    ("navigate", NAVIGATE, Answer::YesNo),
    (
        "object_counting",
        "Questions that involve enumerating objects and asking the model to count them.",
        Answer::Number,
    ),
    ("penguins_in_a_table", "Answer questions about a table of penguins and their attributes.", Answer::Choice),
    (
        "reasoning_about_colored_objects",
        "Answer extremely simple questions about the colors of objects on a surface.",
        Answer::Choice,
    ),
    ("ruin_names", "Select the humorous edit that 'ruins' the input movie or musical artist name.", Answer::Choice),
    (
        "salient_translation_error_detection",
        "Detect the type of error in an English translation of a German source sentence.",
        Answer::Choice,
    ),
    ("snarks", SNARKS, Answer::Choice),
    (
        "sports_understanding",
        "Determine whether an artificially constructed sentence relating to sports is plausible or not.",
        Answer::Plausibility,
    ),
    (
        "temporal_sequences",
        "Task description: Answer questions about which times certain events could have occurred.",
        Answer::Choice,
    ),
    ("tracking_shuffled_objects_five_objects", TRACKING, Answer::Choice),
    ("tracking_shuffled_objects_seven_objects", TRACKING, Answer::Choice),
    ("tracking_shuffled_objects_three_objects", TRACKING, Answer::Choice),
    ("web_of_lies", "Evaluate a random boolean function expressed as a word problem.", Answer::Lies),
    ("word_sorting", "Sort a list of words.", Answer::Words),
];
const DEDUCTION: &str = "A logical deduction task which requires deducing the order of a sequence of objects.";
const NAVIGATE: &str = "Given a series of navigation instructions, determine whether one would end up back at the \
                        starting point.";
const TRACKING: &str = "A task requiring determining the final positions of a set of objects given their initial \
                        positions and a description of a sequence of swaps.";
const SNARKS: &str = "Determine which of two sentences is sarcastic.\n\nAccording to Cambridge University Dictionary, \
                      sarcasm is \"the use of remarks that clearly mean the opposite of what they say, made in order \
                      to hurt someone's feelings or to criticize something in a humorous way.\" Sarcastic sentences \
                      often contain satirical or ironic utterances, hyperboles, ambivalent or witty remarks.";

/// Returns the tasks whose answer is the whole response, or the first answer in it.
pub fn zeroshot() -> Benchmark {
    build(
        "bbh_zeroshot",
        |doc| Ok(format!("Q: {}\nA:", doc.text("input")?)),
        |answer| vec![Chain::new("strict-match", vec![]), flexible(answer, Select::First)],
    )
}

/// Returns the tasks whose answer comes after `The answer is`, or is the last answer in the response.
pub fn cot_zeroshot() -> Benchmark {
    const STRICT: &str = "((?<=The answer is )(.*)(?=.)|(?<=the answer is )(.*)(?=.)|(?<=The answer: )(.*)(?=.)|\
                          (?<=The final answer: )(.*)(?=.))";
    build(
        "bbh_cot_zeroshot",
        |doc| Ok(format!("Q: {}\nA: Let's think step by step.", doc.text("input")?)),
        |answer| {
            let strict = Filter::Regex(Pattern::python(STRICT), Select::First);
            vec![flexible(answer, Select::Last), Chain::new("strict-match", vec![strict])]
        },
    )
}

fn flexible(answer: Answer, select: Select) -> Chain {
    let regex = |source| Filter::Regex(Pattern::python(source), select);
    let filter = match answer {
        Answer::Truth => regex(r"\b(True|False)\b"),
        Answer::YesNo => regex(r"\b(Yes|No|yes|no)\b"),
        Answer::Validity => regex(r"\b(valid|invalid)\b"),
        Answer::Brackets => regex(r#"(?<= )([" \[\(<{}>\)\]]+)|([" \[\(<{}>\)\]]+)"#),
        Answer::Choice => Filter::Choice(select),
        Answer::Number => Filter::Number(select),
        Answer::Words => Filter::Words,
        Answer::Plausibility => {
            let phrases = [(r"\b(no|not plausible)\b", "no"), (r"\b(yes|plausible)\b", "yes")];
            Filter::Phrases(Phrases::new(&phrases), select)
        }
        Answer::Lies => {
            let lie = r"\b(no|does not tell the truth|is not telling the truth)\b";
            let truth = r"\b(yes|tells the truth|is telling the truth)\b";
            Filter::Phrases(Phrases::new(&[(lie, "no"), (truth, "yes")]), select)
        }
    };
    Chain::new("flexible-extract", vec![filter])
}

fn build(name: &str, prompt: fn(&Doc) -> Result<String, Error>, filters: fn(Answer) -> Vec<Chain>) -> Benchmark {
    let task = |(subtask, description, answer): &(&str, &str, Answer)| {
        let ignore = [r"\.$", ",", "\n", r"\\", "\""].map(Pattern::python).into();
        Task {
            name: format!("{name}_{subtask}"),
            alias: format!("{name}_{subtask}"),
            version: 3.0,
            dataset: Dataset { repo: "SaylorTwift/bbh".into(), config: Some((*subtask).into()) },
            description: format!("{description}\n\n"),
            prompt,
            shots: Shots::Never,
            kind: Kind::Generate(Generate {
                target: |doc| doc.text("target").map(str::to_owned),
                stop: &["</s>", "Q:", "<|im_end|>"],
                max_tokens: MAX_TOKENS,
                filters: filters(*answer),
                compare: Compare::Exact(ExactMatch { ignore, ignore_case: true, ignore_punctuation: false }),
            }),
        }
    };
    let tasks: Vec<Task> = SUBTASKS.iter().map(task).collect();
    let members = tasks.iter().map(|task| task.name.clone()).collect();
    let metric = ("exact_match", "flexible-extract");
    Benchmark { tasks, groups: vec![Group { name: name.into(), alias: name.into(), version: "3.0", members, metric }] }
}
