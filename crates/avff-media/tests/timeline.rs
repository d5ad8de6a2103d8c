//! Checks that a clip is read as its container presents it, by every reader.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; the file that failed is printed"
)]

use std::path::{Path, PathBuf};

use avff_media::{Decoder, MediaSource, OpenOptions, Tracks, missing_spans, open_with};

fn fixture(name: &str) -> PathBuf {
    Path::new("tests/fixtures/timeline").join(name)
}

fn readers() -> &'static [Decoder] {
    if cfg!(feature = "ffmpeg") {
        &[Decoder::Embedded, Decoder::Ffmpeg]
    } else {
        &[Decoder::Embedded]
    }
}

/// Opens a clip with every reader.
fn each(name: &str, check: impl Fn(&mut dyn MediaSource)) {
    for &reader in readers() {
        println!("{name}, {reader}");
        check(&mut *open_with(&fixture(name), reader).unwrap());
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 2e-3
}

#[test]
fn each_segment_of_an_edit_list_is_presented() {
    each("edit_list_of_two.mp4", |clip| {
        assert_eq!(clip.frame_count(), 110);
        let times = clip.frame_times().to_vec();
        assert!(times.windows(2).all(|two| near(two[1] - two[0], 0.04)));
        let info = clip.info().clone();
        assert!(near(info.video_end, 4.4) && near(info.audio_start, 0.0), "{info:?}");
        assert!(near(info.audio_end, 4.4), "{info:?}");
        // Frame 50 follows frame 49 on the screen, but 30 frames later in the file.
        let frames = clip.frames_at(&[49, 50, 109]).unwrap();
        assert!(frames[0] != frames[1] && frames[1] != frames[2]);
        let audio = clip.streams().1.between(0.0, 10.0).unwrap();
        assert!(near(audio.seconds(), 4.4), "{}", audio.seconds());
        // A span across the cut is a part of the whole presentation.
        let part = clip.streams().1.between(1.9, 2.1).unwrap();
        assert_eq!(part.channels[0][..], audio.channels[0][30_400..33_600]);
    });
}

/// Checks a cut of `original` from `start`, in seconds: all 27 shown frames are frames of the original.
fn is_cut_of(clip: &mut dyn MediaSource, original: &Path, start: f64, hidden: usize) {
    assert_eq!((clip.frame_count(), clip.info().hidden_frames), (27, hidden));
    let times = clip.frame_times().to_vec();
    assert!(near(times[0], 0.0), "{times:?}");
    let mut whole = open_with(original, Decoder::Embedded).unwrap();
    for (frame, time) in times.iter().enumerate() {
        let original = ((start + time) * 25.0).round() as usize;
        let (cut, whole) = (clip.frames_at(&[frame]), whole.frames_at(&[original]));
        assert!(cut.unwrap() == whole.unwrap(), "frame {frame} is not {original}");
    }
}

/// A cut between keyframes keeps the frames from the keyframe before it, and hides them.
#[test]
fn a_cut_by_stream_copy_shows_the_frames_of_the_original() {
    let original = Path::new("../avff/tests/fixtures/clips/match_a.mp4");
    each("cut_by_stream_copy.mp4", |clip| is_cut_of(clip, original, 2.4, 10));
}

/// FFmpeg fails at the hidden frames, whose references were cut away.
#[test]
fn a_cut_in_an_open_group_is_read_by_the_embedded_reader_alone() {
    let path = fixture("cut_in_an_open_group.mp4");
    let original = Path::new("tests/fixtures/media/opengop_cropped_alac.mp4");
    for decoder in [Decoder::Embedded, Decoder::Auto] {
        is_cut_of(&mut *open_with(&path, decoder).unwrap(), original, 0.8, 9);
    }
    if cfg!(feature = "ffmpeg") {
        let error = open_with(&path, Decoder::Ffmpeg).err().unwrap().to_string();
        assert!(error.contains("packet 2: Invalid data"), "{error}");
    }
}

#[test]
fn the_last_frame_is_shown_as_long_as_it_is() {
    each("held_frame.mp4", |clip| {
        assert_eq!(clip.frame_count(), 80);
        assert!(near(clip.info().video_end, 9.6), "{:?}", clip.info());
    });
}

#[test]
fn a_lost_packet_is_silence_in_its_place() {
    each("one_audio_packet_lost.mp4", |clip| {
        let info = clip.info();
        assert!(near(info.audio_drift, 0.064), "{info:?}");
        let [(start, end)] = info.audio_gaps[..] else { unreachable!("{info:?}") };
        assert!(near(start, 0.0) && near(end, 0.064), "{info:?}");
        let placed = clip.streams().1.between(0.0, 4.0).unwrap();
        // The first packet is the encoder's delay, so the presentation begins with the lost one.
        assert!(placed.channels[0][..1024].iter().all(|&sample| sample == 0.0));
        let whole = clip.audio().unwrap();
        assert_eq!(placed.len(), whole.len() + 1024);
        assert!(placed.channels[0][1024..] == whole.channels[0]);
    });
}

#[test]
fn a_stretched_first_packet_starts_late() {
    each("fragmented_by_ffmpeg.mp4", |clip| {
        let info = clip.info().clone();
        assert!(near(clip.frame_times()[0], 0.0) && near(info.audio_start, 0.0), "{info:?}");
        assert!(near(info.audio_end, 201.0 * 0.064) && near(info.video_end, 12.88), "{info:?}");
        assert_eq!(info.damage, []);
    });
}

#[test]
fn lost_fragments_are_named() {
    each("last_fragment_far_away.mp4", |clip| {
        let [(start, end)] = missing_spans(&clip.info().damage)[..] else {
            unreachable!("{:?}", clip.info())
        };
        assert!(near(start, 2.784) && end > 1e6, "{start} to {end}");
    });
}

#[test]
fn frames_of_an_unknown_order_are_refused() {
    for &reader in readers() {
        let error = open_with(&fixture("all_durations_zero.mp4"), reader).err().unwrap();
        assert!(error.to_string().contains("so their order is unknown"), "{reader}: {error}");
    }
}

#[test]
fn the_track_that_players_choose_is_read() {
    each("first_video_track_disabled.mp4", |clip| {
        let choice = clip.info().video_track;
        assert_eq!((choice.number, choice.count), (2, 2));
    });
    each("undecodable_track.mov", |clip| {
        let choice = clip.info().audio_track;
        assert_eq!((choice.number, choice.count), (2, 2));
    });
    for &decoder in readers() {
        let tracks = Tracks { video: std::num::NonZeroUsize::new(1), ..Tracks::default() };
        let path = fixture("first_video_track_disabled.mp4");
        let clip =
            open_with(&path, OpenOptions { decoder, tracks, ..OpenOptions::default() }).unwrap();
        assert_eq!(clip.info().video_track.number, 1);
        let tracks = Tracks { audio: std::num::NonZeroUsize::new(2), ..Tracks::default() };
        let error = open_with(&path, OpenOptions { decoder, tracks, ..OpenOptions::default() })
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "there is no audio track 2: the clip has 1");
    }
}

#[test]
fn he_aac_is_detected_in_its_packets() {
    let error = open_with(&fixture("implicit_sbr.mp4"), Decoder::Embedded).err().unwrap();
    assert_eq!(error.to_string(), "unsupported audio codec HE-AAC");
}
