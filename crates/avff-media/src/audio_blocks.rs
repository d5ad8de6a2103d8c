//! Whole audio in blocks: bounded by its duration, and collected where all samples are needed at once.

use std::ops::ControlFlow;

use crate::{
    audio::{Audio, append, with_room},
    audio_bound::AudioBound,
    error::{MediaError, Stream},
    source::BlockSink,
};

/// The limit on samples of all channels together that are read in blocks: four hours of stereo at 48
/// kHz. Coded silence is small, so the limit bounds the time of a clip.
pub(crate) const MAX_BLOCK_SAMPLES: u64 = 4 * 3600 * 48_000 * 2;

/// Passes blocks on, without the encoder's delay at their start, until there are too many.
pub(crate) struct Blocks {
    /// How many samples are still to be skipped.
    skip: usize,
    /// The samples of all channels so far.
    count: u64,
}

impl Blocks {
    /// Skips `skip` samples per channel. `expected` is the number of samples of all channels according
    /// to the container.
    ///
    /// # Errors
    ///
    /// `TooLarge` for hours of audio.
    pub(crate) fn new(skip: usize, expected: u64) -> Result<Self, MediaError> {
        check(expected)?;
        Ok(Self { skip, count: 0 })
    }

    /// Passes the next block to `sink`.
    ///
    /// # Errors
    ///
    /// `TooLarge` for hours of audio.
    pub(crate) fn pass(
        &mut self,
        rate: u32,
        planes: &[Vec<f32>],
        sink: BlockSink<'_>,
    ) -> Result<ControlFlow<()>, MediaError> {
        let skipped = self.skip.min(planes.first().map_or(0, Vec::len));
        self.skip -= skipped;
        let block: Vec<&[f32]> =
            planes.iter().map(|plane| plane.get(skipped..).unwrap_or_default()).collect();
        let added = block.iter().fold(0, |sum, plane| sum + plane.len() as u64);
        self.count = self.count.saturating_add(added);
        check(self.count)?;
        Ok(sink(rate, &block))
    }
}

/// Collects all blocks that `read` passes on, with memory for what `bound` expects.
///
/// # Errors
///
/// The errors of `read`, `TooLarge` for more than an hour, `NoMemory`, and `MissingStream` without a
/// block.
pub(crate) fn collect(
    bound: AudioBound,
    read: impl FnOnce(BlockSink<'_>) -> Result<(), MediaError>,
) -> Result<Audio, MediaError> {
    let mut whole: Option<Audio> = None;
    let mut add = |rate: u32, block: &[&[f32]]| {
        let audio = match &mut whole {
            Some(audio) => audio,
            None => {
                let expected = bound.expected(rate, block.len())?;
                whole.insert(with_room(rate, block.len(), expected))
            }
        };
        append(audio, block)
    };
    let mut failed = None;
    read(&mut |rate, block| match add(rate, block) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    whole.ok_or(MediaError::MissingStream { stream: Stream::Audio })
}

fn check(value: u64) -> Result<(), MediaError> {
    let (what, limit) = ("number of audio samples", MAX_BLOCK_SAMPLES);
    if value > limit { Err(MediaError::TooLarge { what, value, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// Collects the levels of three blocks of two channels.
    fn collected(skip: usize, most: usize) -> Vec<f32> {
        let mut blocks = Blocks::new(skip, 0).unwrap();
        let mut levels = Vec::new();
        for block in [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] {
            let planes = [block.to_vec(), vec![0.0; 2]];
            let flow = blocks.pass(8_000, &planes, &mut |rate, channels| {
                assert_eq!(
                    (rate, channels.len(), channels[0].len()),
                    (8_000, 2, channels[1].len())
                );
                levels.extend_from_slice(channels[0]);
                if levels.len() >= most {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            if flow.unwrap().is_break() {
                break;
            }
        }
        levels
    }

    #[test]
    fn the_delay_is_skipped_across_blocks() {
        assert_eq!(collected(0, 9), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(collected(3, 9), [4.0, 5.0, 6.0]);
        assert_eq!(collected(7, 9), [0.0; 0]);
        assert_eq!(collected(1, 3), [2.0, 3.0, 4.0], "the sink stops");
    }

    #[test]
    fn hours_are_refused() {
        let error = Blocks::new(0, MAX_BLOCK_SAMPLES + 1).err().unwrap();
        assert_eq!(
            error.to_string(),
            "number of audio samples of 1382400001 is over the limit of 1382400000"
        );
        let mut blocks = Blocks { skip: 0, count: MAX_BLOCK_SAMPLES };
        let mut sink = |_: u32, _: &[&[f32]]| ControlFlow::Continue(());
        assert!(blocks.pass(8_000, &[vec![]], &mut sink).is_ok());
        assert!(blocks.pass(8_000, &[vec![0.0]], &mut sink).is_err());
    }

    #[test]
    fn collected_audio_is_bounded() {
        let block = vec![0.5; 10];
        let read = |times: usize, stated: f64| {
            collect(AudioBound::new(stated), |sink| {
                for _ in 0..times {
                    if sink(100, &[&block]).is_break() {
                        break;
                    }
                }
                Ok(())
            })
        };
        assert_eq!(read(3, 0.3).unwrap().channels, [[0.5; 30]]);
        assert!(matches!(read(0, 0.0), Err(MediaError::MissingStream { .. })));
        assert!(matches!(read(1, 1e9), Err(MediaError::TooLarge { .. })));
        let failing = collect(AudioBound::new(0.0), |_| Err(MediaError::Empty));
        assert!(matches!(failing, Err(MediaError::Empty)));
    }
}
