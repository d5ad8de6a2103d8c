//! Fakes that the loader makes match their origin.

use std::{path::Path, sync::Arc};

use avff_data::{
    ClipError, ClipSpec,
    augment::{AugmentConfig, Mix, Mixing},
    decode::{DecodeRequest, DecodedAudio, DecodedClip},
    loader::{Choose, Loader, LoaderConfig, Origin, ReadClip, Unreadable, WindowChoice},
    spec::{Sampling, VideoSpec},
};
use avff_media::{Frame, MediaError};

use super::numbers::{Numbers, collect, loader, rows, rows_of, small};

#[test]
fn mixed_samples_match_their_origin() {
    let augment = AugmentConfig { mix: Some(Mix::open_avff()), ..AugmentConfig::default() };
    let config = LoaderConfig { augment, ..LoaderConfig::training(5, 3) };
    let loader =
        loader(20, Numbers::new(&[]), LoaderConfig { window: WindowChoice::Middle, ..config });
    let mut counts = [0; 3];
    for (clip, origin) in (0..20).flat_map(|epoch| {
        let batches = collect(&mut loader.epoch(epoch));
        batches
            .into_iter()
            .flat_map(|(clips, origins)| clips.into_iter().zip(origins))
            .collect::<Vec<_>>()
    }) {
        let Origin { row, target, mixing, partner } = origin;
        let is_fake = |row: usize| row % 2 == 1;
        // Frames follow each other in the red channel; the first pixel is the level itself.
        let level = |frame: usize| {
            let value = clip.video[frame * 12 * 16];
            ((value * 0.229 + 0.485) * 255.0).round() as usize
        };
        // The middle window of three has index 1.
        let value = f64::from(clip.audio[0]) * 4.4849 - 5.081;
        let (expected_value, fake) = match (mixing, partner) {
            (Mixing::None, None) => (row as f64 + 0.25, is_fake(row)),
            (Mixing::Concat, Some(other)) => {
                (row as f64 + 1_000.0 * other as f64, is_fake(row) || is_fake(other))
            }
            (Mixing::Replace, Some(other)) => (other as f64 + 0.25, true),
            other => panic!("{other:?}"),
        };
        assert!((value - expected_value).abs() < 0.01, "{origin:?} contains {value}");
        assert_eq!(target, Some(u8::from(fake)), "{origin:?}");
        assert_eq!(level(0), row);
        assert_eq!(level(3), if mixing == Mixing::Concat { partner.unwrap() } else { row });
        assert_ne!(partner, Some(row));
        counts[mixing as usize] += 1;
    }
    // 400 samples of 5 : 1 : 1: standard deviations 9.0 and 7.0; the tolerance is five deviations.
    assert!((241..=330).contains(&counts[0]), "{counts:?}");
    assert!(counts[1..].iter().all(|count| (22..=92).contains(count)), "{counts:?}");
}

#[test]
fn unreadable_partner_is_replaced_or_ends_the_epoch() {
    let augment = AugmentConfig {
        mix: Some(Mix { none: 0.0, ..Mix::open_avff() }),
        ..AugmentConfig::default()
    };
    let config = LoaderConfig {
        augment,
        workers: 2,
        unreadable: Unreadable::Skip,
        ..LoaderConfig::training(1, 3)
    };
    let mut epoch = loader(12, Numbers::new(&[4, 7]), config.clone()).epoch(0);
    let batches = collect(&mut epoch);
    let mut own = rows_of(&batches);
    own.sort_unstable();
    assert_eq!(own, [0, 1, 2, 3, 5, 6, 8, 9, 10, 11], "their own samples are skipped");
    let partners = batches.iter().map(|(_, origins)| origins[0].partner.unwrap());
    assert!(partners.into_iter().all(|partner| partner != 4 && partner != 7));
    assert!(epoch.skipped().len() > 2, "no partner was unreadable, use another seed");
    assert!(epoch.skipped().iter().all(|skipped| [4, 7].contains(&skipped.row)));
    let strict = LoaderConfig { unreadable: Unreadable::Error, ..config };
    let error = loader(12, Numbers::new(&[4, 7]), strict).epoch(0).find_map(Result::err).unwrap();
    assert!(["4", "7"].contains(&error.path.to_str().unwrap()));
}

/// Reads clips of `windows` windows, whose frames and audio hold the window's number.
struct Windowed {
    spec: ClipSpec,
    windows: usize,
}

impl ReadClip for Windowed {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        _path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        let window = choose(self.windows);
        let VideoSpec { frames, width, height, .. } = self.spec.video;
        let frame = Frame { width, height, rgb: vec![window as u8; 3 * width * height] };
        let frames = vec![frame; if request.frames { frames } else { 0 }];
        let rows = vec![window as f32; self.spec.audio.values()];
        let audio = request.audio.map(|_| DecodedAudio::Fbank(rows));
        Ok(DecodedClip { frames, audio, without_face: false })
    }

    fn concat(&self, first: &Path, _second: &Path) -> Result<DecodedClip, ClipError> {
        Err(ClipError::new(first, MediaError::Empty))
    }
}

#[test]
fn shifted_samples_have_audio_of_another_window() {
    let mut spec =
        ClipSpec { sampling: Sampling::Window { seconds: 1.0, fps: 4.0, stride: 1.0 }, ..small() };
    (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
    (spec.audio.mean, spec.audio.std) = (0.0, 1.0);
    let augment = AugmentConfig {
        mix: Some(Mix { none: 1.0, concat: 0.0, replace: 0.0, shift: 1.0 }),
        ..AugmentConfig::default()
    };
    let config = LoaderConfig { augment, ..LoaderConfig::training(1, 3) };
    for windows in [1, 4] {
        let reader = Arc::new(Windowed { spec: spec.clone(), windows });
        let loader = Loader::new(rows(40), reader, config.clone()).unwrap();
        let batches = collect(&mut loader.epoch(0));
        let mut counts = [0, 0];
        for (clip, origin) in batches.iter().flat_map(|(clips, origins)| clips.iter().zip(origins))
        {
            let is_shifted = origin.mixing == Mixing::Shift;
            counts[usize::from(is_shifted)] += 1;
            assert_eq!((clip.video[0] - clip.audio[0]).abs() > 0.5, is_shifted);
            let own = Some((origin.row % 2) as u8);
            assert_eq!(origin.target, if is_shifted { Some(1) } else { own });
            assert_eq!(origin.partner, None);
        }
        assert!(counts[0] > 8, "{counts:?}");
        assert_eq!(counts[1] > 8, windows > 1, "{counts:?}");
    }
}
