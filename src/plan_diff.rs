//! `pbpoc plan --diff A B`: the differences between two plans.
//!
//! A and B are each a `.pbpo` file, followed by `#TARGET` if it has several; a plan in JSON; a pipeline, variant or
//! point of the given file; or a git revision of that file.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use pbpo_compiler::modules::Loader;
use pbpo_compiler::{Compiled, Input, Planned};
use pbpo_outside::file::{self, limit};
use pbpo_plan::Plan;
use pbpo_plan::diff::Diff;

use crate::cli::{DIAGNOSTICS, Failure, Format, OK, Overrides, USAGE, eprint, print_either, report};
use crate::read;

/// Prints the differences. Returns the exit code.
pub fn run(file: Option<&Path>, sides: &[String], overrides: &Overrides, json: bool) -> Result<u8, Failure> {
    let [old, new] = sides else { return Err(Failure(USAGE)) };
    let (old, new) = (plan(file, old, overrides)?, plan(file, new, overrides)?);
    let diff = Diff::of(&old, &new);
    let text = if json { format!("{}\n", serde_json::to_string(&diff).unwrap_or_default()) } else { diff.text() };
    print_either(&text, json);
    Ok(OK)
}

/// Returns the plan that one side names.
fn plan(file: Option<&Path>, side: &str, overrides: &Overrides) -> Result<Plan, Failure> {
    let (path, target) = match side.split_once('#') {
        Some((path, target)) => (path, Some(target)),
        None => (side, None),
    };
    if path.ends_with(".json") {
        let bytes = file::bytes(Path::new(path), limit::CONFIG)
            .map_err(|refused| fail(&format!("`{path}` can't be read: {refused}")))?;
        return String::from_utf8(bytes)
            .map_err(|_| "it is not UTF-8 text".to_owned())
            .and_then(|text| Plan::from_json(&text))
            .map_err(|error| fail(&format!("`{path}` is no plan: {error}")));
    }
    if path.ends_with(".pbpo") {
        return compile(Path::new(path), &read::Disk, None, target, overrides);
    }
    let Some(file) = file else {
        return Err(fail(&format!("`{side}` is no file; name one in front: `pbpoc plan FILE --diff A B`")));
    };
    // A name in the file takes precedence over a revision of the same name.
    let text = read::text(file).map_err(|unreadable| Failure(report(&[*unreadable], Format::Full)))?;
    let name = file.display().to_string();
    let lints = overrides.lints();
    let input = Input { name: &name, text: &text, loader: &read::Disk, lints: &lints };
    let compiled = pbpo_compiler::compile(input, Some(side), &overrides.set);
    if let Some(plan) = compiled.plan() {
        return Ok(plan.clone());
    }
    if let [first, ..] = compiled.points.as_slice() {
        return Err(several(side, first));
    }
    match Git::at(side, file) {
        Some(git) => {
            let text = git.load(&name).map_err(|error| fail(&format!("`{side}`: {error}")))?;
            compile(file, &git, Some(text), None, overrides)
        }
        None => Err(Failure(report(&[compiled], Format::Full).max(DIAGNOSTICS))),
    }
}

fn compile(
    file: &Path,
    loader: &dyn Loader,
    text: Option<String>,
    target: Option<&str>,
    overrides: &Overrides,
) -> Result<Plan, Failure> {
    let text = match text {
        Some(text) => text,
        None => read::text(file).map_err(|unreadable| Failure(report(&[*unreadable], Format::Full)))?,
    };
    let name = file.display().to_string();
    let lints = overrides.lints();
    let input = Input { name: &name, text: &text, loader, lints: &lints };
    let compiled: Compiled = pbpo_compiler::compile(input, target, &overrides.set);
    match compiled.plan() {
        Some(plan) => Ok(plan.clone()),
        None if compiled.failed() => Err(Failure(report(&[compiled], Format::Full))),
        None => match compiled.points.as_slice() {
            [first, ..] => Err(several(target.unwrap_or_default(), first)),
            [] => Err(Failure(DIAGNOSTICS)),
        },
    }
}

/// Makes the failure for a side that names several plans.
fn several(target: &str, first: &Planned) -> Failure {
    fail(&format!("`{target}` has several points\nhelp: name one of them: `{}`", first.plan.point))
}

fn fail(message: &str) -> Failure {
    eprint(&format!("error: {message}\n"));
    Failure(DIAGNOSTICS)
}

/// A loader of files at a revision.
struct Git {
    revision: String,
    folder: PathBuf,
}

impl Git {
    /// Returns the loader for a revision of the repository that contains a file.
    fn at(revision: &str, file: &Path) -> Option<Git> {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = parent.to_owned();
        let git = Git { revision: revision.to_owned(), folder };
        let commit = format!("{revision}^{{commit}}");
        git.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).ok().map(|_| git)
    }

    fn run(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new("git").arg("-C").arg(&self.folder).args(args).output();
        let output = output.map_err(|error| format!("git can't be run: {error}"))?;
        if output.status.success() {
            String::from_utf8(output.stdout).map_err(|_| "it is not UTF-8 text".into())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }
}

impl Loader for Git {
    /// Returns the text of a file. `path` is relative to the working directory, like the file's own.
    fn load(&self, path: &str) -> Result<String, String> {
        self.run(&["show", "--end-of-options", &format!("{}:{}", self.revision, from(&self.folder, Path::new(path)))])
    }
}

/// Returns the path from a folder to another path, as git understands it: `./a.pbpo`, `../lib/a.pbpo`. Both start at
/// one place.
fn from(folder: &Path, path: &Path) -> String {
    let (folder, path) = (plain(folder), plain(path));
    let common = folder.iter().zip(&path).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - common).map(str::to_owned);
    let down = path.into_iter().skip(common);
    let way: Vec<String> = up.chain(down).collect();
    if way.first().is_some_and(|first| first == "..") { way.join("/") } else { format!("./{}", way.join("/")) }
}

/// Returns the parts of a path, without `.` and without `..` after a folder.
fn plain(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part.as_os_str().to_string_lossy().into_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_from_the_folder_of_the_file() {
        let way = |folder: &str, path: &str| from(Path::new(folder), Path::new(path));
        assert_eq!(way("sub", "sub/m.pbpo"), "./m.pbpo");
        assert_eq!(way("sub", "lib.pbpo"), "../lib.pbpo");
        assert_eq!(way("./sub/", "sub/deep/a.pbpo"), "./deep/a.pbpo");
        assert_eq!(way(".", "m.pbpo"), "./m.pbpo");
        assert_eq!(way("../x", "../lib.pbpo"), "../lib.pbpo");
        assert_eq!(way("/a/b", "/a/c/d.pbpo"), "../c/d.pbpo");
    }
}
