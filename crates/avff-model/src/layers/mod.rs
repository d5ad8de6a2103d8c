//! The layers of both models. Their fields have the names of a released checkpoint's keys.
//!
//! Each operation has one folder with its kernels. `mod.rs` defines it in plain tensor operations,
//! `cpu.rs` calls the kernel for Burn's CPU backend flex, and `gpu_matmul.rs` is the kernel for
//! GPUs. All other backends run the plain operations. `dispatch` makes the choice.
//!
//! | operation | definition | CPU (flex) | GPU (CUDA, wgpu) |
//! |---|---|---|---|
//! | attention | `attention/mod.rs` | `attention/cpu.rs` | plain, on `matmul/gpu_matmul.rs` |
//! | product of activations | `matmul/mod.rs` | flex's own | `matmul/gpu_matmul.rs` |
//! | product with a weight | `linear/product.rs` | `linear/cpu/` | `matmul/gpu_matmul.rs` |
//! | GELU, ReLU, norm, residual, mean squares | `mod.rs` of each | `cpu.rs` of each | plain |
//! | tubelets | `patches/tubelets.rs` | `patches/cpu.rs` | plain |
//! | convolution of the stem | `convolution/mod.rs` | `convolution/cpu.rs` | plain |
//! | encoder block, packed | `block/mod.rs` | `block/cpu.rs` | plain |

mod attention;
mod block;
mod convolution;
mod dispatch;
mod fusion;
mod gelu;
mod linear;
mod matmul;
mod mean_squares;
mod norm;
mod patches;
mod relu;
mod residual;
mod stem;

pub use attention::{SelfAttention, attention};
pub use block::{Block, Mlp};
pub(crate) use convolution::Convolution;
pub(crate) use dispatch::on_flex;
pub use fusion::{CrossAttention, CrossModal, FusionBlock, FusionScope, TokenMap};
pub use gelu::gelu;
pub use linear::Linear;
pub(crate) use linear::{Packed, Product};
pub(crate) use matmul::matmul;
pub use matmul::products_are_exact;
pub(crate) use mean_squares::MeanSquares;
pub(crate) use norm::{Norm, layer_norm, normalize};
pub use patches::{AudioPatches, VideoPatches};
pub(crate) use relu::relu;
pub use stem::{ConvStem, StemLayer};
