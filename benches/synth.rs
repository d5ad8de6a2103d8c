//! Measures how many synthetic clips per second are rendered and written, on one thread and on all
//! threads: `cargo bench -p avff-synth --bench synth`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{thread::available_parallelism, time::Instant};

use avff_data::prefetch::Prefetch;
use avff_datasets::layout::Split;
use avff_synth::{SynthClip, SynthConfig};

/// The number of clips per thread.
const CLIPS: u64 = 60;

fn main() {
    let config = SynthConfig::default();
    for threads in [1, available_parallelism().unwrap().get()] {
        let folder = tempfile::tempdir().unwrap();
        let (thread_config, root) = (config.clone(), folder.path().to_owned());
        let clips = CLIPS * threads as u64;
        let start = Instant::now();
        let written = Prefetch::new(0..clips, threads, threads, move |&index| {
            let folder = root.join(index.to_string());
            std::fs::create_dir(&folder).unwrap();
            SynthClip::new(&thread_config, Split::Train, index).write(&folder).unwrap();
        });
        assert_eq!(written.count() as u64, clips);
        let seconds = start.elapsed().as_secs_f64();
        println!("threads={threads} clips_per_second={:.1}", clips as f64 / seconds);
    }
}
