//! Devices of the network, chosen at run time among the backends that are compiled in.

use std::{fmt, panic, str::FromStr};

use avff_model::layers;
use burn::tensor::{Tensor, backend::Backend};

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The name is not a device.
    #[error("unknown device {name}: use cpu, ndarray, wgpu, wgpu:N, cuda, cuda:N or auto")]
    Unknown {
        /// The name.
        name: String,
    },
    /// This build has no backend for the device.
    #[error("this build has no backend for {device}")]
    NotBuilt {
        /// The device.
        device: String,
        /// The cargo feature that adds its backend.
        feature: &'static str,
    },
    /// The device is not available.
    #[error("{device} cannot be used on this machine: {needs}")]
    Absent {
        /// The device.
        device: String,
        /// What is missing.
        needs: &'static str,
    },
    /// Matrix products of the GPU are inexact.
    #[error(
        "matrix products in f32 on {device} are inexact, so scores would differ from other devices"
    )]
    Inexact {
        /// The device.
        device: String,
    },
    /// The GPU failed during a computation.
    #[error("{device} failed: {reason}")]
    Failed {
        /// The device.
        device: String,
        /// The first error message of the backend.
        reason: String,
    },
    /// The device does not support the precision, or is not faster with it.
    #[error("{device} does not support {precision} precision")]
    Precision {
        /// tf32, f16 or bf16.
        precision: &'static str,
        /// The device.
        device: String,
    },
}

/// A backend and, for GPUs, the number of the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Burn's flex backend: pure Rust, all cores.
    Cpu,
    /// Burn's ndarray backend.
    NdArray,
    /// A GPU through Vulkan, Metal or DirectX 12: the default adapter, or a discrete GPU by its number.
    Wgpu(Option<usize>),
    /// An NVIDIA GPU by its number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = DeviceError;

    /// Parses a device name. `auto` selects the fastest available device: CUDA, a GPU through wgpu, or the CPU.
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
    /// The device name without a number.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::NdArray => "ndarray",
            Self::Wgpu(_) => "wgpu",
            Self::Cuda(_) => "cuda",
        }
    }

    /// The fastest available device. A software renderer does not count as a GPU.
    #[must_use]
    pub fn auto() -> Self {
        let candidates = [Self::Cuda(0), Self::Wgpu(Some(0)), Self::Cpu, Self::NdArray];
        let available = |device: &Self| device.check().is_ok();
        candidates.into_iter().find(available).unwrap_or(Self::Wgpu(None))
    }

    /// The device for conversions of weights: the CPU if its backend is compiled in.
    #[must_use]
    pub fn host() -> Self {
        let candidates = [Self::Cpu, Self::NdArray];
        candidates.into_iter().find(|d| d.check().is_ok()).unwrap_or_else(Self::auto)
    }

    /// Whether the device is a GPU. A GPU profits from batches; on a CPU one clip already uses all cores.
    #[must_use]
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Wgpu(_) | Self::Cuda(_))
    }

    /// Checks that the device's backend is compiled in and that the device computes.
    ///
    /// # Errors
    /// Returns [`DeviceError::NotBuilt`] or [`DeviceError::Absent`].
    pub fn check(self) -> Result<(), DeviceError> {
        with_backend!(self, |B, device| {
            if probe::<B>(&device) { Ok(()) } else { Err(self.absent()) }
        })
    }

    /// Checks that the matrix products of a GPU are exact. GPU kernels are compiled on the machine
    /// where they run, and no other check would detect inexact products.
    ///
    /// # Errors
    /// Returns [`DeviceError::Inexact`].
    pub(crate) fn expect_exact<B: Backend>(self, device: &B::Device) -> Result<(), DeviceError> {
        if self.is_gpu() && !layers::products_are_exact::<B>(device) {
            return Err(DeviceError::Inexact { device: self.to_string() });
        }
        Ok(())
    }

    #[cfg(feature = "train")]
    /// Runs `work` on the device and converts a GPU failure into an error. After a failure, such as out of
    /// memory, every GPU operation panics on another thread; the first panic message becomes the error.
    ///
    /// # Errors
    /// Returns [`DeviceError::Failed`] and the errors of `work`.
    pub(crate) fn guard<T, E: From<DeviceError>>(
        self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if self.is_gpu() { catch_first_panic(self, work) } else { work() }
    }

    pub(crate) fn not_built(self) -> DeviceError {
        // Each kind of device has a feature with its name.
        DeviceError::NotBuilt { device: self.to_string(), feature: self.kind() }
    }

    fn absent(self) -> DeviceError {
        let needs = match self {
            Self::Wgpu(_) => "no such adapter; wgpu needs a Vulkan, Metal or DirectX 12 driver",
            Self::Cuda(_) => {
                "no such GPU; CUDA needs the NVIDIA driver, and NVRTC and the headers of the CUDA toolkit"
            }
            Self::Cpu | Self::NdArray => "a test computation failed",
        };
        DeviceError::Absent { device: self.to_string(), needs }
    }
}

#[cfg(feature = "train")]
/// Runs `work`. If it panics, returns the message of the first panic on any thread.
fn catch_first_panic<T, E: From<DeviceError>>(
    device: Device,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    use std::sync::{Arc, OnceLock};

    let first = Arc::new(OnceLock::new());
    let message = Arc::clone(&first);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _ = message.set(info.payload_as_str().unwrap_or("a panic").to_owned());
    }));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.unwrap_or_else(|_| {
        let reason = first.get().cloned().unwrap_or_default();
        Err(DeviceError::Failed { device: device.to_string(), reason }.into())
    })
}

/// Tries a small computation. A missing GPU panics in the backend, on another thread.
#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn probe<B: Backend>(device: &B::Device) -> bool {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let sum = (Tensor::<B, 1>::ones([2], device) + 1.0).sum().into_data();
        sum.iter::<f32>().next() == Some(4.0)
    }));
    panic::set_hook(hook);
    result.unwrap_or(false)
}

/// Runs a block with the backend `$B` of a [`Device`] and the backend's own `$device`. The block returns a
/// `Result` whose error converts from [`DeviceError`].
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
            #[allow(
                unreachable_patterns,
                reason = "all backends are compiled in with all features"
            )]
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
    fn device_names_round_trip() {
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
    fn device_failure_reports_the_first_panic() {
        assert_eq!(catch_first_panic(Device::Cuda(1), || Ok::<_, DeviceError>(7)).unwrap(), 7);
        let failed = || {
            let failed = catch_first_panic::<(), DeviceError>(Device::Cuda(1), || {
                let other = std::thread::spawn(|| panic!("can't allocate"));
                let _ = other.join();
                panic!("called `unwrap()`")
            });
            failed.unwrap_err().to_string()
        };
        // Tests that run at the same time may panic first.
        let texts: Vec<String> = (0..5).map(|_| failed()).collect();
        let expected = |text: &String| text.starts_with("cuda:1 failed: can't allocate");
        assert!(texts.iter().any(expected), "{texts:?}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn missing_backend_names_its_feature() {
        let error = Device::Cuda(0).check().unwrap_err();
        assert!(matches!(error, DeviceError::NotBuilt { feature: "cuda", .. }), "{error}");
    }
}
