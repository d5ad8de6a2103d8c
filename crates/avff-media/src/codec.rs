//! The codec of an MP4 audio track: reads the sample entry and creates the decoder.

use symphonia::core::{
    codecs::audio::{
        AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
        well_known::{CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_MP3},
    },
    errors::Error,
};

use super::{
    aac,
    alac::Cookie,
    audio_packet::StreamInfo,
    mp4::{Children, Entry, Esds, Fields, audio_name},
    pcm::{Coding, Pcm},
};
use crate::error::{MediaError, Stream};

/// The codec of an audio track.
#[derive(Debug, Clone)]
pub(crate) enum Codec {
    /// Compressed packets for a decoder.
    Coded(Box<AudioCodecParameters>),
    /// Uncompressed samples.
    Pcm(Pcm),
}

impl Codec {
    /// Reads the codec settings of a sample entry.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec` with the codec's name, `Malformed` for broken settings.
    pub(crate) fn of(entry: &Entry<'_>) -> Result<Self, MediaError> {
        let (id, config) = match &entry.format {
            b"mp4a" => {
                let esds = Esds::of(entry.boxes)?;
                match esds.object_type {
                    0x40 | 0x66..=0x68 => {
                        aac::check_config(esds.config).map_err(unsupported)?;
                        (CODEC_ID_AAC, esds.config)
                    }
                    0x69 | 0x6b => (CODEC_ID_MP3, &[][..]),
                    other => return Err(unsupported(object_type_name(other))),
                }
            }
            b".mp3" | b"ms\0\x55" => (CODEC_ID_MP3, &[][..]),
            b"alac" => (CODEC_ID_ALAC, Fields::full("alac", inner(entry, *b"alac")?)?.0.rest()),
            b"fLaC" => {
                let (mut fields, ..) = Fields::full("dfLa", inner(entry, *b"dfLa")?)?;
                // Skips the header of the STREAMINFO block; the decoder needs the 34 bytes of the
                // block.
                fields.take(4)?;
                let block = fields.take(34)?;
                // The difference of two channels has 33 bits, with which the decoder panics.
                if StreamInfo::read(block).is_some_and(|info| info.bits == 32 && info.channels == 2)
                {
                    return Err(unsupported("FLAC with two channels of 32 bits".to_owned()));
                }
                (CODEC_ID_FLAC, block)
            }
            _ => {
                let pcm = pcm_of(entry)?;
                return pcm.map(Self::Pcm).ok_or_else(|| unsupported(audio_name(entry.format)));
            }
        };
        let params = parameters(id, config);
        decoder(&params)?;
        Ok(Self::Coded(Box::new(params)))
    }

    /// Compares the codec's own configuration with the sample entry and with the time scale of the
    /// track. A decoder follows the configuration, so a wrong one changes the speed of the audio.
    ///
    /// # Errors
    ///
    /// `Damaged` where they contradict each other.
    pub(crate) fn check(&self, entry: &Entry<'_>, timescale: u32) -> Result<(), MediaError> {
        let entry = entry.audio;
        let Self::Coded(params) = self else { return Ok(()) };
        let config = params.extra_data.as_deref().unwrap_or_default();
        let (rate, channels, bits) = match params.codec {
            CODEC_ID_ALAC => match Cookie::read(config) {
                Some(cookie) => (cookie.rate, cookie.channels, cookie.bits),
                None => return Ok(()),
            },
            CODEC_ID_FLAC => match StreamInfo::read(config) {
                Some(info) => (info.rate, info.channels, info.bits),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        let contradiction = |what: &str, actual: u32, entry: u32| {
            Err(damaged(format!(
                "the configuration of {} states {actual} {what}, but the track states {entry}",
                self.name()
            )))
        };
        // A rate above 65,535 Hz does not fit into the entry, which then has a divisor of it or 0.
        let divides = entry.rate == 0 || rate % entry.rate == 0;
        if !divides && timescale != rate {
            return contradiction("Hz", rate, entry.rate);
        }
        // Two channels and 16 bits are the entry's values where its writer does not know better.
        if !matches!(entry.channels, 0 | 2) && entry.channels != channels {
            return contradiction("channels", channels, entry.channels);
        }
        if !matches!(entry.bits, 0 | 16) && entry.bits != bits {
            return contradiction("bits per sample", bits, entry.bits);
        }
        Ok(())
    }

    /// Returns whether the codec is AAC.
    pub(crate) fn is_aac(&self) -> bool {
        matches!(self, Self::Coded(params) if params.codec == CODEC_ID_AAC)
    }

    /// Returns the common name of the codec.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pcm(_) => "PCM",
            Self::Coded(params) => match params.codec {
                CODEC_ID_AAC => "AAC",
                CODEC_ID_MP3 => "MP3",
                CODEC_ID_ALAC => "ALAC",
                _ => "FLAC",
            },
        }
    }

    /// Returns the bytes per sample of all channels for uncompressed audio, else `None`.
    pub(crate) fn frame_bytes(&self) -> Option<u32> {
        match self {
            Self::Coded(_) => None,
            Self::Pcm(pcm) => Some(pcm.frame_bytes()),
        }
    }
}

/// Returns the error for an unsupported audio codec of this name.
pub(crate) fn unsupported(codec: String) -> MediaError {
    MediaError::UnsupportedCodec { stream: Stream::Audio, codec }
}

/// Returns the error for damage in the coded audio.
pub(crate) fn damaged(what: String) -> MediaError {
    MediaError::Damaged { stream: Stream::Audio, what }
}

/// Returns the codec name for an `objectTypeIndication` of the MP4 Registration Authority.
fn object_type_name(code: u8) -> String {
    match code {
        0xa5 => "AC-3".to_owned(),
        0xa6 => "E-AC-3".to_owned(),
        0xa9..=0xac => "DTS".to_owned(),
        0xad => "Opus".to_owned(),
        0xdd => "Vorbis".to_owned(),
        0xe1 => "QCELP".to_owned(),
        _ => format!("MPEG-4 object type 0x{code:02x}"),
    }
}

/// Finds a codec's own box, directly in the entry or in QuickTime's `wave` box.
fn inner<'a>(entry: &Entry<'a>, kind: [u8; 4]) -> Result<&'a [u8], MediaError> {
    match Children::find(entry.boxes, kind)? {
        Some(body) => Ok(body),
        None => Children::need(Children::need(entry.boxes, *b"wave")?, kind),
    }
}

/// Returns the layout of uncompressed audio; `None` for any other format.
fn pcm_of(entry: &Entry<'_>) -> Result<Option<Pcm>, MediaError> {
    let audio_fields = entry.audio;
    let little = match Children::find(entry.boxes, *b"wave")? {
        Some(wave) => Children::find(wave, *b"enda")?.is_some_and(|body| body.ends_with(&[1])),
        None => false,
    };
    let signed_or_float = |float| if float { Coding::Float } else { Coding::Signed };
    let (coding, bits, big_endian) = match &entry.format {
        b"raw " => (Coding::Unsigned8, 8, false),
        b"sowt" => (Coding::Signed, audio_fields.bits, false),
        b"twos" => (Coding::Signed, audio_fields.bits, true),
        b"in24" => (Coding::Signed, 24, !little),
        b"in32" => (Coding::Signed, 32, !little),
        b"fl32" => (Coding::Float, 32, !little),
        b"fl64" => (Coding::Float, 64, !little),
        b"lpcm" => {
            let flags = audio_fields.lpcm_flags;
            (signed_or_float(flags & 1 != 0), audio_fields.bits, flags & 2 != 0)
        }
        b"ipcm" | b"fpcm" => {
            let (mut fields, ..) = Fields::full("pcmC", inner(entry, *b"pcmC")?)?;
            let flags = fields.u8()?;
            let bits = u32::from(fields.u8()?);
            (signed_or_float(entry.format == *b"fpcm"), bits, flags & 1 == 0)
        }
        _ => return Ok(None),
    };
    Ok(Pcm::new(coding, bits, big_endian, audio_fields.channels, audio_fields.rate))
}

fn parameters(id: AudioCodecId, config: &[u8]) -> AudioCodecParameters {
    let mut params = AudioCodecParameters::new();
    params.for_codec(id);
    if !config.is_empty() {
        params.with_extra_data(config.into());
    }
    params
}

/// Creates a decoder that trims nothing by itself.
///
/// # Errors
///
/// `UnsupportedCodec` or `Damaged`, depending on why the decoder rejects its configuration.
pub(crate) fn decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, MediaError> {
    // The edit list decides what is trimmed.
    let options = AudioDecoderOptions::default().gapless(false);
    symphonia::default::get_codecs().make_audio_decoder(params, &options).map_err(|error| {
        match error {
            Error::Unsupported(what) => unsupported(what.to_owned()),
            other => damaged(format!("the decoder's configuration is broken ({other})")),
        }
    })
}
