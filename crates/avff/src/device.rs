//! Where the network runs, chosen at run time among the backends built in.

use std::{fmt, panic, str::FromStr};

use avff_model::layers;
use burn::tensor::{Tensor, backend::Backend};

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name that is no device.
    #[error("unknown device {name}: use cpu, ndarray, wgpu, wgpu:N, cuda, cuda:N or auto")]
    Unknown {
        /// The name.
        name: String,
    },
    /// This build has no backend for the device.
    #[error("this build has no {device}")]
    NotBuilt {
        /// The device.
        device: String,
        /// The cargo feature that adds its backend.
        feature: &'static str,
    },
    /// The device does not answer.
    #[error("{device} cannot be used on this machine: {needs}")]
    Absent {
        /// The device.
        device: String,
        /// What it needs.
        needs: &'static str,
    },
    /// Products of the GPU are off.
    #[error(
        "{device} multiplies f32 inexactly, so scores would differ from those of other devices"
    )]
    Inexact {
        /// The device.
        device: String,
    },
    /// The GPU stopped during the work.
    #[error("{device} failed: {reason}")]
    Failed {
        /// The device.
        device: String,
        /// The first message of its backend.
        reason: String,
    },
    /// The device does not compute in the precision, or gains nothing by it.
    #[error("{device} computes nothing in {precision}")]
    Precision {
        /// tf32, f16 or bf16.
        precision: &'static str,
        /// The device.
        device: String,
    },
}

/// A backend and, for GPUs, which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Burn's flex backend: pure Rust, all cores.
    Cpu,
    /// Burn's ndarray backend.
    NdArray,
    /// A GPU through Vulkan, Metal or DirectX 12: the default adapter, or the discrete one of a number.
    Wgpu(Option<usize>),
    /// An NVIDIA GPU by its number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = DeviceError;

    /// `auto` takes the fastest that answers: CUDA, a GPU through wgpu, the CPU.
    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown { name: name.into() };
        let (kind, number) = match name.split_once(':') {
            Some((kind, number)) => (kind, Some(number.parse().map_err(|_| unknown())?)),
            None => (name, None),
        };
        match (kind, number) {
            ("auto", None) => Ok(Self::auto()),
            ("cpu", None) => Ok(Self::Cpu),
            ("ndarray", None) => Ok(Self::NdArray),
            ("wgpu", number) => Ok(Self::Wgpu(number)),
            ("cuda", number) => Ok(Self::Cuda(number.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::NdArray => write!(f, "ndarray"),
            Self::Wgpu(None) => write!(f, "wgpu"),
            Self::Wgpu(Some(number)) => write!(f, "wgpu:{number}"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl Device {
    /// Its name without a number.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::NdArray => "ndarray",
            Self::Wgpu(_) => "wgpu",
            Self::Cuda(_) => "cuda",
        }
    }

    /// The fastest device that is built in and answers; a software renderer is no GPU.
    #[must_use]
    pub fn auto() -> Self {
        let candidates = [Self::Cuda(0), Self::Wgpu(Some(0)), Self::Cpu, Self::NdArray];
        let answers = |device: &Self| device.check().is_ok();
        candidates.into_iter().find(answers).unwrap_or(Self::Wgpu(None))
    }

    /// The device for work on weights alone: the CPU where one is built in.
    #[must_use]
    pub fn host() -> Self {
        let candidates = [Self::Cpu, Self::NdArray];
        candidates.into_iter().find(|d| d.check().is_ok()).unwrap_or_else(Self::auto)
    }

    /// Whether clips are cheap to batch: on a GPU. On a CPU one clip already fills all cores.
    #[must_use]
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Wgpu(_) | Self::Cuda(_))
    }

    /// Whether the device is built in and answers.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] or [`DeviceError::Absent`].
    pub fn check(self) -> Result<(), DeviceError> {
        with_backend!(self, |B, device| {
            if probe::<B>(&device) { Ok(()) } else { Err(self.absent()) }
        })
    }

    /// A GPU's kernels are made where they run, and nothing else would tell that they are wrong.
    ///
    /// # Errors
    /// [`DeviceError::Inexact`].
    pub(crate) fn expect_exact<B: Backend>(self, device: &B::Device) -> Result<(), DeviceError> {
        if self.is_gpu() && !layers::products_are_exact::<B>(device) {
            return Err(DeviceError::Inexact { device: self.to_string() });
        }
        Ok(())
    }

    #[cfg(feature = "train")]
    /// Does `work` on the device. Where a GPU fails, such as for want of memory, its backend panics, once an
    /// operation, on a thread of its own: the first word of it becomes the error.
    ///
    /// # Errors
    /// [`DeviceError::Failed`], and those of `work`.
    pub(crate) fn guard<T, E: From<DeviceError>>(
        self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if self.is_gpu() { first_word(self, work) } else { work() }
    }

    pub(crate) fn not_built(self) -> DeviceError {
        // Each has a feature of its name.
        DeviceError::NotBuilt { device: self.to_string(), feature: self.kind() }
    }

    fn absent(self) -> DeviceError {
        let needs = match self {
            Self::Wgpu(_) => "no such adapter; it needs a Vulkan, Metal or DirectX 12 driver",
            Self::Cuda(_) => {
                "no such GPU; it needs NVIDIA's driver, and NVRTC and headers of the CUDA toolkit"
            }
            Self::Cpu | Self::NdArray => "it failed to compute",
        };
        DeviceError::Absent { device: self.to_string(), needs }
    }
}

#[cfg(feature = "train")]
fn first_word<T, E: From<DeviceError>>(
    device: Device,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    use std::sync::{Arc, OnceLock};

    let first = Arc::new(OnceLock::new());
    let heard = Arc::clone(&first);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _ = heard.set(info.payload_as_str().unwrap_or("a panic").to_owned());
    }));
    let done = panic::catch_unwind(panic::AssertUnwindSafe(work));
    panic::set_hook(hook);
    done.unwrap_or_else(|_| {
        let reason = first.get().cloned().unwrap_or_default();
        Err(DeviceError::Failed { device: device.to_string(), reason }.into())
    })
}

/// Tries a small computation: an absent GPU panics in the backend, on a thread of its own.
#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn probe<B: Backend>(device: &B::Device) -> bool {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let answer = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let sum = (Tensor::<B, 1>::ones([2], device) + 1.0).sum().into_data();
        sum.iter::<f32>().next() == Some(4.0)
    }));
    panic::set_hook(hook);
    answer.unwrap_or(false)
}

/// Runs a block with `$B` the backend of a [`Device`] and `$device` the backend's own device; the
/// block yields a `Result` whose error can be made of a [`DeviceError`].
macro_rules! with_backend {
    ($chosen:expr, |$B:ident, $device:ident| $body:block) => {
        match $chosen {
            #[cfg(feature = "cpu")]
            $crate::device::Device::Cpu => {
                type $B = burn_flex::Flex;
                let $device = Default::default();
                $body
            }
            #[cfg(feature = "ndarray")]
            $crate::device::Device::NdArray => {
                type $B = burn::backend::NdArray;
                let $device = Default::default();
                $body
            }
            #[cfg(feature = "wgpu")]
            $crate::device::Device::Wgpu(number) => {
                type $B = burn::backend::Wgpu;
                let $device = match number {
                    Some(number) => burn::backend::wgpu::WgpuDevice::DiscreteGpu(number),
                    None => burn::backend::wgpu::WgpuDevice::DefaultDevice,
                };
                $body
            }
            #[cfg(feature = "cuda")]
            $crate::device::Device::Cuda(number) => {
                type $B = burn::backend::Cuda;
                let $device = burn::backend::cuda::CudaDevice::new(number);
                $body
            }
            #[allow(unreachable_patterns, reason = "all are built in with all features")]
            absent => Err($crate::device::Device::not_built(absent).into()),
        }
    };
}
pub(crate) use with_backend;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for (name, device) in [
            ("cpu", Device::Cpu),
            ("ndarray", Device::NdArray),
            ("wgpu", Device::Wgpu(None)),
            ("wgpu:1", Device::Wgpu(Some(1))),
            ("cuda:2", Device::Cuda(2)),
        ] {
            assert_eq!(name.parse::<Device>().unwrap(), device);
            assert_eq!(device.to_string(), name);
        }
        for name in ["", "gpu", "cuda:", "cuda:x", "cpu:0", "CPU"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }

    #[cfg(feature = "train")]
    #[test]
    fn a_device_that_fails_says_what_it_said_first() {
        assert_eq!(first_word(Device::Cuda(1), || Ok::<_, DeviceError>(7)).unwrap(), 7);
        let failed = || {
            let failed = first_word::<(), DeviceError>(Device::Cuda(1), || {
                let other = std::thread::spawn(|| panic!("can't allocate"));
                let _ = other.join();
                panic!("called `unwrap()`")
            });
            failed.unwrap_err().to_string()
        };
        // Tests beside this one may panic, too, and be heard first.
        let texts: Vec<String> = (0..5).map(|_| failed()).collect();
        let due = |text: &String| text.starts_with("cuda:1 failed: can't allocate");
        assert!(texts.iter().any(due), "{texts:?}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_is_not_built_names_its_feature() {
        let error = Device::Cuda(0).check().unwrap_err();
        assert!(matches!(error, DeviceError::NotBuilt { feature: "cuda", .. }), "{error}");
    }
}
