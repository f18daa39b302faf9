//! The parts of a saved state, by the digest of their contents.
//!
//! Whatever is large is a part of its own: a tensor, a tokenizer, a chunk of labelled pairs. Equal contents are one
//! part, so that values which share memory share it again after loading, and a part that is on the disk already need
//! not be written again.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use pbpo_plan::ValueName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::error::Fault;
use crate::oracle::Oracle;

/// The blake3 digest of a part's contents.
pub type Digest = [u8; 32];

/// A value that can be written and read back bit for bit.
pub trait Stored: Sized {
    /// Its serialised form; large parts of it are put aside.
    type Record: Serialize + DeserializeOwned;

    fn save(&self, parts: &mut Parts<'_>) -> Result<Self::Record, Fault>;

    fn load(record: Self::Record, from: &Reader<'_>) -> Result<Self, Fault>;
}

/// The parts of a state that is being saved.
pub struct Parts<'v> {
    pub(super) parts: BTreeMap<Digest, Vec<u8>>,
    /// The digests of shared values, by their addresses.
    known: HashMap<usize, Digest>,
    /// The data of the plan, by the names of their values. They are made anew from their sources.
    data: Vec<(&'v ValueName, &'v Arc<Data>)>,
}

impl<'v> Parts<'v> {
    pub(super) fn new(data: Vec<(&'v ValueName, &'v Arc<Data>)>) -> Self {
        Self { parts: BTreeMap::new(), known: HashMap::new(), data }
    }

    /// Puts a part aside.
    pub fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = *blake3::hash(&bytes).as_bytes();
        self.parts.insert(digest, bytes);
        digest
    }

    /// Puts a shared value aside, once.
    pub fn shared<T: Stored + 'static>(&mut self, value: &Arc<T>) -> Result<Digest, Fault> {
        let address = Arc::as_ptr(value).cast::<()>() as usize;
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let record = T::save(value, self)?;
        let digest = self.put(encode(&record)?);
        self.known.insert(address, digest);
        Ok(digest)
    }

    /// Returns the name of the value that data are.
    pub fn data(&self, data: &Arc<Data>) -> Result<ValueName, Fault> {
        let found = self.data.iter().find(|(_, known)| Arc::ptr_eq(known, data));
        found.map(|(name, _)| (*name).clone()).ok_or_else(|| {
            Fault::new(format!("the data `{}` are no value of the run, so that its state can't be saved", data.name))
        })
    }
}

/// The parts of a state that is being loaded, with what they refer to.
pub struct Reader<'s> {
    parts: &'s BTreeMap<Digest, Vec<u8>>,
    /// The plain device, without autodiff.
    pub device: &'s Device,
    pub(super) data: HashMap<ValueName, Arc<Data>>,
    pub(super) oracles: HashMap<ValueName, Arc<Oracle>>,
    /// The values that have been read, so that what was shared is shared again.
    known: RefCell<HashMap<Digest, Vec<Box<dyn Any>>>>,
}

impl<'s> Reader<'s> {
    /// Makes a reader of parts, each of which must have its digest.
    pub(super) fn new(parts: &'s BTreeMap<Digest, Vec<u8>>, device: &'s Device) -> Result<Self, Fault> {
        match parts.iter().find(|(digest, part)| blake3::hash(part).as_bytes() != *digest) {
            Some((digest, _)) => Err(Fault::new(format!("the state's part {} is damaged", hex(digest)))),
            None => {
                let (data, oracles, known) = (HashMap::new(), HashMap::new(), RefCell::default());
                Ok(Self { parts, device, data, oracles, known })
            }
        }
    }

    /// Returns the bytes of a part.
    pub fn part(&self, digest: &Digest) -> Result<&'s [u8], Fault> {
        let part = self.parts.get(digest).map(Vec::as_slice);
        part.ok_or_else(|| Fault::new(format!("the state lacks its part {}", hex(digest))))
    }

    /// Returns the value of this type that a key stands for; reads it the first time.
    fn once<T: Clone + 'static>(&self, key: Digest, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let find = |known: &[Box<dyn Any>]| known.iter().find_map(|value| value.downcast_ref::<T>().cloned());
        if let Some(value) = self.known.borrow().get(&key).and_then(|known| find(known)) {
            return Ok(value);
        }
        let value = read()?;
        self.known.borrow_mut().entry(key).or_default().push(Box::new(value.clone()));
        Ok(value)
    }

    /// Returns a shared value.
    pub fn shared<T: Stored + 'static>(&self, digest: &Digest) -> Result<Arc<T>, Fault> {
        self.once(*digest, || Ok(Arc::new(T::load(decode(self.part(digest)?)?, self)?)))
    }

    /// Makes an existing value the one that a part stands for.
    pub(super) fn adopt<T: Stored + 'static>(&self, value: &Arc<T>) -> Result<(), Fault> {
        let digest = Parts::new(Vec::new()).shared(value)?;
        self.known.borrow_mut().entry(digest).or_default().push(Box::new(value.clone()));
        Ok(())
    }

    /// Returns the data of a value.
    pub fn data(&self, name: &ValueName) -> Result<Arc<Data>, Fault> {
        let found = self.data.get(name).cloned();
        found.ok_or_else(|| Fault::new(format!("the state reads the data `{name}`, which the plan does not make")))
    }

    /// Returns the oracle of a value.
    pub fn oracle(&self, name: &ValueName) -> Result<Arc<Oracle>, Fault> {
        let found = self.oracles.get(name).cloned();
        found.ok_or_else(|| Fault::new(format!("the state has an oracle `{name}`, which the plan does not make")))
    }
}

fn hex(digest: &Digest) -> String {
    blake3::Hash::from(*digest).to_hex().to_string()
}

/// Returns the bytes of a record. CBOR keeps every bit of a float, infinities included.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    ciborium::into_writer(record, &mut bytes).map_err(|e| Fault::new(format!("the state can't be written: {e}")))?;
    Ok(bytes)
}

/// Returns the record of bytes. An unknown field is an error, and so is a missing one.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    ciborium::from_reader(bytes).map_err(|e| Fault::new(format!("the state can't be read: {e}")))
}

/// A tensor of floats, in the format in which it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorRecord {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Digest,
}

impl<const D: usize> Stored for Tensor<D> {
    type Record = TensorRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<TensorRecord, Fault> {
        let data = self.to_data();
        let (dtype, shape) = (data.dtype(), self.dims().to_vec());
        Ok(TensorRecord { dtype, shape, bytes: parts.put(data.as_bytes().to_vec()) })
    }

    fn load(record: TensorRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        // The same bytes are another tensor in another shape or format.
        let key = *blake3::hash(&encode(&record)?).as_bytes();
        let TensorRecord { dtype, shape, bytes } = record;
        if shape.len() != D {
            return Err(Fault::new(format!("the state has a tensor of {} axes in the place of {D}", shape.len())));
        }
        from.once(key, || {
            let data = TensorData::try_from_bytes_vec(from.part(&bytes)?.to_vec(), shape, dtype);
            let data = data.map_err(|e| Fault::new(format!("the state has a tensor that can't be read: {e}")))?;
            Ok(Tensor::from_data(data, (from.device, dtype)))
        })
    }
}

/// A parameter of a model. The optimizer knows it by its id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamRecord {
    id: u64,
    /// True if steps change it.
    trained: bool,
    tensor: TensorRecord,
}

impl<const D: usize> Stored for Param<Tensor<D>> {
    type Record = ParamRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<ParamRecord, Fault> {
        // A plain parameter tells only as a tracked copy if it is trained.
        let trained = Module::train(self.clone()).val().is_require_grad();
        Ok(ParamRecord { id: self.id.val(), trained, tensor: self.val().save(parts)? })
    }

    fn load(record: ParamRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        let ParamRecord { id, trained, tensor } = record;
        Ok(Param::initialized(ParamId::from(id), Tensor::load(tensor, from)?).set_require_grad(trained))
    }
}

/// Implements [`Stored`] for a struct, with a record of the same fields: first those that are stored themselves, then
/// those that are copied. It takes the struct apart, so that a field more does not compile until it is here.
macro_rules! stored {
    ($type:ident as $record:ident { $($stored:ident: $form:ty,)* } $({ $($copied:ident: $own:ty,)* })?) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $record {
            $($stored: <$form as $crate::state::Stored>::Record,)*
            $($($copied: $own,)*)?
        }

        impl $crate::state::Stored for $type {
            type Record = $record;

            fn save(&self, parts: &mut $crate::state::Parts<'_>) -> Result<$record, $crate::Fault> {
                let Self { $($stored,)* $($($copied,)*)? } = self;
                $(let $stored = $crate::state::Stored::save($stored, parts)?;)*
                let _ = parts;
                Ok($record { $($stored,)* $($($copied: $copied.clone(),)*)? })
            }

            fn load(record: $record, from: &$crate::state::Reader<'_>) -> Result<Self, $crate::Fault> {
                let $record { $($stored,)* $($($copied,)*)? } = record;
                $(let $stored = <$form as $crate::state::Stored>::load($stored, from)?;)*
                let _ = from;
                Ok(Self { $($stored,)* $($($copied,)*)? })
            }
        }
    };
}
pub(crate) use stored;

/// Implements [`Stored`] for an enum whose variants have one stored part, or none.
macro_rules! stored_enum {
    ($type:ident as $record:ident { $($with:ident($form:ty)),* } { $($without:ident),* }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $record {
            $($with(<$form as $crate::state::Stored>::Record),)*
            $($without,)*
        }

        impl $crate::state::Stored for $type {
            type Record = $record;

            fn save(&self, parts: &mut $crate::state::Parts<'_>) -> Result<$record, $crate::Fault> {
                Ok(match self {
                    $($type::$with(part) => $record::$with(<$form as $crate::state::Stored>::save(part, parts)?),)*
                    $($type::$without => $record::$without,)*
                })
            }

            fn load(record: $record, from: &$crate::state::Reader<'_>) -> Result<Self, $crate::Fault> {
                Ok(match record {
                    $($record::$with(part) => $type::$with(<$form as $crate::state::Stored>::load(part, from)?),)*
                    $($record::$without => $type::$without,)*
                })
            }
        }
    };
}
pub(crate) use stored_enum;

/// Implements [`Stored`] for types whose serialised form is the value itself.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl $crate::state::Stored for $type {
            type Record = $type;

            fn save(&self, _: &mut $crate::state::Parts<'_>) -> Result<$type, $crate::Fault> {
                Ok(self.clone())
            }

            fn load(record: $type, _: &$crate::state::Reader<'_>) -> Result<Self, $crate::Fault> {
                Ok(record)
            }
        }
    )*};
}
pub(crate) use plain;

/// A shared value is a part of its own.
impl<T: Stored + 'static> Stored for Arc<T> {
    type Record = Digest;

    fn save(&self, parts: &mut Parts<'_>) -> Result<Digest, Fault> {
        parts.shared(self)
    }

    fn load(record: Digest, from: &Reader<'_>) -> Result<Self, Fault> {
        from.shared(&record)
    }
}

/// A value in a box is stored as it is.
impl<T: Stored> Stored for Box<T> {
    type Record = T::Record;

    fn save(&self, parts: &mut Parts<'_>) -> Result<Self::Record, Fault> {
        T::save(self, parts)
    }

    fn load(record: Self::Record, from: &Reader<'_>) -> Result<Self, Fault> {
        Ok(Box::new(T::load(record, from)?))
    }
}

impl<T: Stored> Stored for Option<T> {
    type Record = Option<T::Record>;

    fn save(&self, parts: &mut Parts<'_>) -> Result<Self::Record, Fault> {
        self.as_ref().map(|value| value.save(parts)).transpose()
    }

    fn load(record: Self::Record, from: &Reader<'_>) -> Result<Self, Fault> {
        record.map(|record| T::load(record, from)).transpose()
    }
}

impl<T: Stored> Stored for Vec<T> {
    type Record = Vec<T::Record>;

    fn save(&self, parts: &mut Parts<'_>) -> Result<Self::Record, Fault> {
        self.iter().map(|value| value.save(parts)).collect()
    }

    fn load(record: Self::Record, from: &Reader<'_>) -> Result<Self, Fault> {
        record.into_iter().map(|record| T::load(record, from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equal bytes are one part, and still two tensors.
    #[test]
    fn tensors_of_equal_bytes_keep_their_shapes() {
        let device = Device::flex();
        let (wide, tall) = (Tensor::<2>::zeros([2, 3], &device), Tensor::<2>::zeros([3, 2], &device));
        let mut parts = Parts::new(Vec::new());
        let records = [wide.save(&mut parts).unwrap(), tall.save(&mut parts).unwrap()];
        assert_eq!(parts.parts.len(), 1);
        let reader = Reader::new(&parts.parts, &device).unwrap();
        let dims = records.map(|record| Tensor::<2>::load(record, &reader).unwrap().dims());
        assert_eq!(dims, [[2, 3], [3, 2]]);
    }
}
