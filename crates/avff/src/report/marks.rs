//! What programs left in a file: names of encoders and editors, a creation time, Content Credentials.
//!
//! The first and the last part of the file are searched for known texts. None of them proves anything: they are easily
//! changed, and most videos on the web were encoded again.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use serde::Serialize;

/// The searched part at each end of a file, in bytes.
const PART: u64 = 4 << 20;
/// The longest text of a mark.
const LONGEST: usize = 40;

/// Texts of programs, and what they are.
const PROGRAMS: [(&str, &str); 12] = [
    ("x264 - core ", "video encoder"),
    ("x265 (build ", "video encoder"),
    ("Lavf", "written by FFmpeg"),
    ("Lavc", "encoded by FFmpeg"),
    ("HandBrake", "converter"),
    ("Adobe Premiere", "editor"),
    ("Final Cut", "editor"),
    ("DaVinci", "editor"),
    ("CapCut", "editor"),
    ("iMovie", "editor"),
    ("com.apple.quicktime.model", "written by an Apple device"),
    ("com.android.version", "written by an Android device"),
];
/// The UUID of the box with Content Credentials in MP4 files (C2PA specification, section A.5).
const C2PA: [u8; 16] = [
    0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81,
];
/// Seconds from 1904, where MP4 counts from, to 1970.
const FROM_1904: u64 = 2_082_844_800;

/// A text that a program left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The text as it is in the file.
    pub text: String,
    /// What it is.
    pub what: &'static str,
}

/// Content Credentials (C2PA).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credentials {
    /// The file has some. They were not verified.
    Present,
    /// None was found, which says nothing.
    Absent,
}

/// What programs left in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Marks {
    /// Names of programs.
    pub programs: Vec<Mark>,
    /// The creation time in the header of an MP4 file, in UTC, such as `2026-12-01 06:24:24`.
    pub created: Option<String>,
    /// Content Credentials.
    pub credentials: Credentials,
}

impl Marks {
    /// Searches a file. A file that cannot be read, and a folder, have no marks.
    pub(super) fn of(path: &Path) -> Self {
        Self::find(&ends(path).unwrap_or_default())
    }

    fn find(bytes: &[u8]) -> Self {
        let mut programs: Vec<Mark> = Vec::new();
        for (name, what) in PROGRAMS {
            if let Some(at) = position(bytes, name.as_bytes()) {
                let rest = bytes.get(at..).unwrap_or_default();
                let text = rest.iter().take(LONGEST).take_while(|byte| (32..127).contains(*byte));
                let text: String = text.map(|byte| char::from(*byte)).collect();
                programs.push(Mark { text: text.trim_end().to_owned(), what });
            }
        }
        let present = position(bytes, &C2PA).is_some();
        let credentials = if present { Credentials::Present } else { Credentials::Absent };
        Self { programs, created: created(bytes), credentials }
    }
}

/// Reads both ends of a file.
fn ends(path: &Path) -> Option<Vec<u8>> {
    if !path.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut bytes = Vec::new();
    (&mut file).take(PART).read_to_end(&mut bytes).ok()?;
    if length > PART {
        // Not less than the end of the first part, so that nothing is read twice.
        file.seek(SeekFrom::Start(length.saturating_sub(PART).max(PART))).ok()?;
        // Texts do not run from one part into the other.
        bytes.push(0);
        file.take(PART).read_to_end(&mut bytes).ok()?;
    }
    Some(bytes)
}

fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// The creation time of the movie header; `None` where it is 0 or missing.
fn created(bytes: &[u8]) -> Option<String> {
    let at = position(bytes, b"mvhd")? + 4;
    let body = bytes.get(at..at + 12)?;
    let seconds = match body.first()? {
        0 => u64::from(u32::from_be_bytes(body.get(4..8)?.try_into().ok()?)),
        1 => u64::from_be_bytes(body.get(4..12)?.try_into().ok()?),
        _ => return None,
    };
    Some(utc(seconds.checked_sub(FROM_1904)?))
}

/// Formats seconds since 1970 as a date and time.
///
/// Source of the date: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(utc(1_796_000_000), "2026-11-30 00:53:20");
    }

    #[test]
    fn programs_times_and_credentials_are_found() {
        let mut bytes = b"\0\0\0\x6cmvhd\0\0\0\0".to_vec();
        bytes.extend(u32::try_from(FROM_1904 + 951_782_400).unwrap().to_be_bytes());
        bytes.extend([0; 20]);
        bytes.extend(b"\x01x264 - core 164 r3108\0Lavf58.29.100\0");
        let marks = Marks::find(&bytes);
        assert_eq!(marks.created.as_deref(), Some("2000-02-29 00:00:00"));
        let texts: Vec<&str> = marks.programs.iter().map(|mark| mark.text.as_str()).collect();
        assert_eq!(texts, ["x264 - core 164 r3108", "Lavf58.29.100"]);
        assert_eq!(marks.credentials, Credentials::Absent);
        bytes.extend(C2PA);
        assert_eq!(Marks::find(&bytes).credentials, Credentials::Present);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(head in prop::sample::select(vec![&b""[..], b"mvhd", b"mvhd\x01"]), body in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Marks::find(&[head, &body].concat());
        }
    }
}
