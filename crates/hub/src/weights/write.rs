//! Writes weights as transformers names them: one file, or numbered shards and an index.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{INDEX, SINGLE};
use crate::{Dtype, Error, files};

/// A name and a shape.
type Tensor = (String, Vec<usize>);

/// Writes tensors in the given order into `dir`, in shards of at most `max_shard_bytes` of numbers each (a larger
/// tensor gets its own shard). `data` gives a tensor's numbers in row-major order; it is called once for each, in
/// order, so that one tensor is in memory at a time. Each file is written atomically; the index comes last.
///
/// Errors: weights of another layout exist in `dir`; a number is not finite in `dtype`; the disk is full.
pub fn write(
    dir: &Path,
    tensors: &[Tensor],
    mut data: impl FnMut(&str) -> Result<Vec<f32>, Error>,
    dtype: Dtype,
    max_shard_bytes: u64,
) -> Result<(), Error> {
    let shards = split(tensors, dtype, max_shard_bytes);
    let name = |at: usize| match shards.len() {
        1 => SINGLE.to_owned(),
        count => format!("model-{:05}-of-{count:05}.safetensors", at + 1),
    };
    let mut names: Vec<String> = (0..shards.len()).map(name).collect();
    if shards.len() > 1 {
        names.push(INDEX.to_owned());
    }
    refuse_others(dir, &names)?;
    for (shard, name) in shards.iter().zip(&names) {
        write_file(&dir.join(name), shard, &mut data, dtype)?;
    }
    if shards.len() > 1 {
        files::write_json(&dir.join(INDEX), &index(&shards, &names, dtype))?;
    }
    Ok(())
}

/// Writes tensors into one file, as `write` does.
pub(crate) fn write_file(
    file: &Path,
    tensors: &[Tensor],
    data: &mut impl FnMut(&str) -> Result<Vec<f32>, Error>,
    dtype: Dtype,
) -> Result<(), Error> {
    files::write_atomic(file, |writer| {
        let failed = |error: std::io::Error| Error::io(file, "write", &error);
        let header = header(tensors, dtype);
        writer.write_all(&(header.len() as u64).to_le_bytes()).map_err(failed)?;
        writer.write_all(header.as_bytes()).map_err(failed)?;
        for (name, shape) in tensors {
            let values = data(name)?;
            if values.len() != count(shape) {
                let message = format!("tensor `{name}` has {} numbers, its shape {shape:?} wants others", values.len());
                return Err(Error::at(file, message));
            }
            write_values(writer, &values, dtype, failed)?
                .map_or(Ok(()), |value| Err(not_finite(file, name, value, dtype)))?;
        }
        Ok(())
    })
}

/// Writes numbers. Returns the first that is not finite in `dtype`.
fn write_values(
    writer: &mut dyn Write,
    values: &[f32],
    dtype: Dtype,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<Option<f32>, Error> {
    let (mut bytes, mut stored) = (Vec::new(), Vec::new());
    for part in values.chunks(1 << 18) {
        bytes.clear();
        stored.clear();
        dtype.encode(part, &mut bytes);
        dtype.decode(&bytes, &mut stored);
        if let Some(at) = stored.iter().position(|value| !value.is_finite()) {
            return Ok(Some(part[at]));
        }
        writer.write_all(&bytes).map_err(&failed)?;
    }
    Ok(None)
}

fn not_finite(file: &Path, name: &str, value: f32, dtype: Dtype) -> Error {
    let error = Error::at(file, format!("not written: tensor `{name}` holds {value}, not finite in {dtype}"));
    if value.is_finite() { error.help("write bfloat16 or float32, which hold larger numbers") } else { error }
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn bytes(tensors: &[Tensor], dtype: Dtype) -> u64 {
    tensors.iter().map(|(_, shape)| (count(shape) * dtype.size()) as u64).sum()
}

/// Splits tensors into consecutive groups, as few as fit; at least one, even without tensors.
fn split(tensors: &[Tensor], dtype: Dtype, most: u64) -> Vec<&[Tensor]> {
    let mut shards = Vec::new();
    let mut first = 0;
    for at in 1..tensors.len() {
        if bytes(&tensors[first..=at], dtype) > most {
            shards.push(&tensors[first..at]);
            first = at;
        }
    }
    shards.push(&tensors[first..]);
    shards
}

/// Returns the JSON header, padded with spaces so that the numbers begin at a multiple of 8 bytes.
fn header(tensors: &[Tensor], dtype: Dtype) -> String {
    let mut map = Map::new();
    map.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + count(shape) * dtype.size();
        map.insert(name.clone(), json!({ "dtype": dtype.safetensors(), "shape": shape, "data_offsets": [start, end] }));
        start = end;
    }
    let mut text = Value::Object(map).to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    text
}

fn index(shards: &[&[Tensor]], names: &[String], dtype: Dtype) -> Value {
    let all = || shards.iter().zip(names).flat_map(|(shard, name)| shard.iter().map(move |tensor| (tensor, name)));
    let parameters: usize = all().map(|((_, shape), _)| count(shape)).sum();
    let size: u64 = shards.iter().map(|shard| bytes(shard, dtype)).sum();
    let map: BTreeMap<&String, &String> = all().map(|((tensor, _), name)| (tensor, name)).collect();
    json!({ "metadata": { "total_parameters": parameters, "total_size": size }, "weight_map": map })
}

/// Refuses a directory whose weights would be read instead of, or beside, the ones to write.
fn refuse_others(dir: &Path, names: &[String]) -> Result<(), Error> {
    let weights = |name: &String| {
        name == SINGLE || name == INDEX || (name.starts_with("model-") && name.ends_with(".safetensors"))
    };
    let found = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let found = found.map(|entry| entry.file_name().to_string_lossy().into_owned());
    match found.filter(|name| weights(name) && !names.contains(name)).min() {
        Some(name) => Err(Error::at(&dir.join(name), "another model's weights are in the directory to write to")
            .help("write to an empty directory")),
        None => Ok(()),
    }
}
