//! Reads clips of shards for training.

use std::{path::Path, sync::Arc};

use serde::Deserialize;

use super::{
    ShardError, ShardSet,
    index::difference,
    sample::{PackedWindow, decode_packed},
};
use crate::{
    decode::{DecodeRequest, DecodedClip},
    error::{ClipError, DataError},
    loader::{Choose, ReadClip},
    spec::ClipSpec,
};

/// Reads clips of shards. Every byte is checked against the checksum of its clip.
pub struct ShardReader {
    set: Arc<ShardSet>,
    spec: ClipSpec,
}

/// The JSON of a clip.
#[derive(Deserialize)]
struct About {
    windows: Vec<PackedWindow>,
}

impl ShardReader {
    /// Creates a reader for a network whose clips are prepared by `spec`.
    ///
    /// # Errors
    /// [`ShardError::Spec`] if the clips in the shards were prepared in another way.
    pub fn new(set: Arc<ShardSet>, spec: ClipSpec) -> Result<Self, ShardError> {
        let stored = comparable(&set.spec, &spec, set.packing.wave);
        let wanted = comparable(&spec, &spec, set.packing.wave);
        if let Some((packed, wanted)) = difference(&stored, &wanted) {
            let path = set.store.path("");
            return Err(ShardError::Spec { path, packed, wanted });
        }
        Ok(Self { set, spec })
    }

    fn window(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, DataError> {
        let set = &self.set;
        let damaged = |what: String| DataError::from(ShardError::Sample(what));
        let place =
            set.places.get(path).ok_or_else(|| damaged("there is no such clip".to_owned()))?;
        let shard = set.shards.get(place.shard).map(String::as_str).unwrap_or_default();
        let bytes = set
            .store
            .read(shard, place.at, place.bytes)
            .map_err(ShardError::io(set.store.path(shard)))?;
        if crc32fast::hash(&bytes) != place.crc32 {
            return Err(damaged(format!("the checksum of {} differs", place.name)));
        }
        let members = members(&bytes, &place.key)?;
        let find =
            |name: &str| members.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes);
        let about = find("json").ok_or_else(|| damaged("its JSON is missing".to_owned()))?;
        let about: About = serde_json::from_slice(about)
            .map_err(|error| damaged(format!("its JSON cannot be read: {error}")))?;
        let last = about.windows.len().saturating_sub(1);
        let index = choose(about.windows.len()).min(last);
        let window =
            about.windows.get(index).ok_or_else(|| damaged("it has no window".to_owned()))?;
        decode_packed(index, *window, request, &self.spec, set.packing, &find)
    }
}

/// Returns the members of a clip, by their names without the key.
fn members<'a>(bytes: &'a [u8], key: &str) -> Result<Vec<(String, &'a [u8])>, ShardError> {
    let broken = |error: std::io::Error| ShardError::Sample(format!("clip {key}: {error}"));
    let mut members = Vec::new();
    for entry in tar::Archive::new(bytes).entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let place = || {
            let start = usize::try_from(entry.raw_file_position()).ok()?;
            bytes.get(start..start.checked_add(usize::try_from(entry.size()).ok()?)?)
        };
        let content = place()
            .ok_or_else(|| ShardError::Sample(format!("clip {key}: the member {name} is cut")))?;
        if let Some(name) = name.strip_prefix(key).and_then(|name| name.strip_prefix('.')) {
            members.push((name.to_owned(), content));
        }
    }
    Ok(members)
}

/// Returns the parts of a spec on which the stored clips depend. Normalization comes after reading;
/// with waveforms, so does the filterbank.
fn comparable(spec: &ClipSpec, wanted: &ClipSpec, wave: bool) -> ClipSpec {
    let (decoder, speech, only) = (wanted.decoder, wanted.speech, wanted.only);
    let mut spec = ClipSpec { decoder, speech, only, ..spec.for_weights() };
    (spec.video.mean, spec.video.std) = (wanted.video.mean, wanted.video.std);
    (spec.video.color, spec.video.standardize) = (wanted.video.color, wanted.video.standardize);
    (spec.audio.mean, spec.audio.std) = (wanted.audio.mean, wanted.audio.std);
    spec.audio.standardize = wanted.audio.standardize;
    if wave {
        spec.audio = wanted.audio.clone();
    }
    spec
}

impl ReadClip for ShardReader {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        self.window(path, request, choose).map_err(|source| ClipError::new(path, source))
    }

    fn concat(&self, first: &Path, _: &Path) -> Result<DecodedClip, ClipError> {
        Err(ClipError::new(first, DataError::from(ShardError::NoConcat)))
    }
}
