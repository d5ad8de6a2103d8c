//! The numbers of each parameter, as the source computes with them.

use super::{
    attention::{Biased, Folded},
    plan::{Part, Plan},
    report::{Given, Step},
    resample::Grid,
    style::{Modality, Style},
};
use crate::{config::AudioSlices, error::ModelError};

/// The numbers of a key of the file; none where it lacks it.
type Read<'r> = dyn FnMut(&str) -> Result<Vec<f32>, ModelError> + 'r;

/// Numbers, what was done to them, and a remark.
type Made<T> = (T, Vec<Step>, Option<String>);

impl Plan<'_> {
    /// The numbers of a parameter; `None` where it stays as it is.
    pub(super) fn values(
        &mut self,
        key: &str,
        shape: &[usize],
        read: &mut Read<'_>,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let mut from: Vec<String> =
            self.sources(key, shape).into_iter().map(|(key, _)| key).collect();
        from.retain(|key| self.file.tensors.contains_key(key));
        let (values, steps, note) = match self.part(key) {
            _ if from.is_empty() && matches!(self.part(key), Part::Modality) => {
                let note = format!("{} adds none", self.style.name());
                (Some(vec![0.0; shape.iter().product()]), vec![Step::Zeroed], Some(note))
            }
            _ if from.is_empty() => (None, vec![Step::Fresh], None),
            Part::Kernel => {
                let (kernel, mut steps, note) = self.kernel(shape, read)?;
                let values = self.renormalised(kernel, &mut steps);
                (Some(values), steps, note)
            }
            Part::KernelBias => self.kernel_bias(&mut from, read)?,
            Part::Positions => {
                let (values, steps, note) = self.positions(read(&from[0])?);
                (Some(values), steps, note)
            }
            Part::Block(number, part) if from.len() > 1 => {
                let folded = self.folded(number, read)?;
                let more = if part == "norm1.bias" { &folded.norm } else { &folded.proj };
                let values = read(&from[0])?;
                let values = values.iter().zip(more).map(|(&v, m)| (f64::from(v) + m) as f32);
                (Some(values.collect()), vec![Step::Folded], None)
            }
            Part::Modality | Part::Block(..) | Part::Plain(_) => {
                (Some(read(&from[0])?), vec![Step::Taken], None)
            }
        };
        let steps = if steps.is_empty() { vec![Step::Taken] } else { steps };
        self.given.push(Given { key: key.to_owned(), from, steps, note });
        Ok(values)
    }

    /// The kernel in this network's axes and sizes, for inputs normalised as the source's.
    fn kernel(&self, shape: &[usize], read: &mut Read<'_>) -> Result<Made<Grid>, ModelError> {
        let key = self.key(self.style.kernel());
        let mut kernel = Grid::new(self.shape(&key).unwrap_or_default(), read(&key)?);
        let mut steps = Vec::new();
        if self.style == Style::AudioMae {
            kernel = kernel.transposed();
            steps.push(Step::Transposed);
        }
        if kernel.shape == shape {
            return Ok((kernel, steps, None));
        }
        let note = format!("from {:?} to {:?}", &kernel.shape[2..], &shape[2..]);
        for (axis, &length) in shape.iter().enumerate().skip(2) {
            kernel = kernel.kernel_resampled(axis, length);
        }
        steps.push(Step::Resized);
        Ok((kernel, steps, Some(note)))
    }

    /// Of each channel, `[scale, shift]` with `source's input = scale * ours + shift`.
    fn affine(&self) -> Vec<[f64; 2]> {
        let theirs = self.style.inputs();
        let map = |(mean, std): (f32, f32), (to_mean, to_std): (f32, f32)| {
            let [mean, std, to_mean, to_std] = [mean, std, to_mean, to_std].map(f64::from);
            [std / to_std, (mean - to_mean) / to_std]
        };
        match self.style.modality() {
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

    fn renormalised(&self, kernel: Grid, steps: &mut Vec<Step>) -> Vec<f32> {
        let affine = self.affine();
        if affine.iter().all(|map| *map == [1.0, 0.0]) {
            return kernel.values;
        }
        steps.push(Step::Renormalised);
        let channel: usize = kernel.shape[2..].iter().product();
        let mut values = kernel.values;
        for (index, plane) in values.chunks_exact_mut(channel.max(1)).enumerate() {
            // More channels than statistics were refused with the sizes.
            let [scale, _] = affine[index % affine.len()];
            plane.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        }
        values
    }

    fn kernel_bias(
        &self,
        from: &mut Vec<String>,
        read: &mut Read<'_>,
    ) -> Result<Made<Option<Vec<f32>>>, ModelError> {
        let bias = read(&from[0])?;
        let affine = self.affine();
        if affine.iter().all(|[_, shift]| *shift == 0.0) {
            from.truncate(1);
            return Ok((Some(bias), vec![Step::Taken], None));
        }
        let (audio, video) = (&self.config.audio, &self.config.video);
        let dim = self.config.encoder.dim;
        let shape = match self.style.modality() {
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
        Ok((Some(values.collect()), vec![Step::Renormalised], None))
    }

    /// The table on this network's grid, in its token order.
    fn positions(&self, table: Vec<f32>) -> Made<Vec<f32>> {
        let dim = self.config.encoder.dim;
        let places = table.get(self.extra * dim..).unwrap_or_default().to_vec();
        let ours: Vec<usize> = match self.style.modality() {
            Modality::Audio => {
                let grid = self.config.audio_grid();
                vec![grid.time, grid.mel]
            }
            Modality::Video => {
                let grid = self.config.video_grid();
                vec![grid.time, grid.rows, grid.columns]
            }
        };
        let (theirs_by_mel, ours_by_mel) =
            (self.style == Style::CavMae, self.config.audio_slices == AudioSlices::Mel);
        let audio = self.style.modality() == Modality::Audio;
        // Always [time, ..] while on the grid.
        let mut table = match self.grid.as_slice() {
            &[time, mel] if theirs_by_mel => by_time(&places, [mel, time, dim]),
            grid => Grid::new(&[grid, &[dim]].concat(), places),
        };
        let (mut steps, mut note) = (Vec::new(), None);
        if ours != self.grid {
            for (axis, &length) in ours.iter().enumerate() {
                table = table.resampled(axis, length);
            }
            steps.push(Step::Interpolated);
            note = Some(format!("from {} to {}", by(&self.grid), by(&ours)));
        }
        if audio && ours_by_mel {
            table = by_time(&table.values, [ours[0], ours[1], dim]);
        }
        if audio && ours_by_mel != theirs_by_mel {
            steps.push(Step::Reordered);
        }
        (table.values, steps, note)
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
        // A part that is not there is 0.
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

/// `[a, b, dim]` to `[b, a, dim]`.
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
