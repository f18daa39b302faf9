//! Chooses the device at run time: the CPU, or an NVIDIA GPU if the binary supports it and the machine has one.

use std::path::Path;

pub use burn::tensor::Device;

use crate::error::Fault;

/// The value of `--device`.
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

/// True if this binary was built with the `cuda` feature.
pub const HAS_CUDA: bool = cfg!(feature = "cuda");

/// Returns the number of NVIDIA GPUs that this binary can use here. It enumerates them, because opening a device that
/// does not exist panics in Burn.
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

/// Keeps compiled kernels and tuning results in the user's cache directory between runs; a `cubecl.toml` may set
/// another place. Call it before Burn looks for a device.
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

/// Returns the device of a choice and its name.
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

/// Returns the free bytes of a device with this name (`cpu`, `cuda:N`), if known: on Linux the memory that processes
/// can still get, within the limit of the control group; for a GPU the value of `nvidia-smi`.
pub fn free_memory(name: &str) -> Option<u64> {
    match name.strip_prefix("cuda:") {
        Some(index) => gpu_memory(index.parse().ok()?),
        None => {
            let available = kibibytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
            Some(group_memory().map_or(available, |group| group.min(available)))
        }
    }
}

/// Returns the field of a line `Name:   1234 kB`, in bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Returns the bytes that the control groups of this process (version 2 or 1) still allow, not counting file caches.
/// Returns `None` if they set no limit.
fn group_memory() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let left = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (root, names) = match controllers {
            "" => ("/sys/fs/cgroup", ["memory.max", "memory.current", ""]),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_"])
            }
            _ => return None,
        };
        // Limits of parent groups apply too. Inside a container the path may be the one outside.
        let own = Path::new(root).join(path.trim_start_matches('/'));
        own.ancestors().take_while(|dir| dir.starts_with(root)).filter_map(|dir| left_in(dir, names)).min()
    });
    left.min()
}

/// Returns the bytes that one control group still allows.
fn left_in(dir: &Path, [limit, used, prefix]: [&str; 3]) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let (limit, used, stat) = (number(limit)?, number(used)?, read("memory.stat")?);
    let cached = |kind: &str| {
        let field = format!("{prefix}{kind}_file ");
        stat.lines().find_map(|line| line.strip_prefix(&field)?.parse::<u64>().ok()).unwrap_or(0)
    };
    Some(limit.saturating_sub(used.saturating_sub(cached("active") + cached("inactive"))))
}

/// Returns the free bytes of a GPU by its number among those that this process may use; `None` if the numbering is
/// ambiguous.
fn gpu_memory(index: usize) -> Option<u64> {
    let asked = std::process::Command::new("nvidia-smi")
        .args(["--query-gpu=index,uuid,memory.free,memory.total", "--format=csv,noheader,nounits"])
        .output()
        .ok()
        .filter(|asked| asked.status.success())?;
    let (visible, order) = (std::env::var("CUDA_VISIBLE_DEVICES").ok(), std::env::var("CUDA_DEVICE_ORDER").ok());
    free_of_gpu(&String::from_utf8(asked.stdout).ok()?, index, visible.as_deref(), order.as_deref())
}

/// Returns the free bytes. `listed` has lines of index, UUID, free and total MiB, in the order of the PCI bus. CUDA
/// counts the fastest GPU first unless `order` says otherwise, which matters if the GPUs differ.
fn free_of_gpu(listed: &str, index: usize, visible: Option<&str>, order: Option<&str>) -> Option<u64> {
    let gpus: Vec<Vec<&str>> = listed.lines().map(|line| line.split(',').map(str::trim).collect()).collect();
    let own = index.to_string();
    let id = match visible {
        Some(names) => Some(names.split(',').nth(index)?.trim()).filter(|name| !name.is_empty())?,
        None => &own,
    };
    let alike = gpus.iter().all(|gpu| gpu.get(3) == gpus[0].get(3));
    let by_number = alike || order == Some("PCI_BUS_ID");
    let is_it = |gpu: &&Vec<&str>| gpu.get(1).is_some_and(|uuid| uuid.starts_with(id)) || by_number && gpu[0] == id;
    Some(gpus.iter().find(is_it)?.get(2)?.parse::<u64>().ok()? << 20)
}

/// Tells whether tensors of a device are in the CPU's own memory.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Returns the number of threads that CPU work uses.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// The most threads of the CPU backend: more take seconds to start, and no machine runs them at once (our choice).
pub const MOST_THREADS: usize = 1024;

/// Limits CPU work to this many threads; call it before any other work. Results do not depend on it.
pub fn use_threads(threads: Option<usize>) {
    let asked =
        || std::env::var("RAYON_NUM_THREADS").ok()?.parse::<usize>().ok().filter(|threads| *threads > MOST_THREADS);
    if let Some(threads) = threads.or_else(asked) {
        // This fails only if the pool already exists; then it is too late for the limit to apply.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.min(MOST_THREADS)).build_global();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_allows_its_limit_without_what_is_used_and_not_cached() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let names = ["memory.max", "memory.current", ""];
        assert_eq!(left_in(dir.path(), names), None);
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        write("memory.stat", "anon 400\ninactive_file 200\nactive_file 100\n");
        assert_eq!(left_in(dir.path(), names), Some(600));
        write("memory.max", "max\n");
        assert_eq!(left_in(dir.path(), names), None);
    }

    #[test]
    fn the_free_memory_of_a_gpu_is_that_of_the_one_that_is_used() {
        let alike = "0, GPU-aa1, 100, 80000\n1, GPU-bb2, 200, 80000\n";
        let other = alike.replace("1, GPU-bb2, 200, 80000", "1, GPU-bb2, 200, 40000");
        let of =
            |listed: &str, index, visible, order| free_of_gpu(listed, index, visible, order).map(|free| free >> 20);
        assert_eq!(of(alike, 1, None, None), Some(200));
        assert_eq!(of(alike, 0, Some("1"), None), Some(200));
        assert_eq!(of(alike, 0, Some("GPU-bb2,GPU-aa1"), None), Some(200));
        assert_eq!(of(alike, 2, None, None), None);
        assert_eq!(of(alike, 1, Some("0"), None), None);
        // With different GPUs, CUDA's numbers are not those of nvidia-smi.
        assert_eq!(of(&other, 0, None, None), None);
        assert_eq!(of(&other, 0, None, Some("PCI_BUS_ID")), Some(100));
        assert_eq!(of(&other, 0, Some("GPU-bb2"), None), Some(200));
        assert_eq!(of(alike, 0, Some("MIG-cc3"), None), None);
    }
}
