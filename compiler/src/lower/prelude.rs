//! The stages of used blocks, which precede a pipeline's own.

use std::collections::BTreeSet;

use pbpo_plan::ops::follow::{self, Update};
use pbpo_plan::ops::{data, exploration, features, imitate, load, oracle, policy, reward_model};
use pbpo_plan::{Op, Stage, ValueName};
use serde_json::{Value as Json, json};

use super::Lower;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Value};
use crate::schema::Kind;

impl Lower<'_> {
    /// Makes the stages of these blocks and of what they need, in the order of the file.
    pub(super) fn prelude(&mut self, used: &BTreeSet<&str>) {
        let order = &self.program.scope.order;
        for name in order.iter().filter(|name| used.contains(name.as_str())) {
            self.need(name);
        }
    }

    /// Makes the stage of a block, after those that it needs.
    pub(super) fn need(&mut self, name: &str) {
        if self.made.contains(name) {
            return;
        }
        self.made.insert(name.to_owned());
        if self.depth > 0 && self.refused(name) {
            return;
        }
        match self.program.blocks.get(name).map(|block| block.kind) {
            Some(Kind::Data) => self.data(name),
            Some(Kind::Policy) if self.block(name).name("follows").is_some() => self.follower(name),
            Some(Kind::World) => self.world(name),
            Some(Kind::Policy) if self.in_world(name) => self.exact_policy(name),
            Some(Kind::RewardModel) if self.in_world(name) => self.exact_reward_model(name),
            Some(Kind::Exploration) if self.in_world(name) => self.exact_exploration(name),
            Some(Kind::RewardModel) if self.is_linear(name) => self.linear_model(name),
            Some(Kind::Policy) => self.policy(name),
            Some(Kind::RewardModel) => self.reward_model(name),
            Some(Kind::Features) => self.features(name),
            Some(Kind::Exploration) => self.exploration(name),
            Some(Kind::Oracle) => self.oracle(name),
            // A constraint is part of the objectives to which it is applied.
            Some(Kind::Constraint | Kind::Pipeline | Kind::Objective | Kind::Variant | Kind::Sweep | Kind::Op)
            | None => {}
        }
    }

    /// Reports a block whose stage would first be made inside a loop: it would be made again in every iteration, from
    /// players that have moved. Such a plan looks right but means something else, so it is an error.
    fn refused(&mut self, name: &str) -> bool {
        let Some(block) = self.program.blocks.get(name).filter(|block| block.kind != Kind::Constraint) else {
            return false;
        };
        let message = format!("`{name}` would be made anew in every iteration");
        self.out.push(
            Diagnostic::error(Code::UseBeforeAssignment, block.name, message)
                .label("used first inside a loop")
                .help("this is a fault of the compiler: please report it"),
        );
        true
    }

    pub(super) fn add(&mut self, name: &str, stage: pbpo_plan::Stage) {
        if let Some(block) = self.program.blocks.get(name) {
            self.push(stage, block.name);
        }
    }

    fn data(&mut self, name: &str) {
        let args = self.block(name);
        let settings = || {
            Some(data::Settings {
                task: args.choice("source")?.tagged("task")?,
                longest: args.int("longest").map(whole),
                check: match args.choice("check") {
                    Some(check) => Some(check.tagged("by")?),
                    None => None,
                },
            })
        };
        self.add(name, Stage::new(Op::Data, &[&ValueName::of(name)]).with_settings(&settings()));
    }

    /// Returns the initial weights of a policy; makes their stage if needed.
    fn init(&mut self, policy: &str) -> ValueName {
        let value = ValueName::of(&format!("{policy}.init"));
        if !self.made.insert(value.to_string()) {
            return value;
        }
        let args = self.block(policy);
        let checkpoint = args.choice("model").filter(|model| model.name == "hf").map(|model| model.args.clone());
        let lora = args.setting("lora");
        if args.word("init") == Some("pretrained") {
            self.load(policy, &value, &checkpoint.unwrap_or_default(), lora);
            return value;
        }
        let mut made = Stage::new(Op::Imitate, &[&value]);
        let mut data = None;
        let mut settings = imitate::Settings { model: None, steps: 0, batch: 0, lr: 0.0 };
        if let Some(init) = args.choice("init") {
            data = init.args.name("data").map(str::to_owned);
            let int = |name: &str| whole(init.args.int(name).unwrap_or(0));
            (settings.steps, settings.batch) = (int("steps"), int("batch"));
            settings.lr = init.args.float("lr").unwrap_or(0.0);
        }
        if let Some(checkpoint) = checkpoint {
            let base = ValueName::of(&format!("{policy}.model"));
            self.load(policy, &base, &checkpoint, lora);
            made = made.with("init", base);
        } else if let Some(model) = args.choice("model") {
            settings.model = Some(Json::Object(model.args.json()));
        }
        if let Some(data) = data {
            self.need(&data);
            made = made.with("data", ValueName::of(&data));
        }
        self.add(policy, made.with_settings(&settings));
        value
    }

    /// Makes the stage of a checkpoint, with fresh adapters if requested.
    fn load(&mut self, block: &str, value: &ValueName, checkpoint: &Args, lora: Option<load::Lora>) {
        let model = checkpoint.text("name").unwrap_or_default().to_owned();
        let settings = load::Settings { model, lora, compute: checkpoint.setting("compute") };
        self.add(block, Stage::new(Op::Load, &[value]).with_settings(&settings));
    }

    /// Returns the weights that a field of a block names: those of a policy before the game, or of a checkpoint.
    fn weights(&mut self, block: &str, field: &str) -> Option<ValueName> {
        match self.block(block).get(field)?.clone() {
            Value::Init(policy) => Some(self.init(&policy)),
            Value::Checkpoint(checkpoint) => {
                let value = ValueName::of(&format!("{block}.{field}"));
                self.load(block, &value, &checkpoint, None);
                Some(value)
            }
            _ => None,
        }
    }

    fn policy(&mut self, name: &str) {
        let init = self.init(name);
        let value = self.fresh(name);
        let args = self.block(name);
        let settings =
            || Some(policy::Settings { optimizer: args.setting("optimizer")?, sampling: args.setting("sampling")? });
        let made = Stage::new(Op::Policy, &[&value]).with("init", init).with_settings(&settings());
        self.players.insert(name.to_owned(), value);
        self.add(name, made);
    }

    fn follower(&mut self, name: &str) {
        let leader = self.leader(name);
        self.need(&leader);
        let args = self.block(name);
        // Without a word there was an error.
        let update = args.word("update").and_then(Update::find).unwrap_or(Update::Sft);
        let judge: Vec<String> = args
            .choice("update")
            .map(|update| ["by", "prompts"].iter().filter_map(|key| update.args.name(key)).map(str::to_owned).collect())
            .unwrap_or_default();
        judge.iter().for_each(|needed| self.need(needed));
        let value = self.fresh(name);
        let made = Stage::new(Op::Follow, &[&value])
            .with("policy", self.player(&leader))
            .with_settings(&follow::Settings { update });
        self.players.insert(name.to_owned(), value);
        self.add(name, made);
    }

    fn reward_model(&mut self, name: &str) {
        let init = self.weights(name, "backbone");
        let value = self.fresh(name);
        let settings = self.block(name).settings::<reward_model::Settings>();
        let made = Stage::new(Op::RewardModel, &[&value]).with_settings(&settings).with("init", init);
        self.players.insert(name.to_owned(), value);
        self.add(name, made);
    }

    fn features(&mut self, name: &str) {
        let init = self.weights(name, "of");
        let settings = self.block(name).settings::<features::Settings>();
        let made = Stage::new(Op::Features, &[&ValueName::of(name)]).with_settings(&settings).with("init", init);
        self.add(name, made);
    }

    fn exploration(&mut self, name: &str) {
        let args = self.block(name);
        let features = args.name("features").map(str::to_owned);
        let settings = exploration::Settings {
            // Without a bonus there was an error.
            bonus: args.setting("bonus").unwrap_or(exploration::Bonus::ExpectedSquare),
            ridge: args.float("ridge").unwrap_or(0.0),
            candidates: whole(self.candidates(name)),
        };
        features.iter().for_each(|features| self.need(features));
        if let Some(proposal) = self.proposal(name) {
            self.need(&proposal);
        }
        let value = self.fresh(name);
        let made = Stage::new(Op::Exploration, &[&value])
            .with_settings(&settings)
            .with("features", features.as_deref().map(ValueName::of));
        self.players.insert(name.to_owned(), value);
        self.add(name, made);
    }

    /// Returns the policy from which an exploration draws its candidates.
    pub(super) fn proposal(&self, exploration: &str) -> Option<String> {
        let args = self.block(exploration);
        let from = args.choice("search").and_then(|search| search.args.name("from"));
        let against = || args.name("against").map(|against| self.leader(against));
        from.map(str::to_owned).or_else(against)
    }

    fn oracle(&mut self, name: &str) {
        let by = self.block(name).choice("by");
        let settings = by.and_then(|by| {
            let mut settings = by.args.json();
            settings.insert("by".to_owned(), json!(by.name));
            // The true reward of a world has a single name, whatever the world is called here.
            let score = by.args.name("score").map(|score| if self.is_world(score) { "world" } else { score });
            settings.extend(score.map(|score| ("score".to_owned(), json!(score))));
            serde_json::from_value::<oracle::Settings>(Json::Object(settings)).ok()
        });
        self.add(name, Stage::new(Op::Oracle, &[&ValueName::of(name)]).with_settings(&settings));
    }
}

/// A count, which the checks leave no sign.
pub(super) fn whole(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A number of the plan; 0 where an error left none.
pub(super) fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// A setting of a policy's sampling.
pub(super) fn sampling(lower: &Lower<'_>, policy: &str, key: &str) -> Option<Json> {
    let leader = lower.leader(policy);
    let sampling = lower.block(&leader).record("sampling")?;
    sampling.get(key).and_then(crate::hir::Value::json)
}

/// Returns the number of samples of one prompt that a policy's estimator uses: 1 without groups.
pub(super) fn group(lower: &Lower<'_>, policy: &str) -> i64 {
    lower.block(policy).choice("estimator").and_then(|estimator| estimator.args.int("group")).unwrap_or(1)
}

/// Returns an optional setting, from an argument or from the policy's sampling.
pub(super) fn setting(lower: &Lower<'_>, given: Option<&crate::hir::Value>, policy: &str, key: &str) -> Json {
    given.and_then(crate::hir::Value::json).or_else(|| sampling(lower, policy, key)).unwrap_or(json!(null))
}
