//! Small files with large declared sizes.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::{
    movie::{box_of, h264},
    mutate::boxes,
    seeds::{Kind, fixture, wav},
};

pub struct Bomb {
    pub name: &'static str,
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

fn bomb(name: &'static str, bytes: Vec<u8>) -> Bomb {
    Bomb { name, kind: Kind::Clip, bytes }
}

/// Bombs that are read quickly; the bench adds [`huge`].
pub fn small() -> Vec<Bomb> {
    vec![
        bomb("2^21 samples of one byte", {
            let mut file = fixture("bad/one_frame_20ms.mp4");
            for at in boxes(&file, &[b"stsz"]) {
                file.splice(at + 8..at + 16, [0, 0, 0, 1, 0, 0x20, 0, 0]);
            }
            file
        }),
        bomb("runs of 2^32 samples in fragments", {
            let mut file = fixture("fragmented.mp4");
            for at in boxes(&file, &[b"trun"]) {
                file.splice(at + 4..at + 12, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
            }
            file
        }),
        bomb("2000 fragments of 2^21 samples of no track", {
            let mut file = fixture("fragmented.mp4");
            let traf = [
                box_of(b"tfhd", &[0, 2, 0, 16, 0, 0, 0, 99, 0, 0, 0, 1]),
                box_of(b"trun", &[0, 0, 0, 0, 0, 0x20, 0, 0]),
            ];
            let moof = box_of(b"moof", &box_of(b"traf", &traf.concat()));
            file.extend(moof.repeat(2000));
            file
        }),
        bomb("a billion composition offsets", {
            let mut file = fixture("h264_bframes_aac_48k_stereo.mp4");
            for at in boxes(&file, &[b"ctts", b"stts"]) {
                file.splice(at + 12..at + 16, [0x3f, 0xff, 0xff, 0xff]);
            }
            file
        }),
        bomb("300 reference pictures", h264(40, 30, 300, 310, false)),
        bomb("pictures shown in reverse", h264(20, 15, 16, 120, true)),
        bomb("pictures of a million years", {
            let mut file = h264(20, 15, 1, 60, false);
            for at in boxes(&file, &[b"mdhd"]) {
                file.splice(at + 16..at + 20, 1_u32.to_be_bytes());
            }
            for at in boxes(&file, &[b"stts"]) {
                file.splice(at + 16..at + 20, 0x7fff_ffff_u32.to_be_bytes());
            }
            file
        }),
        Bomb { name: "WAV of 4 GHz", kind: Kind::Wav, bytes: wav(1, 2, u32::MAX, 20_000) },
    ]
}

/// Bombs at the limits of the reader: images of tens of megapixels, an index of 64 MiB.
pub fn huge() -> Vec<Bomb> {
    let mut list = small();
    list.push(bomb("H.264 of 8192 x 4608, 4 references", h264(512, 288, 4, 12, false)));
    list.push(bomb("the same in reverse", h264(512, 288, 4, 12, true)));
    list.push(bomb("H.264 of 16 x 8192, 16 references", h264(1, 512, 16, 40, false)));
    list.push(bomb("H.264 of 3328 x 3328, 16 references", h264(208, 208, 16, 40, true)));
    list.push(bomb("an index of 64 MiB of empty boxes", {
        let mut file = box_of(b"ftyp", b"isom\0\0\0\0");
        file.extend(box_of(b"moov", &box_of(b"free", &[]).repeat((8 << 20) - 1)));
        file
    }));
    list.push(bomb("2^21 samples of one byte each, in a file that has them", {
        let mut file = fixture("bad/one_frame_20ms.mp4");
        for at in boxes(&file, &[b"stsz"]) {
            file.splice(at + 8..at + 16, [0, 0, 0, 1, 0, 0x20, 0, 0]);
        }
        for at in boxes(&file, &[b"stts"]) {
            file.splice(at + 8..at + 16, [0, 0, 0, 1, 0, 0x20, 0, 0]);
        }
        for at in boxes(&file, &[b"stsc"]) {
            file.splice(at + 8..at + 20, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0x20, 0, 0]);
        }
        file.extend(box_of(b"free", &vec![0; 3 << 20]));
        file
    }));
    let image = DynamicImage::ImageRgb8(RgbImage::new(8192, 8192));
    for (name, format) in
        [("PNG of 8192 x 8192", ImageFormat::Png), ("JPEG of 8192 x 8192", ImageFormat::Jpeg)]
    {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        list.push(Bomb { name, kind: Kind::Frame, bytes: bytes.into_inner() });
    }
    let mut bytes = Cursor::new(Vec::new());
    let deep = DynamicImage::new_rgba16(8192, 8192);
    deep.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let bytes = bytes.into_inner();
    list.push(Bomb { name: "PNG of 8192 x 8192, 16 bit with alpha", kind: Kind::Frame, bytes });
    list
}
