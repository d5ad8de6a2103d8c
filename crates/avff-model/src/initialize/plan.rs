//! Determines the file keys for each parameter of an encoder.

use std::collections::BTreeSet;

use super::{
    architecture::{Architecture, Modality, Normalization},
    attention_biases::Folded,
    report::InitializedKey,
};
use crate::{
    config::AvffConfig,
    error::{KeyProblems, ModelError},
    tensor_file::{StoredDtype, TensorFile},
};

/// Mel bins of the spectrograms on which both audio encoders were trained.
const MELS: usize = 128;
/// Frames of the clips on which MARLIN was trained.
const FRAMES: usize = 16;

/// The results of the checks, from which the report is made.
pub(super) struct Plan<'a> {
    pub(super) file: &'a TensorFile,
    pub(super) architecture: Architecture,
    pub(super) prefix: &'a str,
    pub(super) config: &'a AvffConfig,
    /// Normalization of this network's inputs.
    pub(super) inputs: &'a Normalization,
    /// Grid of the position table in the file: `[time, mel]` or `[time, rows, columns]`.
    pub(super) grid: Vec<usize>,
    /// The stacks of blocks in the file, with their numbers of blocks.
    stacks: Vec<(&'static str, usize)>,
    /// Rows of the position table before the rows of the grid.
    pub(super) extra: usize,
    pub(super) initialized: Vec<InitializedKey>,
    /// The block whose biases were folded last.
    pub(super) folded: Option<(usize, Folded)>,
    /// For each block with biases: its number, the length of q's bias, and the length of its lost
    /// part.
    pub(super) q_biases: Vec<(usize, f64, f64)>,
}

/// A parameter of this network's encoder.
pub(super) enum Part<'k> {
    Kernel,
    KernelBias,
    Positions,
    Modality,
    /// Block number, and the rest of the key as the source names it.
    Block(usize, String),
    /// Another part of the encoder, as this network names it.
    Plain(&'k str),
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        file: &'a TensorFile,
        architecture: Architecture,
        prefix: &'a str,
        config: &'a AvffConfig,
        inputs: &'a Normalization,
    ) -> Self {
        let (grid, initialized, q_biases) = Default::default();
        let count = |stack: &str| {
            let stack_prefix = format!("{prefix}{stack}.");
            let numbers = file.tensors.keys().filter_map(|key| {
                key.strip_prefix(&stack_prefix)?.split('.').next()?.parse::<usize>().ok()
            });
            numbers.collect::<BTreeSet<_>>().len()
        };
        let stacks = architecture.stacks().iter().map(|&stack| (stack, count(stack))).collect();
        let extra = usize::from(file.tensors.contains_key(&format!("{prefix}cls_token")));
        let folded = None;
        Self {
            file,
            architecture,
            prefix,
            config,
            inputs,
            grid,
            stacks,
            extra,
            initialized,
            folded,
            q_biases,
        }
    }

    fn error(&self, reason: String) -> ModelError {
        let reason =
            format!("its {} encoder cannot initialize this one: {reason}", self.architecture);
        ModelError::Initialize { path: self.file.path.clone(), reason }
    }

    pub(super) fn shape(&self, key: &str) -> Option<&'a [usize]> {
        self.file.tensors.get(key).map(|tensor| tensor.shape.as_slice())
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the stack, and the number within it, of a block of this network.
    fn block(&self, number: usize) -> (&'static str, usize) {
        let mut rest = number;
        for &(stack, count) in &self.stacks {
            if rest < count {
                return (stack, rest);
            }
            rest -= count;
        }
        (self.architecture.stacks()[0], number)
    }

    pub(super) fn block_key(&self, number: usize, part: &str) -> String {
        let (stack, at) = self.block(number);
        format!("{}{stack}.{at}.{}", self.prefix, self.architecture.name_of(stack, part))
    }

    /// Checks the sizes, then every key: a file of other sizes would have only misshapen keys.
    pub(super) fn check(&mut self, required: &[(String, Vec<usize>)]) -> Result<(), ModelError> {
        let kernel = self.architecture.kernel();
        let shape = self.shape(&self.key(kernel)).unwrap_or_default();
        let (axes, channels) = match self.architecture.modality() {
            Modality::Audio => (4, 1),
            Modality::Video => (5, self.config.video.channels),
        };
        if shape.len() != axes || shape.contains(&0) {
            return Err(self.error(format!("{kernel} has shape {shape:?}, not {axes} dimensions")));
        }
        let encoder = &self.config.encoder;
        let depth: usize = self.stacks.iter().map(|(_, count)| count).sum();
        let hidden = self.block_key(
            0,
            match self.architecture.modality() {
                Modality::Audio => "mlp.fc1.weight",
                Modality::Video => "mlp.layers.0.linear.weight",
            },
        );
        let hidden = self.shape(&hidden).and_then(<[_]>::first).copied();
        let sizes = [
            ("features", shape[0], "encoder.dim", encoder.dim),
            ("blocks", depth, "encoder.depth", encoder.depth),
            (
                "hidden features",
                hidden.unwrap_or(encoder.hidden()),
                "encoder.mlp_ratio * encoder.dim",
                encoder.hidden(),
            ),
            ("channels", shape[1], "channels", channels),
        ];
        for (what, theirs, name, ours) in sizes {
            if theirs != ours {
                return Err(self
                    .error(format!("it has {theirs} {what}, but the config's {name} is {ours}")));
            }
        }
        self.infer_grid(shape)?;
        self.check_keys(required)
    }

    /// Determines the grid of the file's position table from its length and the source's training
    /// data.
    fn infer_grid(&mut self, kernel: &[usize]) -> Result<(), ModelError> {
        let table = self.architecture.positions();
        let key = self.key(table);
        let (Some(&[1, rows, dim]), false) = (self.shape(&key), self.kernel_exceeds_input(kernel))
        else {
            let shape = self.shape(&key);
            return Err(self.error(format!(
                "{table} of shape {shape:?} and the kernel of shape {kernel:?} define no token grid"
            )));
        };
        if dim != self.config.encoder.dim {
            return Err(self.error(format!(
                "{table} has {dim} features, but the config's encoder.dim is {}",
                self.config.encoder.dim
            )));
        }
        let tokens = rows.saturating_sub(self.extra);
        let (grid, rule) = match self.architecture {
            Architecture::Marlin => {
                let times = FRAMES / kernel[2];
                let side = (tokens / times).isqrt();
                (vec![times, side, side], format!("{FRAMES} square frames give"))
            }
            Architecture::AudioMae | Architecture::CavMae => {
                let mel_axis = if self.architecture == Architecture::AudioMae { 3 } else { 2 };
                let mels = MELS / kernel[mel_axis];
                (vec![tokens / mels, mels], format!("{MELS} mel bins give"))
            }
        };
        if tokens == 0 || grid.iter().product::<usize>() != tokens {
            return Err(
                self.error(format!("{table} has {tokens} positions, not a grid that {rule}"))
            );
        }
        self.grid = grid;
        Ok(())
    }

    /// Whether the kernel is larger than its input.
    fn kernel_exceeds_input(&self, kernel: &[usize]) -> bool {
        match self.architecture {
            Architecture::Marlin => kernel[2] > FRAMES,
            Architecture::AudioMae | Architecture::CavMae => kernel[2].max(kernel[3]) > MELS,
        }
    }

    fn check_keys(&self, required: &[(String, Vec<usize>)]) -> Result<(), ModelError> {
        let mut problems = KeyProblems::default();
        let mut used = BTreeSet::new();
        for (key, shape) in required {
            for (name, needed) in self.sources(key, shape) {
                used.insert(name.clone());
                match self.file.tensors.get(&name) {
                    None if self.is_optional(&name) => {}
                    None => problems.missing.push(name),
                    Some(tensor) => {
                        if let StoredDtype::NotFloat(what) = tensor.dtype {
                            problems.not_float.push((name, what.into()));
                        } else if needed.as_ref().is_some_and(|needed| *needed != tensor.shape) {
                            let shape = needed.unwrap_or_default();
                            problems.misshapen.push((name, tensor.shape.clone(), shape));
                        }
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(ModelError::Keys { path: self.file.path.clone(), problems });
        }
        let others = self.file.others.iter().map(|(key, _)| key);
        for key in self.file.tensors.keys().chain(others).filter(|key| !used.contains(*key)) {
            let Some(name) = key.strip_prefix(self.prefix) else { continue };
            let in_block =
                self.architecture.stacks().iter().any(|stack| {
                    name.strip_prefix(stack).is_some_and(|rest| rest.starts_with('.'))
                });
            if in_block && self.architecture.unused_reason(name).is_none() {
                return Err(
                    self.error(format!("its blocks hold {name}, which this network does not have"))
                );
            }
        }
        Ok(())
    }

    /// Whether a fine-tuned encoder may lack a key. AudioMAE's drops its last norm for one after
    /// pooling; biases of q and v are optional.
    fn is_optional(&self, name: &str) -> bool {
        let bare = name.strip_prefix(self.prefix).unwrap_or(name);
        let bias = [".attn.qkv.bias", ".attn.q_bias", ".attn.v_bias"];
        let norm = self.architecture == Architecture::AudioMae && bare.starts_with("norm.");
        norm || bias.iter().any(|part| bare.ends_with(part))
    }

    pub(super) fn part<'k>(&self, key: &'k str) -> Part<'k> {
        let name = key.split_once('.').map_or(key, |(_, name)| name);
        match name {
            "patch_embed.proj.weight" | "patch_embedding.projection.weight" => Part::Kernel,
            "patch_embed.proj.bias" | "patch_embedding.projection.bias" => Part::KernelBias,
            "pos_embed" | "pos_embedding.emb" => Part::Positions,
            "modality" => Part::Modality,
            _ => {
                let block = ["transformer.", "blocks."].iter().find_map(|stack| {
                    let (number, part) = name.strip_prefix(stack)?.split_once('.')?;
                    Some((number.parse().ok()?, part.to_owned()))
                });
                match block {
                    Some((number, part)) => Part::Block(number, part),
                    None => Part::Plain(name),
                }
            }
        }
    }

    fn has_bias(&self, number: usize) -> bool {
        let has = |part: &str| self.file.tensors.contains_key(&self.block_key(number, part));
        has("attn.qkv.bias") || has("attn.q_bias") || has("attn.v_bias")
    }

    /// Returns the file keys, with their required shapes, that determine a key of this network.
    pub(super) fn sources(&self, key: &str, shape: &[usize]) -> Vec<(String, Option<Vec<usize>>)> {
        let dim = self.config.encoder.dim;
        let kernel = self.architecture.kernel();
        match self.part(key) {
            Part::Kernel => vec![(self.key(kernel), None)],
            Part::KernelBias => vec![
                (self.key(&kernel.replace(".weight", ".bias")), Some(shape.to_vec())),
                (self.key(kernel), None),
            ],
            Part::Positions => vec![(self.key(self.architecture.positions()), None)],
            Part::Modality => {
                let vector = self.architecture.modality_vector();
                vector.into_iter().map(|name| (self.key(name), Some(shape.to_vec()))).collect()
            }
            Part::Block(number, part) => {
                let mut keys = vec![(self.block_key(number, &part), Some(shape.to_vec()))];
                if self.has_bias(number) && matches!(part.as_str(), "norm1.bias" | "attn.proj.bias")
                {
                    let sizes = [
                        ("attn.qkv.weight", vec![3 * dim, dim]),
                        ("attn.proj.weight", vec![dim, dim]),
                        ("attn.qkv.bias", vec![3 * dim]),
                        ("attn.q_bias", vec![dim]),
                        ("attn.v_bias", vec![dim]),
                    ];
                    keys.extend(
                        sizes.map(|(part, shape)| (self.block_key(number, part), Some(shape))),
                    );
                }
                keys
            }
            Part::Plain(name) => {
                vec![(self.key(&self.architecture.name_of("", name)), Some(shape.to_vec()))]
            }
        }
    }
}
