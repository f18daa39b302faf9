//! The header of a safetensors file: 8 bytes of length, JSON, then the numbers without gaps.

use std::io::Read;
use std::path::Path;

use pbpo_outside::file;
use safetensors::tensor::Metadata;

use crate::{Dtype, Error, quoted};

/// The longest header that the format allows, in bytes.
const LONGEST: u64 = 100_000_000;

/// Name, format, shape, and first byte from the start of the file.
type Tensors = Vec<(String, (Dtype, Vec<usize>, u64))>;

/// Returns the tensors of a file, sorted by name, checked to fill it exactly.
pub(super) fn read(path: &Path) -> Result<Tensors, Error> {
    let failed = |error: &std::io::Error| Error::io(path, "read", error);
    // The file's length is checked against the header, which has its own limit.
    let mut file = file::open(path, u64::MAX).map_err(|refused| Error::refused(path, &refused))?;
    let found = file.metadata().map_err(|error| failed(&error))?.len();
    if found < 8 {
        return Err(truncated(path, 8, found));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|error| failed(&error))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        return Err(Error::at(path, format!("not a safetensors file: it claims a header of {length} bytes")));
    }
    if 8 + length > found {
        return Err(truncated(path, 8 + length, found));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(|error| failed(&error))?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| Error::at(path, format!("bad safetensors header: {error}")))?;
    let wanted = 8 + length + metadata.data_len() as u64;
    if wanted > found {
        return Err(truncated(path, wanted, found));
    }
    if wanted < found {
        let message = format!("{found} bytes, of which the header accounts for only {wanted}");
        return Err(Error::at(path, message).help("fetch or copy the file again"));
    }
    tensors(path, &metadata, 8 + length)
}

fn tensors(path: &Path, metadata: &Metadata, data: u64) -> Result<Tensors, Error> {
    let mut tensors = Vec::new();
    for (name, info) in metadata.tensors() {
        let stored = format!("{:?}", info.dtype);
        let Some(dtype) = Dtype::from_safetensors(&stored) else {
            // Older checkpoints keep whole-number buffers that are not needed.
            if is_buffer(&name) {
                continue;
            }
            return Err(Error::at(
                path,
                format!("tensor `{}` is {stored}; only F32, BF16 and F16 are supported", quoted(&name)),
            ));
        };
        tensors.push((name, (dtype, info.shape.clone(), data + info.data_offsets.0 as u64)));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(tensors)
}

/// Tells whether a tensor is one that old versions of transformers saved besides weights.
fn is_buffer(name: &str) -> bool {
    [".position_ids", ".masked_bias", ".attn.bias"].iter().any(|end| name.ends_with(end))
}

fn truncated(path: &Path, wanted: u64, found: u64) -> Error {
    Error::at(path, format!("truncated: {wanted} bytes wanted, {found} found")).help("fetch or copy the file again")
}
