//! `pbpoc doctor`: version, features, devices, threads.

use pbpo_runtime::device;

/// Prints what this binary is and what it finds on this machine; the exit code.
pub fn run() -> u8 {
    let cuda = if device::HAS_CUDA { "cuda" } else { "none (CPU only)" };
    println!("pbpoc    {}", env!("CARGO_PKG_VERSION"));
    println!("features {cuda}");
    println!("threads  {}", device::threads());
    println!("device   cpu");
    for index in 0..device::cuda_devices() {
        println!("device   cuda:{index}");
    }
    if device::HAS_CUDA && device::cuda_devices() == 0 {
        println!("         no NVIDIA GPU found: the driver (libcuda) is missing or sees no card");
    }
    crate::cli::OK
}
