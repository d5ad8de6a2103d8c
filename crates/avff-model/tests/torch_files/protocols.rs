//! Pickle protocols, with values that weights do not need.

use crate::{pickle::Pickle, setup::Network};

/// Protocols 4 and 5 have instructions for sets, frames, keyword arguments and byte arrays.
#[test]
fn values_beside_the_weights_are_opaque_in_every_protocol() {
    let network = Network::new();
    for protocol in 2..=5 {
        let mut pickle = Pickle::new(protocol);
        pickle.op(b"}(");
        pickle.text("long").op(b"X").op(&70_000u32.to_le_bytes()).op(&[b'y'; 70_000]);
        pickle.text("big").op(b"\x8a\x09\0\0\0\0\0\0\0\0\x40");
        pickle.text("part").global("fractions", "Fraction").op(b"K\x01K\x03\x86R");
        pickle.text("epoch").int(300);
        pickle.text("loss").op(b"G\x3f\xe0\0\0\0\0\0\0");
        if protocol >= 3 {
            pickle.text("bytes").op(b"B").op(&300u32.to_le_bytes()).op(&[b'x'; 300]);
        }
        if protocol >= 4 {
            pickle.op(b"\x95\0\0\0\0\0\0\0\0");
            pickle.text("frozen").op(b"(K\x01K\x02\x91\x94");
            pickle.text("set").op(b"\x8f\x94(K\x03K\x04\x90");
            pickle.text("odd").global("__main__", "Odd").op(b")}\x94").text("a").op(b"K\x01s\x92");
        }
        if protocol >= 5 {
            pickle.text("array").op(b"\x96\x02\0\0\0\0\0\0\0ab");
            pickle.text("buffer").op(b"\x97\x98");
        }
        pickle.text("model").state_dict(&network.keys, "module.").op(b"u");
        network.assert_loads(&network.write(pickle));
    }
}

/// The metadata that `state_dict()` attaches to its dict is a state of the dict.
#[test]
fn state_of_the_dict_is_ignored() {
    let network = Network::new();
    let mut pickle = Pickle::new(2);
    pickle.state_dict(&network.keys, "").op(b"}").text("_metadata").ordered_dict().op(b"sb");
    network.assert_loads(&network.write(pickle));
}

#[test]
fn calls_are_never_executed() {
    let network = Network::new();
    let marker = network.path("executed");
    let mut pickle = Pickle::new(2);
    pickle.op(b"}(").text("hook").global("os", "system").op(b"(");
    pickle.text(&format!("touch {}", marker.display())).op(b"tR");
    pickle.text("state_dict").state_dict(&network.keys, "").op(b"u");
    network.assert_loads(&network.write(pickle));
    assert!(!marker.exists());
}
