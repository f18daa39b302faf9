//! A substitute for `cubecl-llvm` with the names that `cubecl-cuda` uses and without a compiler.
//!
//! Why it exists: `cubecl-cuda` 0.11, which Burn's `cuda` feature needs, depends on `cubecl-llvm` unconditionally, and
//! that crate's build script downloads an LLVM 23 bundle from a GitHub release into the user's home. A build would need
//! that download (a machine without access to GitHub cannot build at all) for a compiler that is not used: the feature
//! `cpp` of `cubecl-cuda`, set in `runtime/Cargo.toml`, makes CUDA C++ compiled by NVRTC the default. The
//! `[patch.crates-io]` table of the root `Cargo.toml` replaces that crate by this one.
//!
//! If the LLVM compiler is used nevertheless, it returns an error that names the feature. A patch applies only in the
//! workspace that declares it: a crate elsewhere that depends on ours gets the real `cubecl-llvm` and its download.
//!
//! When it can be removed: as soon as `cubecl-cuda` makes `cubecl-llvm` an optional dependency. Then delete this
//! directory, the patch table and the workspace's `exclude` entry. Until then, the version of this crate and of its
//! `cubecl-*` dependencies follows the `cubecl` that Burn uses: a patch whose version does not fit is ignored with only
//! a warning.

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_server::compiler::{CompilationError, Compiler};
use cubecl_server::kernel::BufferIOAttr;

pub mod nvptx {
    pub mod ptx_version {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct PtxVersion(u32);
        impl PtxVersion {
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }
        impl core::fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "ptx{}", self.0)
            }
        }
    }
}

pub mod shared {
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            Nvptx,
        }
        pub fn restrict_features(_props: &mut DeviceProperties, _target: GpuTarget) {}
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    #[default]
    Nvptx,
}

#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    pub target: LlvmTarget,
}

#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    pub arch: Option<()>,
    pub sm_arch: Option<SmArch>,
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    pub grid_constants: bool,
    pub cpu_buffer_alignment: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct NvptxModule {
    pub ptx: Vec<core::ffi::c_char>,
    pub entrypoint: String,
    pub ir: String,
    pub shared_memory_size: usize,
    pub io: Vec<BufferIOAttr>,
}

#[derive(Clone, Debug)]
pub enum PlironArtifact {
    NvptxCode(NvptxModule),
    Unavailable,
}
impl core::fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("unavailable")
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;
    fn compile(
        &mut self,
        _kernel: KernelDefinition,
        _options: &Self::CompilationOptions,
    ) -> Result<Self::Representation, CompilationError> {
        Err(CompilationError::Generic {
            reason: "built without the LLVM backend; enable cubecl-cuda/cpp".to_string(),
            backtrace: cubecl_environment::backtrace::BackTrace::capture(),
        })
    }
    fn extension(&self) -> &'static str {
        "ll"
    }
    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
