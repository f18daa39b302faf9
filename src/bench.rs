//! `pbpoc bench`: tokens per second of training and sampling at a given shape; `pbpoc bench compile`:
//! see `bench_compile.rs`.

use crate::cli::{OK, print, print_exact, some_threads};
use clap::{Args, Subcommand};
use pbpo_runtime::bench::{Shape, run as measure};
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::model::{Compute, Llama};

/// Shapes, with the same names as in scripts/bench_torch.py.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[arg(long, default_value_t = 4)]
    layers: usize,
    #[arg(long, default_value_t = 128)]
    width: usize,
    #[arg(long, default_value_t = 4)]
    heads: usize,
    #[arg(long, default_value_t = 4)]
    kv_heads: usize,
    #[arg(long, default_value_t = 352)]
    ff: usize,
    #[arg(long, default_value_t = 256)]
    vocab: usize,
    /// Rows of a training batch.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Tokens of a training row.
    #[arg(long, default_value_t = 64)]
    seq: usize,
    /// Training steps in each of 5 repeats.
    #[arg(long, default_value_t = 10)]
    steps: usize,
    /// Rows sampled at once.
    #[arg(long, default_value_t = 64)]
    sample_batch: usize,
    /// Prompt tokens.
    #[arg(long, default_value_t = 8)]
    prompt: usize,
    /// New tokens.
    #[arg(long, default_value_t = 32)]
    max_new: usize,
    /// f32, or bf16 with f32 master weights.
    #[arg(long, default_value = "f32", value_name = "NUMBERS")]
    compute: Compute,
    /// auto, cpu, or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: Choice,
    /// Threads of the CPU backend; default: all.
    #[arg(long, value_parser = some_threads)]
    threads: Option<usize>,
    /// Print one JSON object.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Milliseconds of `check` and `plan` on files of 100 and 2,000 lines
    Compile {
        /// Print one JSON object.
        #[arg(long, value_parser = ["text", "json"], default_value = "text")]
        format: String,
    },
}

/// Measures and prints. Returns the exit code.
pub fn run(args: &BenchArgs) -> u8 {
    if let Some(What::Compile { format }) = &args.what {
        return crate::bench_compile::run(format == "json");
    }
    device::use_threads(args.threads);
    let (device, name) = match device::open(args.device) {
        Ok(opened) => opened,
        Err(fault) => return crate::run::report_fault(&fault),
    };
    let shape = Shape {
        model: Llama {
            layers: args.layers,
            width: args.width,
            heads: args.heads,
            kv_heads: args.kv_heads,
            ff: args.ff,
            context: args.seq.max(args.prompt + args.max_new) + 1,
            rope_theta: 10000.0,
            tokenizer: None,
            compute: args.compute,
        }
        .config(args.vocab),
        batch: args.batch,
        seq: args.seq,
        steps: args.steps,
        sample_batch: args.sample_batch,
        prompt: args.prompt,
        max_new: args.max_new,
        compute: args.compute,
    };
    let figures = measure(&shape, &device, &name);
    if args.format == "json" {
        print_exact(&format!("{}\n", serde_json::to_string(&figures).unwrap_or_default()));
    } else {
        print(&format!("device   {}\n", figures.device));
        print(&format!("params   {}\n", figures.params));
        print(&format!("training {:.0} tokens/s\n", figures.train_tokens_per_s));
        print(&format!("sampling {:.0} tokens/s\n", figures.sample_tokens_per_s));
    }
    OK
}
