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

/// Bytes that are free on a device of this name (`cpu`, `cuda:N`), where the system tells: on Linux what processes may
/// still take, within the limit of the control group; of a GPU what `nvidia-smi` says.
pub fn free_memory(name: &str) -> Option<u64> {
    match name.strip_prefix("cuda:") {
        Some(index) => gpu_memory(index.parse().ok()?),
        None => {
            let available = kibibytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
            Some(group_memory().map_or(available, |group| group.min(available)))
        }
    }
}

/// The field of a line `Name:   1234 kB`, in bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// What the control group of this process (version 2 or 1) still allows, files in its cache aside; nothing where it sets
/// no limit.
fn group_memory() -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let of = |limit: &str, used: &str, stat: &str, prefix: &str| {
        let stat = read(stat)?;
        let cached = |kind: &str| {
            let field = format!("{prefix}{kind}_file ");
            stat.lines().find_map(|line| line.strip_prefix(&field)?.parse::<u64>().ok()).unwrap_or(0)
        };
        let used = number(used)?.saturating_sub(cached("active") + cached("inactive"));
        Some(number(limit)?.saturating_sub(used))
    };
    of("memory.max", "memory.current", "memory.stat", "")
        .or_else(|| of("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_"))
}

/// Of a GPU by its number among those that this process may use.
fn gpu_memory(index: usize) -> Option<u64> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    let names: Vec<&str> =
        visible.as_deref().map(|names| names.split(',').map(str::trim).collect()).unwrap_or_default();
    let own = index.to_string();
    let id = names.get(index).copied().filter(|name| !name.is_empty()).unwrap_or(&own);
    let asked = std::process::Command::new("nvidia-smi")
        .args(["--query-gpu=memory.free", "--format=csv,noheader,nounits", "--id", id])
        .output()
        .ok()
        .filter(|asked| asked.status.success())?;
    Some(String::from_utf8(asked.stdout).ok()?.trim().parse::<u64>().ok()? << 20)
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
