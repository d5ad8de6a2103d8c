//! Detects the type of a file from its first bytes.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::error::{MediaError, Stream};

/// The number of bytes that identify a container: enough for the third packet of a transport
/// stream.
pub(crate) const SNIFF_BYTES: u64 = 1024;

/// Reads the first bytes of a file.
pub(crate) fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(SNIFF_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// Returns whether a file starts like a container of video, supported or not.
pub(crate) fn is_video(head: &[u8]) -> bool {
    matches!(sniff(head), Ok(()) | Err(MediaError::UnsupportedContainer { .. }))
}

/// Returns `Ok` where a file starts like MP4 or QuickTime, otherwise an error that names its type.
pub(crate) fn sniff(head: &[u8]) -> Result<(), MediaError> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if let Some(format) = image_format(head) {
        return Err(MediaError::Image { format });
    }
    let boxes: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"];
    if boxes.iter().any(|kind| at(4, kind)) {
        return Ok(());
    }
    let unsupported = |container| Err(MediaError::UnsupportedContainer { container });
    // Audio containers are media files that lack only the video stream.
    if (starts(b"RIFF") || starts(b"RF64")) && at(8, b"WAVE")
        || [&b"fLaC"[..], b"ID3"].iter().any(|magic| starts(magic))
    {
        return Err(MediaError::MissingStream { stream: Stream::Video });
    }
    if starts(b"RIFF") && at(8, b"AVI ") {
        return unsupported("AVI");
    }
    if starts(&[0x1a, 0x45, 0xdf, 0xa3]) {
        let web = head.windows(4).take(64).any(|window| window == b"webm");
        return unsupported(if web { "WebM" } else { "Matroska" });
    }
    if starts(b"OggS") {
        return unsupported("Ogg");
    }
    if starts(b"FLV\x01") {
        return unsupported("FLV");
    }
    if starts(&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11]) {
        return unsupported("ASF (WMV)");
    }
    if starts(&[0, 0, 1, 0xba]) {
        return unsupported("MPEG program stream");
    }
    // Packets of 188 bytes, or of 192 bytes with a timestamp before each.
    for (first, step) in [(0, 188), (4, 192)] {
        if (0..3).all(|packet| head.get(first + packet * step) == Some(&0x47)) {
            return unsupported("MPEG transport stream");
        }
    }
    if starts(&[0, 0, 0, 1, 0x67]) || starts(&[0, 0, 0, 1, 0x09]) {
        return unsupported("raw H.264");
    }
    Err(MediaError::NotMedia)
}

/// Returns the format of a still image, or of an animation without audio.
fn image_format(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    // Photos of phones share the boxes of MP4. Their brand tells them apart.
    let brand = |names: &[&[u8]]| at(4, b"ftyp") && names.iter().any(|name| at(8, name));
    let formats = [
        ("PNG", at(0, b"\x89PNG\r\n\x1a\n")),
        ("JPEG", at(0, &[0xff, 0xd8, 0xff])),
        ("GIF", at(0, b"GIF87a") || at(0, b"GIF89a")),
        ("WebP", at(0, b"RIFF") && at(8, b"WEBP")),
        ("BMP", at(0, b"BM") && at(6, &[0; 4])),
        ("TIFF", at(0, b"II*\0") || at(0, b"MM\0*")),
        ("HEIC", brand(&[b"heic", b"heix", b"heim", b"heis", b"mif1"])),
        ("AVIF", brand(&[b"avif"])),
        ("JPEG XL", at(0, b"\0\0\0\x0cJXL \r\n\x87\n")),
    ];
    formats.into_iter().find_map(|(name, matches)| matches.then_some(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn containers_are_named() {
        let mut transport = vec![0; 1024];
        for packet in 0..3 {
            transport[packet * 188] = 0x47;
        }
        for (head, name) in [
            (&b"RIFF\0\0\0\0AVI LIST"[..], "AVI"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "WebM"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "Matroska"),
            (b"OggS\0\x02", "Ogg"),
            (b"FLV\x01\x05", "FLV"),
            (b"\x00\x00\x01\xba\x44", "MPEG program stream"),
            (&transport, "MPEG transport stream"),
        ] {
            let Err(MediaError::UnsupportedContainer { container }) = sniff(head) else {
                panic!("{name} was not recognized")
            };
            assert_eq!(container, name);
        }
    }

    #[test]
    fn images_are_named() {
        for (head, name) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "PNG"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
            (b"GIF89a\x01", "GIF"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
            (b"BM\x36\0\0\0\0\0\0\0\x36", "BMP"),
            (b"II*\0\x08", "TIFF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x1cftypavif", "AVIF"),
        ] {
            let Err(MediaError::Image { format }) = sniff(head) else {
                panic!("{name} was not recognized")
            };
            assert_eq!(format, name);
            assert!(!is_video(head), "{name}");
        }
    }

    #[test]
    fn mp4_boxes_are_accepted_and_other_bytes_refused() {
        assert!(sniff(b"\0\0\0\x18ftypqt  ").is_ok());
        assert!(sniff(b"\0\0\0\x08wide").is_ok());
        for head in [&b""[..], b"\0\0\0\x18fty", b"this is not a video", &[0; 1024]] {
            assert!(matches!(sniff(head), Err(MediaError::NotMedia)), "{head:?}");
        }
    }
}
