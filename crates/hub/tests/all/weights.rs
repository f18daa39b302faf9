//! Safetensors in and out: formats, shards, and every way a file can be broken.

use std::path::Path;

use pbpo_hub::weights::{Weights, write};
use pbpo_hub::{Dtype, Error};
use serde_json::json;

use crate::{copy_of, dir_of, fixture, floats, says};

/// A file with a header and a number of bytes after it.
fn file_of(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; data]);
    bytes
}

fn opened(bytes: &[u8]) -> String {
    let dir = dir_of(&[("model.safetensors", bytes)]);
    says(Weights::open(dir.path()), dir.path())
}

#[test]
fn checkpoints_of_transformers_are_read_number_by_number() {
    for (name, wanted) in crate::json("weights.json").as_object().unwrap() {
        let weights = Weights::open(&fixture(name)).unwrap();
        let wanted = wanted.as_object().unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), wanted.keys().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(weights.files().len(), if name == "sharded_bf16" { 3 } else { 1 });
        for (tensor, wanted) in wanted {
            let shape: Vec<usize> = floats(&wanted["shape"]).iter().map(|n| *n as usize).collect();
            assert_eq!(weights.shape(tensor), Some(shape.as_slice()));
            let values = weights.f32(tensor).unwrap();
            assert_eq!(values.len(), shape.iter().product::<usize>());
            let first: Vec<f32> = floats(&wanted["first"]).iter().map(|value| *value as f32).collect();
            assert_eq!(values[..first.len()], first, "{name} {tensor}");
            let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
            assert!((sum - wanted["sum"].as_f64().unwrap()).abs() < 1e-9, "{name} {tensor}");
        }
    }
    let bf16 = Weights::open(&fixture("sharded_bf16")).unwrap();
    assert_eq!(bf16.dtype("lm_head.weight"), Some(Dtype::Bf16));
    assert_eq!(bf16.dtype("none"), None);
    assert!(says(bf16.f32("none"), Path::new("-")).starts_with("no tensor `none` in "));
}

/// Writing what was read gives the same numbers, in files of the same names and sizes as transformers'.
#[test]
fn checkpoints_are_written_as_transformers_writes_them() {
    for (name, dtype, most) in [("sharded_bf16", Dtype::Bf16, 4000), ("single_f16", Dtype::F16, u64::MAX)] {
        let source = Weights::open(&fixture(name)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let tensors: Vec<(String, Vec<usize>)> =
            source.names().map(|name| (name.to_owned(), source.shape(name).unwrap().to_vec())).collect();
        write(dir.path(), &tensors, |name| source.f32(name), dtype, most).unwrap();
        let again = Weights::open(dir.path()).unwrap();
        assert_eq!(again.files().len(), source.files().len());
        for (tensor, shape) in &tensors {
            assert_eq!(again.f32(tensor).unwrap(), source.f32(tensor).unwrap());
            assert_eq!(again.shape(tensor), Some(shape.as_slice()));
            assert_eq!(again.dtype(tensor), Some(dtype));
        }
        let names = |weights: &Weights| -> Vec<_> {
            weights.files().iter().map(|file| file.file_name().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&again), names(&source));
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&again.files()[0]).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o644);
    }
}

#[test]
fn the_index_is_that_of_transformers() {
    let source = Weights::open(&fixture("sharded_bf16")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tensors: Vec<(String, Vec<usize>)> =
        source.names().map(|name| (name.to_owned(), source.shape(name).unwrap().to_vec())).collect();
    write(dir.path(), &tensors, |name| source.f32(name), Dtype::Bf16, 4000).unwrap();
    let index = |dir: &Path| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(dir.join("model.safetensors.index.json")).unwrap()).unwrap()
    };
    let (ours, theirs) = (index(dir.path()), index(&fixture("sharded_bf16")));
    assert_eq!(ours["metadata"], theirs["metadata"]);
    let keys = |index: &serde_json::Value| index["weight_map"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&ours), keys(&theirs));
}

/// The values are those of `b3sum` over the concatenated files, computed another way: by hashing the concatenation.
#[test]
fn the_digest_is_that_of_the_files_bytes() {
    let weights = Weights::open(&fixture("sharded_bf16")).unwrap();
    let all: Vec<u8> = weights.files().iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(weights.digest().unwrap(), blake3::hash(&all).to_hex().to_string());
}

#[test]
fn shards_that_are_missing_or_elsewhere_are_named() {
    let dir = copy_of("sharded_bf16");
    std::fs::remove_file(dir.path().join("model-00002-of-00003.safetensors")).unwrap();
    let message = says(Weights::open(dir.path()), dir.path());
    let wanted = "model.safetensors.index.json: 1 of 3 shards are missing: model-00002-of-00003.safetensors";
    assert!(message.starts_with(wanted), "{message}");

    let outside = dir_of(&[("secret.safetensors", &file_of("{}", 0)), ("model/config.json", b"{}")]);
    let model = outside.path().join("model");
    for path in ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", ".", ""] {
        let index = json!({ "weight_map": { "w": path } }).to_string();
        std::fs::write(model.join("model.safetensors.index.json"), index).unwrap();
        let message = says(Weights::open(&model), &model);
        let wanted = format!("`weight_map` puts `w` into \"{path}\", which is no file of this directory");
        assert!(message.contains(&wanted), "{message}");
    }
}

#[test]
fn an_index_that_does_not_match_its_shards_is_an_error() {
    let shard = file_of(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4);
    let with = |index: serde_json::Value| {
        let dir = dir_of(&[("model.safetensors.index.json", index.to_string().as_bytes()), ("s.safetensors", &shard)]);
        says(Weights::open(dir.path()), dir.path())
    };
    let both = json!({ "a": "s.safetensors", "b": "s.safetensors" });
    let message = with(json!({ "weight_map": both }));
    assert!(message.contains("`b` should be in s.safetensors, which does not have it"), "{message}");
    let message = with(json!({ "weight_map": { "b": "s.safetensors" } }));
    assert!(message.contains("index.json: "), "{message}");
    let message = with(json!({ "metadata": {} }));
    assert!(message.contains("no `weight_map`"), "{message}");
    let message = with(json!({ "weight_map": { "a": 3 } }));
    assert!(message.contains("`weight_map` puts `a` into 3"), "{message}");
}

#[test]
fn files_of_the_wrong_length_say_how_many_bytes_are_wanted() {
    let header = r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    let whole = file_of(header, 24);
    assert!(Weights::open_file(&dir_of(&[("w", &whole)]).path().join("w")).is_ok());
    let wanted = whole.len();
    assert_eq!(
        opened(&whole[..wanted - 5]),
        format!(
            "model.safetensors: truncated: {wanted} bytes wanted, {} found\n  help: fetch or copy the file again",
            wanted - 5
        )
    );
    // Cut within the header, and within the length of the header.
    assert!(opened(&whole[..30]).contains(&format!("truncated: {} bytes wanted, 30 found", 8 + header.len())));
    assert!(opened(&whole[..3]).contains("truncated: 8 bytes wanted, 3 found"));
    assert!(opened(&[]).contains("truncated: 8 bytes wanted, 0 found"));
    assert!(opened(&file_of(header, 30)).contains("of which the header accounts for only"));
    assert!(opened(&[0xff; 40]).contains("not a safetensors file: it claims a header of 18446744073709551615 bytes"));
}

#[test]
fn headers_that_lie_are_refused() {
    for (header, wanted) in [
        ("{", "bad safetensors header"),
        (r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "bad safetensors header"),
        (r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "bad safetensors header"),
        (r#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, "bad safetensors header"),
        (r#"{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#, "tensor `w` is F64; only F32, BF16 and F16"),
    ] {
        let message = opened(&file_of(header, 8));
        assert!(message.starts_with("model.safetensors: ") && message.contains(wanted), "{message}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_named_by_place() {
    for (value, word) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut bytes = file_of(r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#, 24);
        let at = bytes.len() - 8;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let dir = dir_of(&[("model.safetensors", &bytes)]);
        let message = says(Weights::open(dir.path()).unwrap().f32("w"), dir.path());
        assert!(message.starts_with(&format!("model.safetensors: tensor `w` is {word} at [1, 1]")), "{message}");
    }
}

#[test]
fn pickle_files_are_refused() {
    for name in ["pytorch_model.bin", "model.pt", "weights.pkl"] {
        let dir = dir_of(&[(name, b"\x80\x04."), ("config.json", b"{}")]);
        let message = says(Weights::open(dir.path()), dir.path());
        assert!(message.starts_with(&format!("{name}: is a pickle file, which can run code")), "{message}");
        assert!(message.contains("save_pretrained"), "{message}");
    }
    let dir = dir_of(&[]);
    assert!(says(Weights::open(dir.path()), dir.path()).starts_with("no `model.safetensors` and no "));
    let message = says(Weights::open(&fixture("adapter")), Path::new("-"));
    assert!(message.contains("this is a PEFT adapter"), "{message}");
}

#[test]
fn nothing_is_written_when_a_number_does_not_fit() {
    let tensors = [("w".to_owned(), vec![2])];
    for (value, dtype) in [(f32::NAN, Dtype::F32), (1e5, Dtype::F16)] {
        let dir = tempfile::tempdir().unwrap();
        let message = says(write(dir.path(), &tensors, |_| Ok(vec![0.0, value]), dtype, 100), dir.path());
        assert!(message.starts_with("model.safetensors: not written: tensor `w` holds "), "{message}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    let dir = tempfile::tempdir().unwrap();
    let failed = says(write(dir.path(), &tensors, |_| Err(Error::new("lost")), Dtype::F32, 100), dir.path());
    assert_eq!(failed, "lost");
    let message = says(write(dir.path(), &tensors, |_| Ok(vec![0.0]), Dtype::F32, 100), dir.path());
    assert!(message.contains("tensor `w` has 1 numbers"), "{message}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn another_models_weights_are_not_mixed_with_ours() {
    let tensors = [("a".to_owned(), vec![2]), ("b".to_owned(), vec![2])];
    let zeros = |_: &str| Ok(vec![0.0, 0.0]);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &tensors, zeros, Dtype::F32, 8).unwrap();
    // Writing the same layout again is allowed, another is not, because the old shards would be read with it.
    write(dir.path(), &tensors, zeros, Dtype::F32, 8).unwrap();
    let message = says(write(dir.path(), &tensors, zeros, Dtype::F32, 100), dir.path());
    assert!(message.starts_with("model-00001-of-00002.safetensors: another model's weights"), "{message}");
    assert_eq!(Weights::open(dir.path()).unwrap().files().len(), 2);
}
