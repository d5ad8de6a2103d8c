//! An MP4 file of H.264 pictures that come without a container, with half a second of silence.

use super::super::movie_file::{Track, box_of, movie, silence};

/// Writes the pictures, 25 a second. `sets` are the parameter sets.
pub fn of_pictures([sps, pps]: &[Vec<u8>; 2], samples: Vec<Vec<u8>>) -> Vec<u8> {
    let mut avcc = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    avcc.extend(u16::try_from(sps.len()).unwrap().to_be_bytes());
    avcc.extend(sps);
    avcc.push(1);
    avcc.extend(u16::try_from(pps.len()).unwrap().to_be_bytes());
    avcc.extend(pps);
    let video = Track {
        handler: b"vide",
        timescale: 1000,
        delta: 40,
        format: b"avc1",
        entry: [vec![0; 78], box_of(b"avcC", &avcc)].concat(),
        shifts: None,
        samples,
    };
    movie(&[video, silence()])
}
