//! Converts the values of each parameter, so that this network computes what the source computes.

use super::{
    architecture::{Architecture, Modality},
    attention_biases::{Biased, Folded},
    plan::{Part, Plan},
    report::{Conversion, InitializedKey},
    resample::Grid,
};
use crate::{config::AudioSlices, error::ModelError};

/// Reads the values of a key; the result is empty if the file lacks the key.
type Read<'r> = dyn FnMut(&str) -> Result<Vec<f32>, ModelError> + 'r;

/// Values, their conversions, and a note.
type Converted<T> = (T, Vec<Conversion>, Option<String>);

impl Plan<'_> {
    /// Returns the values of a parameter, or `None` if it keeps its random values.
    pub(super) fn values(
        &mut self,
        key: &str,
        shape: &[usize],
        read: &mut Read<'_>,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let mut sources: Vec<String> =
            self.sources(key, shape).into_iter().map(|(key, _)| key).collect();
        sources.retain(|key| self.file.tensors.contains_key(key));
        let (values, conversions, note) = match self.part(key) {
            _ if sources.is_empty() && matches!(self.part(key), Part::Modality) => {
                let note = format!("{} adds none", self.architecture);
                (Some(vec![0.0; shape.iter().product()]), vec![Conversion::Zeroed], Some(note))
            }
            _ if sources.is_empty() => (None, vec![Conversion::Random], None),
            Part::Kernel => {
                let (kernel, mut conversions, note) = self.kernel(shape, read)?;
                let values = self.renormalized(kernel, &mut conversions);
                (Some(values), conversions, note)
            }
            Part::KernelBias => self.kernel_bias(&mut sources, read)?,
            Part::Positions => {
                let (values, conversions, note) = self.positions(read(&sources[0])?);
                (Some(values), conversions, note)
            }
            Part::Block(number, part) if sources.len() > 1 => {
                let folded = self.folded(number, read)?;
                let more = if part == "norm1.bias" { &folded.norm } else { &folded.proj };
                let values = read(&sources[0])?;
                let values = values.iter().zip(more).map(|(&v, m)| (f64::from(v) + m) as f32);
                (Some(values.collect()), vec![Conversion::Folded], None)
            }
            Part::Modality | Part::Block(..) | Part::Plain(_) => {
                (Some(read(&sources[0])?), vec![Conversion::Copied], None)
            }
        };
        let conversions =
            if conversions.is_empty() { vec![Conversion::Copied] } else { conversions };
        self.initialized.push(InitializedKey { key: key.to_owned(), sources, conversions, note });
        Ok(values)
    }

    /// Returns the kernel in this network's axes and sizes, for the source's input normalization.
    fn kernel(&self, shape: &[usize], read: &mut Read<'_>) -> Result<Converted<Grid>, ModelError> {
        let key = self.key(self.architecture.kernel());
        let mut kernel = Grid::new(self.shape(&key).unwrap_or_default(), read(&key)?);
        let mut conversions = Vec::new();
        if self.architecture == Architecture::AudioMae {
            kernel = kernel.transposed();
            conversions.push(Conversion::Transposed);
        }
        if kernel.shape == shape {
            return Ok((kernel, conversions, None));
        }
        let note = format!("from {:?} to {:?}", &kernel.shape[2..], &shape[2..]);
        for (axis, &length) in shape.iter().enumerate().skip(2) {
            kernel = kernel.kernel_resampled(axis, length);
        }
        conversions.push(Conversion::Resized);
        Ok((kernel, conversions, Some(note)))
    }

    /// Returns `[scale, shift]` of each channel, where `source's input = scale * our input +
    /// shift`.
    fn affine(&self) -> Vec<[f64; 2]> {
        let theirs = self.architecture.inputs();
        let map = |(mean, std): (f32, f32), (to_mean, to_std): (f32, f32)| {
            let [mean, std, to_mean, to_std] = [mean, std, to_mean, to_std].map(f64::from);
            [std / to_std, (mean - to_mean) / to_std]
        };
        match self.architecture.modality() {
            Modality::Audio => vec![map(
                (self.inputs.audio_mean, self.inputs.audio_std),
                (theirs.audio_mean, theirs.audio_std),
            )],
            Modality::Video => (0..3)
                .map(|c| {
                    map(
                        (self.inputs.video_mean[c], self.inputs.video_std[c]),
                        (theirs.video_mean[c], theirs.video_std[c]),
                    )
                })
                .collect(),
        }
    }

    fn renormalized(&self, kernel: Grid, conversions: &mut Vec<Conversion>) -> Vec<f32> {
        let affine = self.affine();
        if affine.iter().all(|map| *map == [1.0, 0.0]) {
            return kernel.values;
        }
        conversions.push(Conversion::Renormalized);
        let channel: usize = kernel.shape[2..].iter().product();
        let mut values = kernel.values;
        for (index, plane) in values.chunks_exact_mut(channel.max(1)).enumerate() {
            // The check of the sizes excludes more channels than statistics.
            let [scale, _] = affine[index % affine.len()];
            plane.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        }
        values
    }

    fn kernel_bias(
        &self,
        sources: &mut Vec<String>,
        read: &mut Read<'_>,
    ) -> Result<Converted<Option<Vec<f32>>>, ModelError> {
        let bias = read(&sources[0])?;
        let affine = self.affine();
        if affine.iter().all(|[_, shift]| *shift == 0.0) {
            sources.truncate(1);
            return Ok((Some(bias), vec![Conversion::Copied], None));
        }
        let (audio, video) = (&self.config.audio, &self.config.video);
        let dim = self.config.encoder.dim;
        let shape = match self.architecture.modality() {
            Modality::Audio => vec![dim, 1, audio.patch_mels, audio.patch_frames],
            Modality::Video => vec![dim, video.channels, video.tubelet, video.patch, video.patch],
        };
        let (kernel, _, _) = self.kernel(&shape, read)?;
        let channel: usize = shape[2..].iter().product();
        let values = bias.iter().zip(kernel.values.chunks_exact(channel * shape[1])).map(
            |(&bias, kernel)| {
                let planes = kernel.chunks_exact(channel).zip(&affine);
                let moved = planes.map(|(plane, [_, shift])| {
                    shift * plane.iter().copied().map(f64::from).sum::<f64>()
                });
                (f64::from(bias) + moved.sum::<f64>()) as f32
            },
        );
        Ok((Some(values.collect()), vec![Conversion::Renormalized], None))
    }

    /// Returns the position table on this network's grid, in its token order.
    fn positions(&self, table: Vec<f32>) -> Converted<Vec<f32>> {
        let dim = self.config.encoder.dim;
        let places = table.get(self.extra * dim..).unwrap_or_default().to_vec();
        let ours: Vec<usize> = match self.architecture.modality() {
            Modality::Audio => {
                let grid = self.config.audio_grid();
                vec![grid.time, grid.mel]
            }
            Modality::Video => {
                let grid = self.config.video_grid();
                vec![grid.time, grid.rows, grid.columns]
            }
        };
        let (theirs_by_mel, ours_by_mel) = (
            self.architecture == Architecture::CavMae,
            self.config.audio_slices == AudioSlices::Mel,
        );
        let audio = self.architecture.modality() == Modality::Audio;
        // The first axis is time until the table gets this network's token order.
        let mut table = match self.grid.as_slice() {
            &[time, mel] if theirs_by_mel => by_time(&places, [mel, time, dim]),
            grid => Grid::new(&[grid, &[dim]].concat(), places),
        };
        let (mut conversions, mut note) = (Vec::new(), None);
        if ours != self.grid {
            for (axis, &length) in ours.iter().enumerate() {
                table = table.resampled(axis, length);
            }
            conversions.push(Conversion::Interpolated);
            note = Some(format!("from {} to {}", by(&self.grid), by(&ours)));
        }
        if audio && ours_by_mel {
            table = by_time(&table.values, [ours[0], ours[1], dim]);
        }
        if audio && ours_by_mel != theirs_by_mel {
            conversions.push(Conversion::Reordered);
        }
        (table.values, conversions, note)
    }

    fn folded(&mut self, number: usize, read: &mut Read<'_>) -> Result<Folded, ModelError> {
        if let Some((block, folded)) = &self.folded
            && *block == number
        {
            return Ok(folded.clone());
        }
        let dim = self.config.encoder.dim;
        let [qkv, proj, joint, q, v] =
            ["attn.qkv.weight", "attn.proj.weight", "attn.qkv.bias", "attn.q_bias", "attn.v_bias"]
                .map(|part| self.block_key(number, part));
        let joint = read(&joint)?;
        // Missing biases are 0.
        let or = |own: Vec<f32>, joint: &[f32]| match (own.is_empty(), joint.is_empty()) {
            (false, _) => own,
            (true, false) => joint.to_vec(),
            (true, true) => vec![0.0; dim],
        };
        let q_bias = or(read(&q)?, joint.get(..dim).unwrap_or_default());
        let v_bias = or(read(&v)?, joint.get(2 * dim..).unwrap_or_default());
        let (qkv, proj) = (read(&qkv)?, read(&proj)?);
        let folded = Biased { qkv: &qkv, proj: &proj, q_bias: &q_bias, v_bias: &v_bias }.fold();
        self.q_biases.push((number, folded.q_norm, folded.q_lost));
        self.folded = Some((number, folded.clone()));
        Ok(folded)
    }
}

/// Transposes `[a, b, dim]` to `[b, a, dim]`.
fn by_time(table: &[f32], [a, b, dim]: [usize; 3]) -> Grid {
    let mut values = Vec::with_capacity(table.len());
    for column in 0..b {
        for row in 0..a {
            let at = (row * b + column) * dim;
            values.extend_from_slice(table.get(at..at + dim).unwrap_or_default());
        }
    }
    Grid::new(&[b, a, dim], values)
}

fn by(grid: &[usize]) -> String {
    grid.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
}
