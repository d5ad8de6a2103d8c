//! Walks through the structure of a container. FFmpeg passes over damage: it searches the next packet
//! that it understands, without an error.
//!
//! Only the structure is checked, not the coded data within packets.

mod flv;
mod matroska;
mod transport_stream;

use std::{fs::File, io::BufReader, path::Path};

use super::input::{Input, MATROSKA, TRANSPORT_STREAM};
use crate::error::MediaError;

/// The name of Flash video.
const FLV: &str = "FLV";
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// Checks the structure of a container of which video and audio are read.
///
/// # Errors
///
/// `Malformed` for damage, `Io`.
pub(super) fn check(path: &Path, input: &Input, streams: [usize; 2]) -> Result<(), MediaError> {
    let container = input.container();
    if ![FLV, MATROSKA, TRANSPORT_STREAM].contains(&container) {
        return Ok(());
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut file = BufReader::with_capacity(BUFFER, file);
    let fault = match container {
        FLV => flv::fault(&mut file, size)?,
        MATROSKA => matroska::fault(&mut file, size)?,
        _ => {
            // FFmpeg numbers the streams of a transport stream by their packets.
            let pid = |index| input.stream(index).and_then(|one| u16::try_from(one.id()).ok());
            transport_stream::fault(&mut file, streams.map(pid))?
        }
    };
    match fault {
        Some(what) => Err(MediaError::Malformed { container, what }),
        None => Ok(()),
    }
}

/// Returns the configuration of H.264 that an FLV file holds.
///
/// # Errors
///
/// `Io`.
pub(super) fn flv_avc(path: &Path) -> Result<Option<Vec<u8>>, MediaError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    flv::avc(&mut BufReader::with_capacity(BUFFER, file), size)
}
