//! The environment of a run: the device, and the directories of its files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use burn::tensor::Device;
pub use pbpo_judge::SendKey;
use pbpo_judge::Store;

use crate::error::Fault;

/// The environment of a run.
#[derive(Clone)]
pub struct Host {
    /// The plain device, without autodiff.
    pub device: Device,
    /// The directory of the .pbpo file, to which paths of the plan are relative.
    pub base: PathBuf,
    /// The file in which answers of judges are kept between runs; `None` keeps them only in memory.
    pub answers: Option<PathBuf>,
    /// The keys that may be sent and their hosts, from the command line.
    pub send_keys: Vec<SendKey>,
    /// The store of answers, opened by the first judge; all judges of all points share it.
    store: Arc<Mutex<Option<Arc<Store>>>>,
}

impl Host {
    /// Makes a host from a device and the directory to which paths are relative.
    pub fn new(device: Device, base: PathBuf, answers: Option<PathBuf>) -> Self {
        Self { device, base, answers, send_keys: Vec::new(), store: Arc::default() }
    }

    /// Returns the store of answers.
    pub fn store(&self) -> Result<Arc<Store>, Fault> {
        let mut store = self.store.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(store) = store.as_ref() {
            return Ok(store.clone());
        }
        let opened = match &self.answers {
            Some(path) => Store::open(path)?,
            None => Store::in_memory(),
        };
        Ok(store.insert(Arc::new(opened)).clone())
    }

    /// Resolves a path of the plan.
    pub fn path(&self, path: &str) -> PathBuf {
        self.base.join(Path::new(path))
    }
}

impl From<&Device> for Host {
    fn from(device: &Device) -> Self {
        Self::new(device.clone(), PathBuf::from("."), None)
    }
}
