//! Weights in safetensors files: one file or shards with an index. Everything except the numbers is checked on opening;
//! each tensor is then read by itself, from its place in its file.

mod header;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pbpo_outside::file::{self, limit};
use serde_json::Value;

use crate::cache::is_file_name;
use crate::{Dtype, Error, files, quoted};
pub use write::write;
pub(crate) use write::write_file;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Tensors by name, on disk.
#[derive(Clone, Debug)]
pub struct Weights {
    files: Vec<PathBuf>,
    tensors: BTreeMap<String, Place>,
}

/// The place of a tensor's numbers.
#[derive(Clone, Debug)]
struct Place {
    /// The position in `Weights::files`.
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    /// The first byte, from the start of the file.
    start: u64,
}

impl Weights {
    /// Opens the weights of a model directory: `model.safetensors`, or the shards of `model.safetensors.index.json`.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        if dir.join(SINGLE).is_file() {
            return Self::open_file(&dir.join(SINGLE));
        }
        let index = dir.join(INDEX);
        match files::read_own(dir, INDEX, limit::CONFIG)? {
            Some(bytes) => Self::open_shards(dir, &index, &bytes),
            None => Err(no_weights(dir)),
        }
    }

    /// Opens the weights of one file.
    pub fn open_file(file: &Path) -> Result<Self, Error> {
        let mut weights = Self { files: Vec::new(), tensors: BTreeMap::new() };
        weights.add(file)?;
        Ok(weights)
    }

    fn open_shards(dir: &Path, index: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let map = files::json_object(index, bytes)?;
        let Some(Value::Object(map)) = map.get("weight_map") else {
            return Err(Error::at(index, "no `weight_map`, an object of tensor names and files"));
        };
        let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, shard) in map {
            match shard.as_str().filter(|shard| is_file_name(shard)) {
                Some(shard) => wanted.entry(shard).or_default().push(name),
                None => {
                    let message = format!(
                        "`weight_map` puts `{}` into {}, which is no file of this directory",
                        quoted(name),
                        quoted(&shard.to_string())
                    );
                    return Err(Error::at(index, message));
                }
            }
        }
        let mut weights = Self { files: Vec::new(), tensors: BTreeMap::new() };
        let missing: Vec<&str> = wanted.keys().copied().filter(|shard| !dir.join(shard).is_file()).collect();
        if !missing.is_empty() {
            let message = format!("{} of {} shards are missing: {}", missing.len(), wanted.len(), missing.join(", "));
            return Err(Error::at(index, message).help("fetch or copy the whole checkpoint again"));
        }
        for (shard, names) in wanted {
            weights.add(&dir.join(shard))?;
            let here = weights.files.len() - 1;
            if let Some(name) = names.into_iter().find(|name| weights.tensors.get(*name).is_none_or(|t| t.file != here))
            {
                return Err(Error::at(
                    index,
                    format!("`{}` should be in {shard}, which does not have it", quoted(name)),
                ));
            }
        }
        match weights.tensors.keys().find(|name| !map.contains_key(*name)) {
            Some(name) => {
                Err(Error::at(index, format!("`weight_map` does not name `{}`, which a shard has", quoted(name))))
            }
            None => Ok(weights),
        }
    }

    /// Adds a file's tensors, after checking its header against its length.
    fn add(&mut self, file: &Path) -> Result<(), Error> {
        for (name, (dtype, shape, start)) in header::read(file)? {
            let place = Place { file: self.files.len(), dtype, shape, start };
            if let Some(other) = self.tensors.insert(name.clone(), place) {
                let other = self.files[other.file].display();
                return Err(Error::at(file, format!("tensor `{}` is also in {other}", quoted(&name))));
            }
        }
        self.files.push(file.to_owned());
        Ok(())
    }

    /// Returns the names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns the files, in the order of their names.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|place| place.shape.as_slice())
    }

    /// Returns the format that a tensor is stored in.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.tensors.get(name).map(|place| place.dtype)
    }

    /// Returns the numbers of a tensor in row-major order. A missing tensor, or a NaN or infinite number in it, is an
    /// error.
    pub fn f32(&self, name: &str) -> Result<Vec<f32>, Error> {
        let Some(place) = self.tensors.get(name) else {
            let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
            return Err(Error::new(format!("no tensor `{name}` in {}", files.join(", "))));
        };
        let file = &self.files[place.file];
        let values = place.read(file)?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(at) => {
                let message = format!("tensor `{name}` is {} at {:?}", values[at], coordinates(at, &place.shape));
                Err(Error::at(file, message).help("the checkpoint is damaged: fetch it again or use an earlier one"))
            }
        }
    }

    /// Tells whether two existing tensors have the same shape and numbers; stops reading at the first difference.
    pub fn same(&self, a: &str, b: &str) -> Result<bool, Error> {
        let (Some(a), Some(b)) = (self.tensors.get(a), self.tensors.get(b)) else { return Ok(false) };
        if a.shape != b.shape {
            return Ok(false);
        }
        let (mut one, mut two) = (a.parts(&self.files[a.file])?, b.parts(&self.files[b.file])?);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        while one.next_into(&mut x)? && two.next_into(&mut y)? {
            if x != y {
                return Ok(false);
            }
            x.clear();
            y.clear();
        }
        Ok(true)
    }

    /// Returns the blake3 digest in hex of all files joined, as `cat FILES | b3sum` prints it.
    pub fn digest(&self) -> Result<String, Error> {
        files::digest(&self.files)
    }
}

impl Place {
    /// Reads all numbers of the tensor.
    fn read(&self, file: &Path) -> Result<Vec<f32>, Error> {
        let mut values = Vec::with_capacity(self.count());
        let mut parts = self.parts(file)?;
        while parts.next_into(&mut values)? {}
        Ok(values)
    }

    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    fn parts<'a>(&'a self, path: &'a Path) -> Result<Parts<'a>, Error> {
        let mut file = file::open(path, u64::MAX).map_err(|refused| Error::refused(path, &refused))?;
        file.seek(SeekFrom::Start(self.start)).map_err(|error| Error::io(path, "read", &error))?;
        Ok(Parts { path, file, dtype: self.dtype, left: self.count(), buffer: Vec::new() })
    }
}

/// An iterator over the numbers of a tensor, in parts of at most 2^18.
struct Parts<'a> {
    path: &'a Path,
    file: File,
    dtype: Dtype,
    /// The number of values still to be read.
    left: usize,
    buffer: Vec<u8>,
}

impl Parts<'_> {
    /// Adds the next part to `values`. Returns false if there is none.
    fn next_into(&mut self, values: &mut Vec<f32>) -> Result<bool, Error> {
        let part = self.left.min(1 << 18);
        self.buffer.resize(part * self.dtype.size(), 0);
        self.file.read_exact(&mut self.buffer).map_err(|error| Error::io(self.path, "read", &error))?;
        self.dtype.decode(&self.buffer, values);
        self.left -= part;
        Ok(part > 0)
    }
}

/// Returns the coordinates of a number from its position in row-major order.
fn coordinates(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut place: Vec<usize> = Vec::new();
    for size in shape.iter().rev() {
        place.push(at % size);
        at /= size;
    }
    place.reverse();
    place
}

/// Makes the error for a directory without weights that can be read.
fn no_weights(dir: &Path) -> Error {
    let pickle = |name: &String| [".bin", ".pt", ".pth", ".pkl", ".ckpt"].iter().any(|end| name.ends_with(end));
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    if let Some(name) = names.iter().find(|name| pickle(name)) {
        let help = "convert it where you trust it: in Python, \
                    `AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW)` of transformers writes safetensors";
        let message = "is a pickle file, which can run code when it is opened; only safetensors are read";
        return Error::at(&dir.join(name), message).help(help);
    }
    let error = Error::new(format!("no `{SINGLE}` and no `{INDEX}` in {}", dir.display()));
    match names.iter().any(|name| name == "adapter_model.safetensors") {
        true => error.help("this is a PEFT adapter: name its base model as the model, and this as the adapter"),
        false => error.help("name a directory that transformers' `save_pretrained` wrote"),
    }
}
