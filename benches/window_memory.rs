//! Measures the peak memory of `avff score --window 3.2` on 1 and on 10 minutes of 1080p video:
//! `cargo bench -p avff --bench window_memory`.
//!
//! The `ffmpeg` program creates the videos.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("narrow.safetensors");
    support::narrow_network(&checkpoint);
    // Ten seconds of moving video and tone, concatenated repeatedly without re-encoding.
    let segment = folder.path().join("segment.mp4");
    let inputs =
        "-f lavfi -i testsrc2=s=1920x1080:r=25:d=10 -f lavfi -i aevalsrc=sin(900*t*t):s=48000:d=10";
    let encoding = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac";
    if !ffmpeg(&format!("{inputs} {encoding}"), &segment) {
        println!("skipped: the `ffmpeg` program with libx264 is needed to create the videos");
        return;
    }
    let peaks = [1, 10].map(|minutes| {
        let video = folder.path().join(format!("{minutes}.mp4"));
        let repeats = minutes * 6 - 1;
        assert!(ffmpeg(
            &format!("-stream_loop {repeats} -i {} -c copy", segment.display()),
            &video
        ));
        let (megabytes, seconds) = support::peak([
            "score".as_ref(),
            "--device=cpu".as_ref(),
            "--window=3.2".as_ref(),
            "--json".as_ref(),
            "--checkpoint".as_ref(),
            checkpoint.as_os_str(),
            video.as_os_str(),
        ]);
        println!("{minutes} minutes of 1080p video: peak {megabytes:.1} MB, {seconds:.1} s");
        megabytes
    });
    println!("peak memory of 10 minutes divided by that of 1 minute: {:.3}", peaks[1] / peaks[0]);
}

fn ffmpeg(arguments: &str, output: &Path) -> bool {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]).args(arguments.split(' ')).arg(output);
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}
