//! Where a run takes place: the device, and the directories that its files are looked for and kept in.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

/// The place of a run.
#[derive(Clone, Debug)]
pub struct Host {
    /// Plain (without autodiff).
    pub device: Device,
    /// What paths of the plan are relative to: the directory of the .pbpo file.
    pub base: PathBuf,
    /// Where answers of judges are kept from one run to the next; nowhere, in memory alone, where it is not said.
    pub answers: Option<PathBuf>,
}

impl Host {
    /// A path of the plan.
    pub fn path(&self, path: &str) -> PathBuf {
        self.base.join(Path::new(path))
    }
}

impl From<&Device> for Host {
    fn from(device: &Device) -> Self {
        Self { device: device.clone(), base: PathBuf::from("."), answers: None }
    }
}
