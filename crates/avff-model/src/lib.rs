//! The AVFF network on [Burn](https://burn.dev), generic over the backend.
//!
//! AVFF (Oorloff et al., CVPR 2024) tells real from fake clips by whether sound and picture belong
//! together. Two models share their encoders: [`Pretrain`] hides half of each modality and makes
//! it from the other, [`Classifier`] fine-tunes what that taught. This crate knows no files but
//! weights; clips come from `avff-data`.
//!
//! - [`config`]: sizes, and each choice that can be made differently, by name
//! - [`classifier`], [`pretrain`]: the two models; [`head`]: what the first ends in
//! - [`encoder`], [`decoder`], [`layers`]: what they are made of
//! - [`mask`]: complementary masks
//! - [`pictures`]: what was reconstructed, to look at
//! - [`checkpoint`]: `.pth` and safetensors; [`precision`]: computing in f16 or bf16
//! - [`positions`], [`init`]: start values; [`start`]: those of published encoders
//!
//! ```
//! use avff_model::{AvffConfig, Classifier, FusionScope, Init};
//! use burn::tensor::{Tensor, activation::sigmoid};
//! use burn_flex::Flex;
//!
//! // A small network; `AvffConfig::open_avff()` has the sizes of the released checkpoints.
//! let mut config = AvffConfig::open_avff();
//! config.audio.frames = 128;
//! (config.video.height, config.video.width) = (32, 32);
//! (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
//!
//! let device = Default::default();
//! let model = Classifier::<Flex>::new(&config, &mut Init::seeded(7), &device)?;
//! let audio = Tensor::zeros([1, 128, 128], &device); // batch, fbank frames, mel bins
//! let video = Tensor::zeros([1, 3, 16, 32, 32], &device); // batch, channels, frames, height, width
//! let scope = FusionScope::evaluation(config.fusion_attention);
//! let logits = model.forward(audio, video, scope);
//! let fake: f32 = sigmoid(logits).into_data().iter::<f32>().next().unwrap();
//! assert!((0.0..=1.0).contains(&fake));
//! # Ok::<(), avff_model::ModelError>(())
//! ```

#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod classifier;
pub mod config;
pub mod decoder;
pub mod encoder;
pub mod error;
pub mod explain;
mod fused;
pub mod head;
pub mod init;
pub mod layers;
mod loss;
pub mod mask;
pub mod pictures;
pub mod positions;
pub mod precision;
pub mod pretrain;
pub mod start;

pub use checkpoint::Checkpoint;
pub use classifier::{Classifier, Embeddings};
pub use config::AvffConfig;
pub use error::ModelError;
pub use init::Init;
pub use layers::FusionScope;
pub use loss::Summary;
pub use mask::Mask;
pub use pictures::Pictures;
pub use pretrain::{Among, Pretrain, PretrainOutput};
