//! Converts decoded audio to planar `f32`, at the decoder's sample rate.

use video_rs::ffmpeg::{
    codec::Id,
    format::sample::{Sample, Type},
    frame::{self, audio},
};

/// Returns whether a codec stores samples as they are.
pub(super) fn is_uncompressed(codec: Id) -> bool {
    codec.name().starts_with("pcm_")
}

/// Replaces `planes` with the channels of a frame: floats unchanged, integers divided by their full
/// scale. Returns `None` for a frame without audio or of another format.
pub(super) fn planar(frame: &frame::Audio, planes: &mut Vec<Vec<f32>>) -> Option<()> {
    let channels = usize::from(frame.channels());
    if channels == 0 || frame.planes() == 0 {
        return None;
    }
    planes.resize_with(channels, Vec::new);
    planes.iter_mut().for_each(Vec::clear);
    match frame.format() {
        Sample::U8(layout) => {
            deinterleave(frame, layout, planes, |x: u8| (f32::from(x) - 128.0) / 128.0)
        }
        Sample::I16(layout) => {
            deinterleave(frame, layout, planes, |x: i16| f32::from(x) / 32_768.0)
        }
        Sample::I32(layout) => {
            deinterleave(frame, layout, planes, |x: i32| x as f32 / 2_147_483_648.0)
        }
        Sample::F32(layout) => deinterleave(frame, layout, planes, |x: f32| x),
        Sample::F64(layout) => deinterleave(frame, layout, planes, |x: f64| x as f32),
        // No decoder returns 64-bit integers.
        Sample::I64(_) | Sample::None => return None,
    }
    Some(())
}

fn deinterleave<T: audio::Sample + Copy>(
    frame: &frame::Audio,
    layout: Type,
    planes: &mut [Vec<f32>],
    float: impl Fn(T) -> f32,
) {
    let channels = planes.len();
    for (channel, plane) in planes.iter_mut().enumerate() {
        match layout {
            Type::Planar => plane.extend(frame.plane::<T>(channel).iter().map(|&x| float(x))),
            Type::Packed => {
                let channel_samples = frame.plane::<T>(0).iter().skip(channel).step_by(channels);
                plane.extend(channel_samples.map(|&x| float(x)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use video_rs::ffmpeg::ChannelLayout;

    use super::*;

    fn stereo(format: Sample, fill: impl FnOnce(&mut frame::Audio)) -> Vec<Vec<f32>> {
        let mut frame = frame::Audio::new(format, 2, ChannelLayout::STEREO);
        fill(&mut frame);
        let mut planes = vec![vec![9.0]; 3];
        planar(&frame, &mut planes).unwrap();
        planes
    }

    #[test]
    fn every_format_is_scaled_and_deinterleaved() {
        let expected = [[-1.0, 0.5], [0.0, 0.25]];
        let packed = stereo(Sample::I16(Type::Packed), |frame| {
            frame.plane_mut::<i16>(0).copy_from_slice(&[-32_768, 0, 16_384, 8192]);
        });
        assert_eq!(packed, expected);
        let packed = stereo(Sample::U8(Type::Packed), |frame| {
            frame.plane_mut::<u8>(0).copy_from_slice(&[0, 128, 192, 160]);
        });
        assert_eq!(packed, expected);
        let planar = stereo(Sample::I32(Type::Planar), |frame| {
            frame.plane_mut::<i32>(0).copy_from_slice(&[i32::MIN, 1 << 30]);
            frame.plane_mut::<i32>(1).copy_from_slice(&[0, 1 << 29]);
        });
        assert_eq!(planar, expected);
        let planar = stereo(Sample::F64(Type::Planar), |frame| {
            frame.plane_mut::<f64>(0).copy_from_slice(&[-1.0, 0.5]);
            frame.plane_mut::<f64>(1).copy_from_slice(&[0.0, 0.25]);
        });
        assert_eq!(planar, expected);
    }
}
