//! Whole modules that `torch.save(model)` pickled.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    pickle::Pickle,
    setup::{Network, load},
};

/// A module: parameters with their storage, and submodules.
#[derive(Default)]
struct Node {
    parameters: Vec<(String, usize)>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn of(network: &Network) -> Self {
        let mut root = Self::default();
        for (index, (key, _)) in network.keys.iter().enumerate() {
            let mut node = &mut root;
            let mut parts: Vec<&str> = key.split('.').collect();
            let name = parts.pop().unwrap();
            for part in parts {
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.parameters.push((name.to_owned(), index));
        }
        root
    }

    /// Writes the module as the pickler does: an object of its class, with its `__dict__`.
    fn write(&self, pickle: &mut Pickle, network: &Network) {
        pickle.global("models.avff", "Block").op(b")\x81}(");
        pickle.text("training").op(b"\x89");
        pickle.text("_parameters").ordered_dict().op(b"(");
        for &(ref name, index) in &self.parameters {
            pickle.text(name).parameter(index, &network.keys[index].1);
        }
        // A layer without bias.
        pickle.text("absent").op(b"Nu");
        pickle.text("_buffers").op(b"}(").text("cache").tensor(0, &network.keys[0].1).op(b"u");
        pickle.text("_non_persistent_buffers_set").global("builtins", "set").op(b"](");
        pickle.text("cache").op(b"e\x85R");
        pickle.text("_backward_hooks").ordered_dict();
        pickle.text("_modules").ordered_dict().op(b"(");
        for (name, child) in &self.children {
            pickle.text(name);
            child.write(pickle, network);
        }
        pickle.text("dropped").op(b"N");
        pickle.op(b"uub");
    }
}

#[test]
fn weights_of_whole_modules_are_read() {
    let network = Network::new();
    for protocol in [2, 4] {
        let mut pickle = Pickle::new(protocol);
        Node::of(&network).write(&mut pickle, &network);
        network.assert_loads(&network.write(pickle));
    }
}

/// Data parallel training wraps the module, and the script puts it beside the epoch.
#[test]
fn wrapped_modules_are_read() {
    let network = Network::new();
    let mut parallel = Node::default();
    parallel.children.insert("module".into(), Node::of(&network));
    let mut pickle = Pickle::new(2);
    pickle.op(b"}(").text("epoch").int(3).text("model");
    parallel.write(&mut pickle, &network);
    pickle.op(b"u");
    network.assert_loads(&network.write(pickle));
}

#[test]
fn objects_without_parameters_are_named() {
    let network = Network::new();
    let mut pickle = Pickle::new(2);
    pickle.global("models.avff", "Trainer").op(b")\x81}(").text("lr").int(1).op(b"ub");
    network.assert_refused(
        pickle,
        &["a Python object of `models.avff.Trainer`", "torch.save(model.state_dict()"],
    );
}

/// A module in itself, and a dict that many modules share, would be walked without end.
#[test]
fn hostile_modules_end() {
    let network = Network::new();
    let mut endless = Pickle::new(2);
    endless.global("m", "C").op(b")\x81q\x01}(").text("_parameters").op(b"}");
    endless.text("_modules").op(b"}").text("me").op(b"h\x01sub");
    network.assert_refused(endless, &["nested too deeply"]);
    let mut doubling = Pickle::new(2);
    doubling.global("m", "C").op(b"q\x01)\x81}(").text("_parameters").op(b"}");
    doubling.text("_modules").op(b"}ub");
    for _ in 0..40 {
        // The module before is twice in the next one.
        doubling.op(b"q\x020h\x01)\x81}(").text("_parameters").op(b"}(").text("w");
        doubling.tensor(0, &network.keys[0].1).op(b"u").text("_modules").op(b"}(");
        doubling.text("a").op(b"h\x02").text("b").op(b"h\x02uub");
    }
    network.assert_refused(doubling, &["than"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The archive of a damaged pickle has correct checksums, so that its contents are read.
    #[test]
    fn damaged_modules_never_panic(
        protocol in 2u8..=5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let network = Network::new();
        let mut pickle = Pickle::new(protocol);
        Node::of(&network).write(&mut pickle, &network);
        let mut bytes = pickle.finish();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut damaged = Pickle::new(protocol);
        damaged.op(&bytes[2..]);
        let _ = load(&network.write(damaged));
    }
}
