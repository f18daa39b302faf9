//! The results of an evaluation: means with standard errors, of tasks and of groups; as in lm-eval's `results_*.json`.

use serde_json::{Map, Value, json};

use crate::evaluate::Sample;
use crate::metric::{mean, mean_stderr, pooled_stderr, weighted_mean};
use crate::suite::Loaded;
use crate::task::Group;

/// A mean over documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric: `acc`, `acc_norm` or `exact_match`.
    pub name: &'static str,
    pub filter: &'static str,
    /// The mean, from 0 to 1.
    pub value: f64,
    /// The standard error; `None` if a task has a single document.
    pub stderr: Option<f64>,
}

/// A task or a group.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub alias: String,
    /// The version: a number for a task, a text for a group.
    pub version: Value,
    /// The number of solved examples in each prompt; `None` for a group of groups, as in lm-eval, and if a group's
    /// tasks differ.
    pub shots: Option<usize>,
    /// The number of scored documents.
    pub documents: usize,
    /// The number of documents in the split.
    pub original: usize,
    pub metrics: Vec<Metric>,
    /// The members of a group.
    pub members: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Results {
    pub tasks: Vec<Entry>,
    pub groups: Vec<Entry>,
}

impl Entry {
    pub(crate) fn of_task(loaded: &Loaded, samples: &[Sample]) -> Self {
        let mut metrics: Vec<Metric> = Vec::new();
        for name in loaded.task.metrics() {
            for chunk in samples.chunk_by(|a, b| a.filter == b.filter) {
                let values: Vec<f64> = chunk.iter().filter_map(|sample| sample.scores.get(*name)?.as_f64()).collect();
                metrics.push(Metric {
                    name,
                    filter: chunk[0].filter,
                    value: mean(&values),
                    stderr: mean_stderr(&values),
                });
            }
        }
        Self {
            name: loaded.task.name.clone(),
            alias: loaded.task.alias.clone(),
            version: json!(loaded.task.version),
            shots: Some(loaded.shots),
            documents: loaded.items.len(),
            original: loaded.original,
            metrics,
            members: vec![],
        }
    }

    /// Makes the entry of a group. `of` holds the tasks of the group, including those of its subgroups.
    fn of_group(group: &Group, of: &[&Entry]) -> Self {
        let (name, filter) = group.metric;
        let found: Vec<(&Metric, usize)> =
            of.iter().filter_map(|task| Some((task.metric(name, filter)?, task.documents))).collect();
        let (values, sizes): (Vec<f64>, Vec<usize>) = found.iter().map(|(metric, size)| (metric.value, *size)).unzip();
        let stderrs: Option<Vec<f64>> = found.iter().map(|(metric, _)| metric.stderr).collect();
        let stderr = stderrs.map(|stderrs| pooled_stderr(&stderrs, &sizes));
        let direct = || of.iter().filter(|task| group.members.contains(&task.name)).map(|task| task.shots);
        let shots = direct().next().flatten();
        Self {
            name: group.name.clone(),
            alias: group.alias.clone(),
            version: json!(group.version),
            shots: shots.filter(|_| direct().all(|other| other == shots)),
            documents: of.iter().map(|task| task.documents).sum(),
            original: of.iter().map(|task| task.original).sum(),
            metrics: vec![Metric { name, filter, value: weighted_mean(&values, &sizes), stderr }],
            members: group.members.clone(),
        }
    }

    pub fn metric(&self, name: &str, filter: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name && metric.filter == filter)
    }

    fn json(&self) -> Value {
        let mut out = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("alias".to_owned(), json!(self.alias)),
            ("sample_len".to_owned(), json!(self.documents)),
        ]);
        for Metric { name, filter, value, stderr } in &self.metrics {
            out.insert(format!("{name},{filter}"), json!(value));
            out.insert(format!("{name}_stderr,{filter}"), stderr.map_or(json!("N/A"), |stderr| json!(stderr)));
            if !self.members.is_empty() {
                out.insert("sample_count".into(), json!({ format!("{name},{filter}"): self.documents }));
            }
        }
        Value::Object(out)
    }
}

impl Results {
    pub(crate) fn of(tasks: Vec<Entry>, groups: &[Group]) -> Self {
        let entry = |group| Entry::of_group(group, &leaves(group, &tasks, groups));
        Self { groups: groups.iter().map(entry).collect(), tasks }
    }

    /// Returns the same tasks under other groups.
    pub fn regroup(&self, groups: &[Group]) -> Self {
        Self::of(self.tasks.clone(), groups)
    }

    /// Returns the entry of a task or a group.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.tasks.iter().chain(&self.groups).find(|entry| entry.name == name)
    }

    /// Returns the results as lm-eval writes them, without `configs` and information about the machine.
    pub fn json(&self) -> Value {
        let all = || self.tasks.iter().chain(&self.groups);
        let table = |of: &mut dyn Iterator<Item = &Entry>, field: &dyn Fn(&Entry) -> Option<Value>| -> Value {
            of.filter_map(|entry| Some((entry.name.clone(), field(entry)?))).collect::<Map<_, _>>().into()
        };
        let mut out = json!({
            "results": table(&mut all(), &|entry| Some(entry.json())),
            "group_subtasks": table(&mut self.groups.iter(), &|entry| Some(json!(entry.members))),
            "versions": table(&mut all(), &|entry| Some(entry.version.clone())),
            "n-shot": table(&mut all(), &|entry| entry.shots.map(Value::from)),
            "higher_is_better": table(&mut all(), &|entry| self.directions(entry)),
            "n-samples": table(&mut self.tasks.iter(), &|task| {
                Some(json!({ "original": task.original, "effective": task.documents }))
            }),
        });
        if !self.groups.is_empty() {
            out["groups"] = table(&mut self.groups.iter(), &|entry| Some(entry.json()));
        }
        out
    }

    /// Returns all metrics of a task or of a group's tasks. A higher value is better for each of them.
    fn directions(&self, entry: &Entry) -> Option<Value> {
        let members = self.tasks.iter().filter(|task| task.name == entry.name || entry.members.contains(&task.name));
        let names: Map<_, _> =
            members.flat_map(|task| &task.metrics).map(|metric| (metric.name.to_owned(), json!(true))).collect();
        (!names.is_empty()).then(|| names.into())
    }
}

fn leaves<'a>(group: &Group, tasks: &'a [Entry], groups: &[Group]) -> Vec<&'a Entry> {
    let find = |member: &String| match groups.iter().find(|group| group.name == *member) {
        Some(group) => leaves(group, tasks, groups),
        None => tasks.iter().filter(|task| task.name == *member).collect(),
    };
    group.members.iter().flat_map(find).collect()
}
