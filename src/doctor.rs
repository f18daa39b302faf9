//! `pbpoc doctor`: version, features, devices, threads.

use pbpo_runtime::device;

use crate::cli::{OK, print};

/// Prints the binary's features and the machine's devices. Returns the exit code.
pub fn run() -> u8 {
    let cuda = if device::HAS_CUDA { "cuda" } else { "none (CPU only)" };
    print(&format!("pbpoc    {}\n", env!("CARGO_PKG_VERSION")));
    print(&format!("features {cuda}\n"));
    print(&format!("threads  {}\n", device::threads()));
    print("device   cpu\n");
    for index in 0..device::cuda_devices() {
        print(&format!("device   cuda:{index}\n"));
    }
    if device::HAS_CUDA && device::cuda_devices() == 0 {
        print("         no NVIDIA GPU found: the driver (libcuda) is missing or sees no card\n");
    }
    OK
}
