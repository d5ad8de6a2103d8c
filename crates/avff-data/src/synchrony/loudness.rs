//! The loudness of audio over time.

use avff_media::Audio;

/// Added to the root mean square of samples in -1 to 1: about -61 dB, the noise of a quiet room. Below
/// it, differences of loudness do not matter.
const FLOOR: f64 = 30.0 / 32_768.0;

/// Returns the natural logarithm of the root mean square in consecutive intervals, `rate` per second.
/// Channels are averaged. A last, incomplete interval is left out.
pub(super) fn levels(audio: &Audio, rate: f64) -> Vec<f64> {
    let samples = audio.channels.iter().map(Vec::len).min().unwrap_or(0);
    let length = f64::from(audio.rate) / rate;
    let edge = |interval: usize| (interval as f64 * length).round() as usize;
    let channels = audio.channels.len() as f64;
    let level = |interval: usize| {
        let (from, to) = (edge(interval), edge(interval + 1));
        let power = (from..to).map(|at| {
            let sum: f32 = audio.channels.iter().filter_map(|channel| channel.get(at)).sum();
            (f64::from(sum) / channels).powi(2)
        });
        let mean = power.sum::<f64>() / (to - from).max(1) as f64;
        (mean.sqrt() + FLOOR).ln()
    };
    (0..).take_while(|&interval| edge(interval + 1) <= samples).map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_logarithms_of_the_root_mean_square() {
        // A tenth of a second of 0.5, then silence, at a rate that intervals do not divide.
        let loud = 1102;
        let wave: Vec<f32> = (0..2205).map(|at| if at < loud { 0.5 } else { 0.0 }).collect();
        let audio = Audio { rate: 11_025, channels: vec![wave.clone(), wave] };
        let levels = levels(&audio, 25.0);
        assert_eq!(levels.len(), 5);
        assert!((levels[0] - (0.5 + FLOOR).ln()).abs() < 1e-9);
        assert!((levels[4] - FLOOR.ln()).abs() < 1e-9);
    }

    #[test]
    fn opposite_channels_cancel() {
        let audio = Audio { rate: 1000, channels: vec![vec![0.5; 40], vec![-0.5; 40]] };
        assert_eq!(levels(&audio, 25.0), [FLOOR.ln()]);
    }
}
