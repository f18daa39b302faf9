//! `pbpoc eval`: benchmarks, scored as in lm-evaluation-harness, from local copies of their datasets.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use pbpo_eval::model::{cut, encode_alone, encode_pair};
use pbpo_eval::{Data, Failure, Model, Options, Pair, Score, Suite, Until, evaluate};
use pbpo_runtime::Fault;
use pbpo_runtime::generate::Sampling;
use pbpo_runtime::language_model::LanguageModel;
use pbpo_runtime::rng;
use serde_json::{Map, json};

use super::{ModelArgs, ended, tell_cut};
use crate::cli::{eprint, print_either};

#[derive(Args, Debug)]
pub struct EvalArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Benchmarks, as lm-eval names them: arc_challenge, mmlu, gsm8k, gsm8k_cot_zeroshot, bbh_zeroshot, agieval_en, ...
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    tasks: Vec<String>,
    /// Directory of the datasets, laid out as their repositories are.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Solved examples in front of each question; default: as the task says.
    #[arg(long, value_name = "N")]
    shots: Option<usize>,
    /// The first rows of each task only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// A directory for results.json, and for each task what was asked, answered and extracted.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// `json` prints what lm-eval writes as results.json.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

/// Evaluates and prints. Returns the exit code.
pub fn run(args: &EvalArgs) -> u8 {
    ended(eval(args))
}

fn eval(args: &EvalArgs) -> Result<(), Fault> {
    let names: Vec<&str> = args.tasks.iter().map(String::as_str).collect();
    let data = Data::new(&args.data).with_parquet(parquet);
    let options = Options { shots: args.shots, limit: args.limit, ..Options::default() };
    // Errors in names and rows are reported before the model is loaded.
    let prepared = Suite::named(&names).and_then(|suite| suite.prepare(&data, &options))?;
    if let Some(out) = &args.out {
        fs::create_dir_all(out)?;
    }
    let cut = Rc::new(Cell::new((0, 0)));
    let mut model = Asked { model: args.model.load()?, cut: cut.clone() };
    let context = model.model.model.config.context;
    let mut truncated = Map::new();
    let done = evaluate(&mut model, &prepared, |loaded, samples| {
        eprint(&format!("{}: {} questions\n", loaded.task.name, loaded.items.len()));
        let (cut, requests) = cut.take();
        tell_cut(cut, requests, context);
        truncated.insert(loaded.task.name.clone(), json!(cut));
        let Some(out) = &args.out else { return Ok(()) };
        let path = out.join(format!("samples_{}.jsonl", loaded.task.name));
        let lines = samples.iter().map(|sample| json!(sample).to_string() + "\n");
        fs::File::create(&path)
            .and_then(|mut file| file.write_all(lines.collect::<String>().as_bytes()))
            .map_err(|e| pbpo_eval::Error::new(format!("{}: can't be written: {e}", path.display())))
    });
    let results = done.map_err(|failure| match failure {
        Failure::Task(error) => error.into(),
        Failure::Model(fault) => fault,
    })?;
    let mut all = results.json();
    // The number of requests that were cut; every choice is a request. lm-eval warns of them.
    all["n-truncated"] = json!(truncated);
    all["config"] = json!({ "model": args.model.model, "limit": args.limit, "num_fewshot": args.shots });
    let text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    if let Some(out) = &args.out {
        pbpo_runtime::rundir::write_atomic(&out.join("results.json"), text.as_bytes())?;
    }
    let json = args.format == "json";
    print_either(&if json { text } else { results.to_string() }, json);
    Ok(())
}

fn parquet(path: &Path) -> Result<Vec<pbpo_eval::Row>, String> {
    pbpo_hub::records::rows_of_parquet(path).map_err(|error| error.to_string())
}

/// A checkpoint as the model of benchmarks.
struct Asked {
    model: LanguageModel,
    /// The numbers of the current task's requests: those that were cut to fit into the model's context, and all.
    cut: Rc<Cell<(usize, usize)>>,
}

impl Asked {
    /// Encodes a text as transformers' tokenizer does by default, with the special tokens that it adds.
    fn encode(&self, text: &str) -> Result<Vec<u32>, Fault> {
        self.model.tokenizer.begin(text)
    }

    fn count(&self, truncated: impl Iterator<Item = bool>) {
        self.cut.set(truncated.fold(self.cut.get(), |(cut, all), is| (cut + usize::from(is), all + 1)));
    }

    fn pair(&self, pair: &Pair) -> Result<(Vec<u32>, Vec<u32>), Fault> {
        if pair.context.is_empty() {
            let tokenizer = &self.model.tokenizer;
            let prefix = self.model.model.config.bos.or(tokenizer.ends().first().copied()).unwrap_or(0);
            return Ok(encode_alone(tokenizer.encode(&pair.continuation)?, prefix));
        }
        // If the tokenizer can't read a text, it can't read the whole.
        self.encode(&format!("{}{}", pair.context, pair.continuation))?;
        Ok(encode_pair(&pair.context, &pair.continuation, |text| self.encode(text).unwrap_or_default()))
    }

    /// Returns the tokens of a pair whose continuation has at least one; without a token it would have the best
    /// possible score.
    fn scorable(&self, pair: &Pair) -> Result<(Vec<u32>, Vec<u32>), Fault> {
        let named = |fault: Fault| Fault { message: format!("{}: {}", pair.place, fault.message), ..fault };
        let (context, continuation) = self.pair(pair).map_err(named)?;
        if continuation.is_empty() {
            let (name, text) = (&self.model.name, &pair.continuation);
            return Err(named(super::no_token(text, name).help(
                "lm-eval stops here too (its issue 1053): with this tokenizer the choices of this task can't be compared",
            )));
        }
        Ok((context, continuation))
    }
}

impl Model for Asked {
    type Error = Fault;

    fn loglikelihood(&mut self, requests: &[Pair]) -> Result<Vec<Score>, Fault> {
        let pairs = requests.iter().map(|pair| self.scorable(pair)).collect::<Result<Vec<_>, _>>()?;
        let scored = self.model.score(&pairs).map_err(|fault| fault.name_row(|row| requests[row].place.clone()))?;
        self.count(scored.iter().map(|scored| scored.truncated));
        let scores = scored.into_iter().map(|scored| Score {
            logp: scored.token_logps.iter().map(|logp| f64::from(*logp)).sum(),
            greedy: scored.greedy,
        });
        Ok(scores.collect())
    }

    fn generate_until(&mut self, requests: &[Until]) -> Result<Vec<String>, Fault> {
        let mut texts = vec![String::new(); requests.len()];
        let mut left: Vec<usize> = (0..requests.len()).collect();
        // Requests with the same stop strings and the same length are batched.
        while let Some(first) = left.first().copied() {
            let Until { stop, max_tokens, .. } = &requests[first];
            let same = |i: &usize| requests[*i].stop == *stop && requests[*i].max_tokens == *max_tokens;
            let (batch, rest): (Vec<usize>, Vec<usize>) = left.into_iter().partition(same);
            let prompts = batch.iter().map(|i| self.encode(&requests[*i].context)).collect::<Result<Vec<_>, _>>()?;
            let sampling = Sampling { temperature: 0.0, max_new: *max_tokens };
            let room = self.model.room(*max_tokens);
            self.count(prompts.iter().map(|prompt| prompt.len() > room));
            let made = self.model.complete(&prompts, sampling, stop, &mut rng::stream([0; 32], 0));
            let made = made.map_err(|fault| fault.name_row(|row| requests[batch[row]].place.clone()))?;
            for (i, tokens) in batch.into_iter().zip(made) {
                // As in lm-eval, the text is decoded without the prompt and without special tokens.
                texts[i] = cut(&self.model.tokenizer.decode(&tokens), stop).to_owned();
            }
            left = rest;
        }
        Ok(texts)
    }
}
