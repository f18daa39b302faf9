//! `pbpoc export`: writes a checkpoint as a Hugging Face directory: adapters merged into their base, in another number
//! format, or as an adapter.

use std::path::{Path, PathBuf};

use clap::Args;
use pbpo_hub::{Dtype, read_own, resolve_model};
use pbpo_outside::file::limit;
use pbpo_runtime::Fault;
use pbpo_runtime::model::disk;
use pbpo_runtime::rundir::checkpoint;

use super::{ModelArgs, ended};
use crate::cli::eprint;

#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The directory that is written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number format of the weights; default: that of the checkpoint.
    #[arg(long, value_parser = ["float32", "bfloat16", "float16"])]
    dtype: Option<String>,
    /// Write the adapter alone, for PEFT.
    #[arg(long, conflicts_with = "dtype")]
    adapter: bool,
}

/// Exports a checkpoint. Returns the exit code.
pub fn run(args: &ExportArgs) -> u8 {
    ended(export(args))
}

/// Copies the checkpoint's default sampling, which servers use.
fn keep_generation(from: &Path, to: &Path) -> Result<(), Fault> {
    const NAME: &str = "generation_config.json";
    if let Some(bytes) = read_own(from, NAME, limit::CONFIG)? {
        std::fs::write(to.join(NAME), bytes)
            .map_err(|error| Fault::new(format!("{}: can't be written: {error}", to.join(NAME).display())))?;
    }
    Ok(())
}

fn export(args: &ExportArgs) -> Result<(), Fault> {
    let host = args.model.host()?;
    let loaded = disk::load(&args.model.model, &host)?;
    // Files of two checkpoints in one directory would be read as one checkpoint.
    if std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Fault::new(format!("{} is not empty", args.out.display())).help("choose another --out"));
    }
    let dtype = args.dtype.as_deref().and_then(Dtype::from_torch).unwrap_or(loaded.model.config.dtype);
    match (args.adapter, loaded.model.has_adapters(), &loaded.score) {
        (true, false, _) => {
            return Err(Fault::new(format!("`{}` has no adapters", args.model.model)).help("leave out --adapter"));
        }
        (true, true, _) => checkpoint::save_adapter(&args.out, &loaded.model, &loaded.base)?,
        (false, _, Some(score)) => {
            let bound = loaded.model.config.reward_bound;
            checkpoint::save_classifier(&args.out, &loaded.model, score, bound, dtype)?;
        }
        (false, _, None) => {
            checkpoint::save_model(&args.out, &loaded.model, None, dtype)?;
            // An adapter uses the sampling of its base.
            let base = resolve_model(&loaded.base, &host.base)?.dir;
            keep_generation(&base, &args.out)?;
        }
    }
    checkpoint::save_tokenizer(&args.out, &loaded.tokenizer, &loaded.model.config)?;
    let out = args.out.display();
    eprint(&format!("written to {out}\n"));
    if let Some(bound) = loaded.model.config.reward_bound.filter(|_| loaded.score.is_some()) {
        eprint(&format!(
            "note: transformers gives the head's output s; the run's reward is {bound} tanh(s / {bound}), as `reward_bound` in config.json says\n"
        ));
    }
    if !args.adapter && loaded.score.is_none() {
        eprint(&format!(
            "\nvllm serve {out}\nlm_eval --model hf --model_args pretrained={out} --tasks arc_challenge\n"
        ));
    }
    Ok(())
}
