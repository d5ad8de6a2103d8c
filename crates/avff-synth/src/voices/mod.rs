//! Recorded voices: real speech with the times of its phones, and the movements of lips that belong
//! to it.
//!
//! A folder of voices has a table `voices.csv` and, for every utterance, a WAV file and a text file
//! with a line `start end phone` for every phone. `data/voices/make.py` makes one from packages with
//! free licenses. [`Library`] reads the table, [`Recording`] an utterance. [`Warp`] turns a speaker
//! into further speakers, [`LipTrack`] turns phones into movements of a face as a speaker with some
//! [`Habits`] makes them, and [`Channel`] adds a room, a microphone and background noise.

pub mod actions;
mod background;
mod biquad;
mod casting;
mod channel;
mod error;
mod habits;
mod library;
mod lip_track;
mod loudness;
mod microphone;
mod phone;
mod phone_track;
mod recording;
mod resample;
mod reverberation;
mod splits;
mod stretch;
mod take;
mod viseme;
mod warp;

pub use self::{
    casting::audio_speaker,
    channel::Channel,
    error::VoicesError,
    habits::Habits,
    library::{Library, Utterance},
    lip_track::{LipTrack, drawn_lips},
    loudness::Loudness,
    phone::Phone,
    phone_track::{PhoneFault, PhoneTrack, Segment},
    recording::{RATE, Recording},
    resample::resampled,
    splits::split_speakers,
    stretch::stretched,
    viseme::Viseme,
    warp::Warp,
};
pub(crate) use self::{
    casting::{Casting, Role},
    take::{Performance, Take},
};
