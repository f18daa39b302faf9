//! Chooses the device at run time: the CPU, or an NVIDIA GPU where the binary and the machine have one.

pub use burn::tensor::Device;

use crate::error::Fault;

/// What `--device` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first GPU if there is one, else the CPU.
    Auto,
    Cpu,
    Cuda(usize),
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Choice::Auto),
            "cpu" => Ok(Choice::Cpu),
            "cuda" => Ok(Choice::Cuda(0)),
            _ => match text.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(index)) => Ok(Choice::Cuda(index)),
                _ => Err("expected auto, cpu, cuda or cuda:N".into()),
            },
        }
    }
}

/// Was this binary built with the `cuda` feature?
pub const HAS_CUDA: bool = cfg!(feature = "cuda");

/// How many NVIDIA GPUs this binary can use here. Enumerating is the safe way to ask: opening a device
/// that is not there panics in Burn.
pub fn cuda_devices() -> usize {
    #[cfg(feature = "cuda")]
    {
        use burn::tensor::DeviceType;
        keep_kernels();
        Device::enumerate(DeviceType::Cuda).into_vec().len()
    }
    #[cfg(not(feature = "cuda"))]
    {
        0
    }
}

/// Kernels that were compiled, and what tuning found, are kept in the user's cache directory from one run to the next; a
/// `cubecl.toml` may name another place. To be said before Burn looks for a device.
#[cfg(feature = "cuda")]
fn keep_kernels() {
    use cubecl_runtime::config::cache::CacheConfig;
    use cubecl_runtime::config::{CubeClRuntimeConfig, RuntimeConfig};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.compilation.cache = true;
        if matches!(config.environment.path, CacheConfig::Target) {
            config.environment.path = CacheConfig::Global;
        }
        CubeClRuntimeConfig::try_set(config);
    });
}

/// The device of a choice and its name.
pub fn open(choice: Choice) -> Result<(Device, String), Fault> {
    let gpus = if choice == Choice::Cpu { 0 } else { cuda_devices() };
    match choice {
        Choice::Cuda(_) if !HAS_CUDA => Err(Fault::new("this binary was built without CUDA")
            .help("build with `cargo build --release --features cuda`, or use --device cpu")),
        Choice::Cuda(_) if gpus == 0 => Err(Fault::new("no NVIDIA GPU was found on this machine")
            .help("check the driver with `nvidia-smi`, or use --device cpu")),
        Choice::Cuda(index) if index >= gpus => Err(Fault::new(format!("there is no GPU {index} on this machine"))
            .help(format!("use --device cuda:0 to cuda:{}", gpus - 1))),
        Choice::Cuda(index) => Ok(gpu(index)),
        Choice::Auto if gpus > 0 => Ok(gpu(0)),
        Choice::Auto | Choice::Cpu => Ok((Device::flex(), "cpu".into())),
    }
}

#[cfg(feature = "cuda")]
fn gpu(index: usize) -> (Device, String) {
    (Device::cuda(index), format!("cuda:{index}"))
}

#[cfg(not(feature = "cuda"))]
fn gpu(_: usize) -> (Device, String) {
    (Device::flex(), "cpu".into())
}

/// Whether tensors of a device are in the CPU's own memory.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Threads that CPU work uses.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Limits CPU work to this many threads; call it before any other work. Results do not depend on it.
pub fn use_threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        // Fails only where the pool was built already; then the limit came too late to matter.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
}
