//! Writes the fuzzer's first inputs: `corpus/TARGET/` from the fixtures, the pipelines, the library and the examples of
//! the codes, and `pbpo.dict` from the words of the grammar, the library and the schema.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use pbpo_compiler::schema::{Kind, blocks, functions, ops, tasks};

const TARGETS: [&str; 4] = ["parse", "fmt", "check", "plan"];
const FOLDERS: [&str; 7] = [
    "tests/fixtures/good",
    "tests/fixtures/plans",
    "tests/fixtures/errors",
    "tests/fixtures/plans/lib",
    "tests/fixtures/errors/lib",
    "pipelines",
    "stdlib",
];

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("..");
    let mut texts = Vec::new();
    for folder in FOLDERS {
        texts.extend(files(&root.join(folder), "pbpo")?.into_iter().map(|text| text.into_bytes()));
    }
    let prelude = fs::read_to_string(root.join("docs/codes/prelude.pbpo"))?;
    for page in files(&root.join("docs/codes"), "md")? {
        let examples = page.split("```pbpo\n").skip(1).filter_map(|part| part.split_once("```"));
        texts.extend(examples.map(|(example, _)| match example.starts_with("pbpo ") {
            true => example.as_bytes().to_vec(),
            false => format!("{prelude}\n{example}").into_bytes(),
        }));
    }
    for target in TARGETS {
        let folder = here.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, text) in texts.iter().enumerate() {
            fs::write(folder.join(format!("seed{number:03}.pbpo")), text)?;
        }
    }
    let grammar = fs::read_to_string(root.join("grammar/src/pbpo.pest"))?;
    let lines: Vec<String> = words(&grammar).into_iter().map(|word| format!("\"{word}\"\n")).collect();
    fs::write(here.join("pbpo.dict"), lines.concat())?;
    println!("{} texts, {} words", texts.len(), lines.len());
    Ok(())
}

/// Returns the files of a folder with an extension, by name.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<String>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths.iter().map(fs::read_to_string).collect()
}

/// Returns the quoted words of the grammar, and all built-in names.
fn words(grammar: &str) -> BTreeSet<String> {
    let rules = grammar.lines().filter(|line| !line.starts_with("//"));
    let literals = rules.flat_map(|line| line.split('"').skip(1).step_by(2));
    let plain = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let mut words: BTreeSet<String> = literals.filter(plain).map(str::to_owned).collect();
    for kind in Kind::ALL {
        words.extend(blocks::fields(kind).iter().map(|field| field.name.to_owned()));
    }
    words.extend(ops::all().iter().map(|op| op.name.to_owned()));
    words.extend(functions::all().iter().map(|function| function.name.to_owned()));
    words.extend(tasks().iter().map(|task| task.name.to_owned()));
    words
}
