//! The AVFF network on [Burn](https://burn.dev), generic over the backend.
//!
//! AVFF (Oorloff et al., CVPR 2024) detects deepfakes by whether the audio and the frames of a clip
//! belong together. Two models share their encoders. [`Pretrain`] hides half of each modality and
//! reconstructs it from the other. [`Classifier`] is fine-tuned from its weights. The only files this
//! crate reads are weights; tensors of clips come from `avff-data`.
//!
//! - [`preset`]: networks by name; [`config`]: their sizes, and every choice that has a name
//! - [`classifier`], [`pretrain`]: the two models; [`head`]: the last layers of the classifier
//! - [`encoder`], [`decoder`], [`layers`]: the parts of both
//! - [`mask`]: complementary masks
//! - [`checkpoint`]: `.pth` and safetensors; [`precision`]: computing in f16, bf16 or TF32
//! - [`positions`], [`init`]: initial values; [`initialize`]: encoders from published ones
//! - [`reconstruction`]: reconstructions as images; [`explain`]: where a score comes from
//!
//! # A score
//!
//! [`Classifier::load`] takes a checkpoint of this library or of the reference:
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
//! // An untrained network stands in for yours.
//! let config = AvffConfig::avff_tiny();
//! let untrained = Classifier::<Flex>::new(&config, &mut Init::seeded(7), &device)?;
//! let metadata = Metadata::new(Kind::Classifier, &config, false);
//! checkpoint::save(&untrained, &metadata, Precision::F32, &path)?;
//!
//! let model = Classifier::<Flex>::load(&path, &device)?;
//! // `avff-data` prepares clips: 256 fbank frames of 64 mel bins, 16 frames of 64 x 64 pixels.
//! let spec = ClipSpec::avff().with_sizes([256, 64], [16, 64, 64]);
//! let clip = load_clip("../../data/made/real_a.mp4".as_ref(), &spec)?;
//! let batch = batcher::batch::<Flex>(&[clip], &spec, &device);
//! let logits = model.forward(batch.audio, batch.video, FusionScope::PerClip); // batch, [fake, real]
//! let fake: f32 = sigmoid(logits).into_data().iter::<f32>().next().unwrap();
//! assert!((0.0..=1.0).contains(&fake));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/own_head.rs` puts another head on the encoders and compares two backends.

#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod classifier;
pub mod config;
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

pub use checkpoint::Checkpoint;
pub use classifier::{Classifier, Embeddings};
pub use config::AvffConfig;
pub use error::ModelError;
pub use init::Init;
pub use layers::FusionScope;
pub use loss::Summary;
pub use mask::Mask;
pub use preset::Preset;
pub use pretrain::{Among, Pretrain, PretrainOutput};
pub use reconstruction::Reconstructions;
