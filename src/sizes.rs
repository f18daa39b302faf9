//! Sizes that an estimate needs and a plan lacks: vocabularies of tasks, shapes of checkpoints by their config.json.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use pbpo_hub::Weights;
use pbpo_hub::adapter::Adapter;
use pbpo_hub::cache::resolve_model;
use pbpo_hub::config::ModelConfig;
use pbpo_plan::memory::{Shape, Sizes};
use pbpo_runtime::generate::CACHE;
use pbpo_runtime::model::{self, disk};
use pbpo_runtime::objective::pieces::LIMITS;
use pbpo_runtime::ops::ASKED;
use pbpo_runtime::task;

/// Calls `then` with the sizes that plans lack: of tasks' vocabularies, and of checkpoints by their config.json, each
/// read once.
pub fn with_sizes<T>(base: &Path, then: impl FnOnce(&Sizes<'_>) -> T) -> T {
    let known: RefCell<HashMap<String, Option<Shape>>> = RefCell::default();
    let checkpoint = |name: &str| {
        let mut known = known.borrow_mut();
        known.entry(name.to_owned()).or_insert_with(|| shape(name, base)).clone()
    };
    let vocabulary = |name: &str| task::tokenizer(name).map_or(0, |tokenizer| tokenizer.vocab() as u64);
    let (cache, asked) = (CACHE as u64, ASKED as u64);
    then(&Sizes { vocabulary: &vocabulary, checkpoint: &checkpoint, limits: LIMITS, cache, asked })
}

/// Returns the shape of a checkpoint; for an adapter, that of its base with the adapter's parameters. Errors are
/// reported when the checkpoint is loaded.
fn shape(name: &str, base: &Path) -> Option<Shape> {
    let dir = resolve_model(name, base).ok()?.dir;
    if dir.join("adapter_config.json").is_file() {
        let adapter = Adapter::open(&dir).ok()?;
        let adapters =
            adapter.modules.values().map(|(inputs, outputs)| adapter.config.r * (inputs + outputs)).sum::<usize>();
        let under = resolve_model(&adapter.config.base_in(base)?, base).ok()?.dir;
        return Some(Shape { adapters: adapters as u64, ..whole(&under)? });
    }
    whole(&dir)
}

/// Returns the shape of a checkpoint without adapters.
fn whole(dir: &Path) -> Option<Shape> {
    let mut config = ModelConfig::read(dir).ok()?;
    if let Ok(weights) = Weights::open(dir) {
        config.tied = disk::is_tied(&config, &weights).ok()?;
    }
    Some(model::shape(&config))
}
