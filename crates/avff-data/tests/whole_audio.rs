//! The memory of the filterbank of a long clip.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::ops::ControlFlow;

use avff_data::{fbank::whole_fbank, spec::AudioSpec};
use avff_media::{Audio, AudioStream, BlockSink, MediaError};

/// Silence of a number of samples, which are nowhere in memory.
struct Silence(usize);

impl AudioStream for Silence {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        Err(MediaError::Empty)
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        let block = vec![0.0; 48_000];
        let mut left = self.0;
        while left > 0 {
            let size = left.min(block.len());
            let block = &block[..size];
            if sink(48_000, &[block, block]) == ControlFlow::Break(()) {
                break;
            }
            left -= size;
        }
        Ok(())
    }

    fn between(&mut self, _: f64, _: f64) -> Result<Audio, MediaError> {
        Err(MediaError::Empty)
    }
}

#[test]
fn hours_take_the_memory_of_minutes() {
    for rate in [None, Some(16_000)] {
        let spec = AudioSpec { rate, ..AudioSpec::kaldi(1024, 128, [0.0, 1.0]) };
        let mut rows = Vec::new();
        let held = allocation_counter::measure(|| {
            rows = whole_fbank(&mut Silence(48_000 * 3600), &spec).unwrap();
        });
        assert_eq!(rows, vec![f32::EPSILON.ln(); 1024 * 128]);
        // 64 MiB of samples, twice while they grow, and few MiB of tables and rows.
        assert!(held.bytes_max < 140 << 20, "{} bytes at {rate:?}", held.bytes_max);
    }
}
