#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::{avc::whole_nals, bit_writer::BitWriter};

/// Frame numbers of four bits, so that they wrap after 15.
fn sequence_set(gaps_allowed: bool, frames_only: bool) -> Vec<u8> {
    let writer = BitWriter::default().bits(8, 77).bits(16, 30).ue(0).ue(0).ue(2).ue(4);
    let writer = writer.bits(1, gaps_allowed.into()).ue(5).ue(4).bits(1, frames_only.into());
    writer.bits(3, 0).nal(&[0x67])
}

fn picture_set(id: u32) -> Vec<u8> {
    let writer = BitWriter::default().ue(id).ue(0).bits(2, 0).ue(0).ue(0).ue(0).bits(3, 0);
    writer.ue(0).ue(0).ue(0).bits(3, 0).nal(&[0x68])
}

fn units(gaps_allowed: bool, frames_only: bool) -> AccessUnits {
    let sets = [sequence_set(gaps_allowed, frames_only), picture_set(0), picture_set(1)];
    let sets: Vec<u8> = sets.iter().flat_map(|set| [&[0, 0, 1], &set[..]].concat()).collect();
    AccessUnits::new(&sets)
}

const IDR: u8 = 0x65;
const P: u8 = 0x41;
const B: u8 = 0x01;

/// A slice of P pictures without changes of lists or marking.
fn slice_of(header: u8, first: u32, set: u32, frame_num: u32) -> Vec<u8> {
    BitWriter::default().ue(first).ue(0).ue(set).bits(4, frame_num).bits(20, 0).nal(&[header])
}

/// A P picture that removes picture 2 before it, and starts frame numbers anew.
fn resetting(frame_num: u32, resets: bool) -> Vec<u8> {
    let writer = BitWriter::default().ue(0).ue(0).ue(0).bits(4, frame_num);
    // One reference picture, which is another than usual.
    let writer = writer.bits(1, 1).ue(0).bits(1, 1).ue(0).ue(3).ue(3);
    let writer = writer.bits(1, 1).ue(1).ue(2);
    if resets { writer.ue(5).ue(0) } else { writer.ue(0) }.nal(&[P])
}

fn slice(header: u8, frame_num: u32) -> Vec<u8> {
    slice_of(header, 0, 0, frame_num)
}

/// Checks pictures of one slice each. Returns the first that is refused, and why.
fn refused(mut units: AccessUnits, pictures: &[(u8, u32)]) -> Option<(usize, String)> {
    pictures.iter().enumerate().find_map(|(index, &(header, frame_num))| {
        units.check([&slice(header, frame_num)[..]]).err().map(|error| (index, error))
    })
}

#[test]
fn every_picture_follows_the_last_reference_frame() {
    // Numbers start again after 15.
    let mut pictures = vec![(IDR, 0)];
    pictures.extend((1..40).map(|number| (P, number % 16)));
    pictures.extend([(IDR, 0), (B, 1), (B, 1), (P, 1), (B, 2), (P, 2), (IDR, 0), (P, 1)]);
    assert_eq!(refused(units(false, true), &pictures), None);
    // Only two disposable pictures leave no trace.
    for lost in 1..pictures.len() - 1 {
        let mut pictures = pictures.clone();
        let (header, frame_num) = pictures.remove(lost);
        let before_reset = matches!(pictures.get(lost), Some((IDR, _)));
        let seen = refused(units(false, true), &pictures);
        let expected = header != B && !before_reset;
        assert_eq!(seen.is_some(), expected, "{lost} {frame_num}: {seen:?}");
    }
}

#[test]
fn the_fault_is_named() {
    let (index, error) = refused(units(false, true), &[(IDR, 0), (P, 1), (P, 3)]).unwrap();
    assert_eq!(index, 2);
    assert_eq!(error, "frames before it are missing or repeated (its frame_num is 3 instead of 2)");
    let (_, error) = refused(units(false, true), &[(IDR, 0), (P, 1), (P, 1)]).unwrap();
    assert!(error.contains("is 1 instead of 2"), "{error}");
    let (_, error) = refused(units(false, true), &[(IDR, 3)]).unwrap();
    assert!(error.contains("frame_num 3 instead of 0"), "{error}");
}

#[test]
fn streams_may_start_anywhere_reset_and_allow_gaps() {
    for (pictures, gaps_allowed, frames_only) in [
        (&[(P, 7), (P, 8)][..], false, true),
        (&[(B, 7), (P, 7), (P, 8)], false, true),
        (&[(IDR, 0), (P, 1), (P, 9)], true, true),
        (&[(IDR, 0), (P, 1), (P, 1), (P, 2), (B, 3)], false, false),
    ] {
        assert_eq!(refused(units(gaps_allowed, frames_only), pictures), None, "{pictures:?}");
    }
    // Without parameter sets, nothing is known of the numbers.
    assert_eq!(refused(AccessUnits::default(), &[(IDR, 0), (P, 9)]), None);
}

#[test]
fn slices_of_a_picture_belong_together() {
    let check = |slices: &[Vec<u8>]| {
        let mut units = units(false, true);
        units.check([&slice(IDR, 0)[..]]).unwrap();
        units.check(slices.iter().map(Vec::as_slice))
    };
    let of = |header, first, set, frame_num| slice_of(header, first, set, frame_num);
    assert_eq!(check(&[of(P, 0, 0, 1), of(P, 9, 0, 1), of(P, 20, 0, 1)]), Ok(()));
    for (slices, part) in [
        (vec![of(P, 9, 0, 1)], "the first slice is missing"),
        (vec![of(P, 0, 0, 1), of(P, 9, 0, 1), of(P, 9, 0, 1)], "not in order"),
        (vec![of(P, 0, 0, 1), of(P, 9, 0, 2)], "frame_num"),
        (vec![of(P, 0, 0, 1), of(B, 9, 0, 1)], "nal_ref_idc"),
        (vec![of(P, 0, 0, 1), of(IDR, 9, 0, 1)], "nal_unit_type"),
        (vec![of(P, 0, 0, 1), of(P, 9, 1, 1)], "pic_parameter_set_id"),
        (vec![of(P | 0x80, 0, 0, 1)], "forbidden_zero_bit"),
        (vec![vec![P]], "within its header"),
        (vec![vec![9, 0x10]], "no slice"),
        (vec![], "no slice"),
    ] {
        let error = check(&slices).unwrap_err();
        assert!(error.contains(part), "{error}, not {part}");
    }
}

#[test]
fn samples_are_split_by_lengths() {
    let mut units = units(false, true);
    let nal = slice(IDR, 0);
    let mut sample = u16::try_from(nal.len()).unwrap().to_be_bytes().to_vec();
    sample.extend(&nal);
    assert_eq!(units.check(whole_nals(&sample, 2).unwrap()), Ok(()));
    let error = whole_nals(&sample[..sample.len() - 1], 2).unwrap_err();
    assert!(error.contains("runs past the end"), "{error}");
}

#[test]
fn a_picture_may_start_the_numbers_anew() {
    for (resets, next, expected) in
        [(true, 1, true), (true, 6, true), (true, 7, false), (false, 1, false), (false, 6, true)]
    {
        let mut units = units(false, true);
        units.restart();
        units.check([&slice(P, 4)[..]]).unwrap();
        units.check([&resetting(5, resets)[..]]).unwrap();
        let seen = units.check([&slice(P, next)[..]]);
        assert_eq!(seen.is_ok(), expected, "{resets} {next}: {seen:?}");
    }
    // A header that ends too early may hold anything.
    let mut units = units(false, true);
    units.check([&slice(P, 4)[..]]).unwrap();
    units.check([&resetting(5, true)[..4]]).unwrap();
    assert_eq!(units.check([&slice(P, 1)[..]]), Ok(()));
}
