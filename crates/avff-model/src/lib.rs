//! The AVFF network on [Burn](https://burn.dev), generic over the backend.
//!
//! AVFF (Oorloff et al., CVPR 2024) detects deepfakes by checking whether the audio and the frames
//! of a clip belong together. It has two models that share their encoders. [`Pretrain`] masks half
//! of each modality and reconstructs it from the other. [`Classifier`] is fine-tuned from its
//! weights. The only files that this crate reads are weights; `avff-data` prepares the input
//! tensors.
//!
//! - [`preset`]: named networks; [`config`]: their sizes and options
//! - [`classifier`], [`pretrain`]: the two models; [`head`]: the last layers of the classifier
//! - [`encoder`], [`decoder`], [`layers`]: the components of both models
//! - [`mask`]: complementary masks
//! - [`checkpoint`]: `.pth` and safetensors files; [`precision`]: computing in f16, bf16 or TF32
//! - [`positions`], [`init`]: initial values; [`initialize`]: initialization from published
//!   encoders
//! - [`reconstruction`]: reconstructions as images; [`explain`]: explanations of a score
//!
//! # Scoring a clip
//!
//! [`Classifier::load`] accepts checkpoints of this library and of the reference:
//!
//! ```
//! use avff_data::{ClipSpec, batcher, load_clip};
//! use avff_model::{
//!     AvffConfig, Classifier, FusionScope, Init,
//!     checkpoint::{self, Kind, Metadata, Precision},
//! };
//! use burn::tensor::activation::sigmoid;
//! use burn_flex::Flex;
//!
//! let device = Default::default();
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("stage-3.safetensors");
//! // An untrained network stands in for a trained one.
//! let config = AvffConfig::avff_tiny();
//! let untrained = Classifier::<Flex>::new(&config, &mut Init::seeded(7), &device)?;
//! let metadata = Metadata::new(Kind::Classifier, &config, false);
//! checkpoint::save(&untrained, &metadata, Precision::F32, &path)?;
//!
//! let model = Classifier::<Flex>::load(&path, &device)?;
//! // `avff-data` prepares clips: 256 fbank frames of 64 mel bins, 16 frames of 64 x 64 pixels.
//! let spec = ClipSpec::avff().with_sizes([256, 64], [16, 64, 64]);
//! let clip = load_clip("../../data/synthetic/real_a.mp4".as_ref(), &spec)?;
//! let batch = batcher::batch::<Flex>(&[clip], &spec, &device);
//! let logits = model.forward(batch.audio, batch.video, FusionScope::PerClip); // batch, [fake, real]
//! let fake: f32 = sigmoid(logits).into_data().iter::<f32>().next().unwrap();
//! assert!((0.0..=1.0).contains(&fake));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/own_head.rs` puts a custom head on the encoders and compares two backends.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod agreement;
pub mod checkpoint;
pub mod classifier;
pub mod config;
mod contrastive;
pub mod decoder;
pub mod encoder;
pub mod error;
pub mod explain;
pub mod head;
pub mod init;
pub mod initialize;
mod kind;
pub mod layers;
mod loss;
pub mod mask;
pub mod positions;
pub mod precision;
pub mod preset;
pub mod pretrain;
pub mod reconstruction;
mod tensor_file;

pub use agreement::Lag;
pub use checkpoint::Checkpoint;
pub use classifier::{Classifier, Embeddings};
pub use config::AvffConfig;
pub use contrastive::ContrastiveEmbeddings;
pub use error::ModelError;
pub use init::Init;
pub use layers::FusionScope;
pub use mask::Mask;
pub use preset::Preset;
pub use pretrain::{ContrastiveBatch, Pretrain, PretrainOutput};
pub use reconstruction::Reconstructions;
