//! Makes requests from names: the tasks and groups of a run, their rows, and the model's requests. Errors in names and
//! rows are found here, before a model is loaded.

use crate::Error;
use crate::data::{Data, Dataset, Doc};
use crate::random::Random;
use crate::task::{Gold, Group, Kind, Shots, Task};
use crate::tasks::{self, Benchmark};

/// The tasks of a run, each once, and the groups over them.
#[derive(Debug)]
pub struct Suite {
    pub tasks: Vec<Task>,
    pub groups: Vec<Group>,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of solved examples in each prompt; `None` for the task's default.
    pub shots: Option<usize>,
    /// The number of first rows of each task to use.
    pub limit: Option<usize>,
    /// The seed for drawing examples. lm-eval's default is 1234.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { shots: None, limit: None, seed: 1234 }
    }
}

/// The requests and the right answers.
#[derive(Debug)]
pub struct Prepared {
    pub tasks: Vec<Loaded>,
    pub groups: Vec<Group>,
}

/// A task with its rows.
#[derive(Debug)]
pub struct Loaded {
    pub task: Task,
    pub shots: usize,
    /// The number of rows of the test split, more than `items` if there is a limit.
    pub original: usize,
    pub items: Vec<Item>,
}

#[derive(Debug)]
pub struct Item {
    pub doc: Doc,
    pub context: String,
    pub ask: Ask,
}

#[derive(Debug)]
pub enum Ask {
    Choose { choices: Vec<String>, gold: Gold },
    Write { target: String },
}

/// Returns the names of the benchmarks: groups and tasks that are in no group.
pub fn benchmarks() -> Vec<String> {
    let mut names = Vec::new();
    for Benchmark { tasks, groups } in tasks::all() {
        let inner: Vec<&String> = groups.iter().flat_map(|group| &group.members).collect();
        let all = groups.iter().map(|group| &group.name).chain(tasks.iter().map(|task| &task.name));
        names.extend(all.filter(|name| !inner.contains(name)).cloned());
    }
    names
}

impl Suite {
    /// Returns the tasks and groups of these names, in this order; a group brings all its members.
    pub fn named(names: &[&str]) -> Result<Self, Error> {
        let (mut known, mut groups) = (Vec::new(), Vec::new());
        for benchmark in tasks::all() {
            known.extend(benchmark.tasks.into_iter().map(Some));
            groups.extend(benchmark.groups);
        }
        let mut suite = Self { tasks: vec![], groups: vec![] };
        for name in names {
            suite.add(name, &mut known, &groups)?;
        }
        Ok(suite)
    }

    fn add(&mut self, name: &str, known: &mut [Option<Task>], groups: &[Group]) -> Result<(), Error> {
        if self.tasks.iter().any(|task| task.name == name) || self.groups.iter().any(|group| group.name == name) {
            return Ok(());
        }
        if let Some(group) = groups.iter().find(|group| group.name == name) {
            self.groups.push(group.clone());
            return group.members.iter().try_for_each(|member| self.add(member, known, groups));
        }
        let found = known.iter_mut().find(|task| task.as_ref().is_some_and(|task| task.name == name));
        let task = found.and_then(Option::take).ok_or_else(|| {
            Error::new(format!("there is no benchmark `{name}`"))
                .help(format!("there are: {}", benchmarks().join(", ")))
        })?;
        self.tasks.push(task);
        Ok(())
    }

    /// Reads all rows and makes all prompts.
    pub fn prepare(self, data: &Data, options: &Options) -> Result<Prepared, Error> {
        let datasets: Vec<&Dataset> = self.tasks.iter().map(|task| &task.dataset).collect();
        data.check(&datasets, "test")?;
        let tasks = self.tasks.into_iter().map(|task| load(task, data, options)).collect::<Result<_, _>>()?;
        Ok(Prepared { tasks, groups: self.groups })
    }
}

fn load(task: Task, data: &Data, options: &Options) -> Result<Loaded, Error> {
    let mut docs = data.rows(&task.dataset, "test")?;
    let original = docs.len();
    docs.truncate(options.limit.unwrap_or(original));
    if docs.is_empty() {
        return Err(Error::new("a limit of 0 leaves nothing to score").help("give a limit of 1 or more"));
    }
    let mut examples = Examples::of(&task, data, options)?;
    let shots = examples.count;
    let item = |doc: Doc| {
        let context = format!("{}{}{}", task.description, examples.draw(), (task.prompt)(&doc)?);
        Ok(Item { context, ask: ask(&task, &doc)?, doc })
    };
    let items = docs.into_iter().map(item).collect::<Result<_, Error>>()?;
    Ok(Loaded { task, shots, original, items })
}

fn ask(task: &Task, doc: &Doc) -> Result<Ask, Error> {
    Ok(match &task.kind {
        Kind::Choice(choice) => Ask::Choose { choices: (choice.choices)(doc)?, gold: (choice.gold)(doc)? },
        Kind::Generate(generate) => Ask::Write { target: (generate.target)(doc)? },
    })
}

/// The solved examples of a task, as text.
struct Examples {
    texts: Vec<String>,
    count: usize,
    random: Option<Random>,
}

impl Examples {
    fn of(task: &Task, data: &Data, options: &Options) -> Result<Self, Error> {
        let (split, count, sampled) = match task.shots {
            Shots::From { split, default, sampled } => (split, options.shots.unwrap_or(default), sampled),
            Shots::Never => ("", options.shots.unwrap_or(0), false),
        };
        if count == 0 {
            return Ok(Self { texts: vec![], count, random: None });
        }
        if split.is_empty() {
            return Err(Error::new(format!("`{}` has no examples to show, and {count} are asked for", task.name))
                .help("leave the number of shots out, or 0"));
        }
        let docs = data.rows(&task.dataset, split)?;
        if docs.len() < count {
            let repo = &task.dataset.repo;
            return Err(Error::new(format!(
                "{repo}: `{split}` has {} rows, and {count} examples are asked for",
                docs.len()
            )));
        }
        let texts = docs.iter().map(|doc| example(task, doc)).collect::<Result<_, _>>()?;
        Ok(Self { texts, count, random: sampled.then(|| Random::new(options.seed)) })
    }

    /// Returns the examples of the next document.
    fn draw(&mut self) -> String {
        match &mut self.random {
            Some(random) => {
                random.sample(self.texts.len(), self.count).into_iter().map(|at| self.texts[at].as_str()).collect()
            }
            None => self.texts[..self.count].concat(),
        }
    }
}

/// Returns a prompt with its answer; without an answer, the next prompt follows at once.
fn example(task: &Task, doc: &Doc) -> Result<String, Error> {
    let answer = match ask(task, doc)? {
        Ask::Write { target } => target,
        Ask::Choose { choices, gold: Gold::One(at) } => choices.get(at).cloned().unwrap_or_default(),
        Ask::Choose { gold: Gold::Any(_), .. } => String::new(),
    };
    let prompt = (task.prompt)(doc)?;
    Ok(if answer.is_empty() { prompt } else { format!("{prompt} {answer}\n\n") })
}
