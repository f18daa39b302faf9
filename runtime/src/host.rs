//! Where a run takes place: the device, and the directories that its files are looked for and kept in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use burn::tensor::Device;
pub use pbpo_judge::SendKey;
use pbpo_judge::Store;

use crate::error::Fault;

/// The place of a run.
#[derive(Clone)]
pub struct Host {
    /// Plain (without autodiff).
    pub device: Device,
    /// What paths of the plan are relative to: the directory of the .pbpo file.
    pub base: PathBuf,
    /// Where answers of judges are kept from one run to the next; nowhere, in memory alone, where it is not said.
    pub answers: Option<PathBuf>,
    /// Which key may go to which host, by the command line.
    pub send_keys: Vec<SendKey>,
    /// The store of answers, once a judge has asked for it: all judges of all points share it.
    store: Arc<Mutex<Option<Arc<Store>>>>,
}

impl Host {
    /// The place of a device and of the directory that paths begin at.
    pub fn new(device: Device, base: PathBuf, answers: Option<PathBuf>) -> Self {
        Self { device, base, answers, send_keys: Vec::new(), store: Arc::default() }
    }

    /// The store of answers.
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

    /// A path of the plan.
    pub fn path(&self, path: &str) -> PathBuf {
        self.base.join(Path::new(path))
    }
}

impl From<&Device> for Host {
    fn from(device: &Device) -> Self {
        Self::new(device.clone(), PathBuf::from("."), None)
    }
}
