//! Dicts and prefixes that training scripts put around the weights.

use crate::{pickle::Pickle, setup::Network};

#[test]
fn prefixes_of_wrappers_are_removed_in_any_order() {
    let network = Network::new();
    for prefix in [
        "",
        "module.",
        "_orig_mod.",
        "model.",
        "net.",
        "_orig_mod.module.",
        "module._orig_mod.",
        "model.net.module._orig_mod.",
    ] {
        let mut pickle = Pickle::new(2);
        pickle.state_dict(&network.keys, prefix);
        network.assert_loads(&network.write(pickle));
    }
}

/// Each kind of training checkpoint holds the weights beside tensors of the optimizer.
#[test]
fn training_checkpoints_are_read() {
    let network = Network::new();
    let shape = network.keys[0].1.clone();
    let optimizer = |pickle: &mut Pickle| {
        pickle.op(b"}(").text("state").op(b"}(K\x00}(").text("exp_avg").tensor(0, &shape);
        pickle.op(b"uu").text("param_groups").op(b"]u");
    };
    for wrapper in ["state_dict", "model_state_dict", "model", "net", "weights", "ema", "avff_v2"] {
        let mut pickle = Pickle::new(2);
        pickle.op(b"}(").text("epoch").int(31).text("optimizer");
        optimizer(&mut pickle);
        pickle.text(wrapper).state_dict(&network.keys, "").op(b"u");
        network.assert_loads(&network.write(pickle));
    }
    // A Lightning checkpoint.
    let mut pickle = Pickle::new(2);
    pickle.op(b"}(").text("epoch").int(3).text("global_step").int(70_000);
    pickle.text("pytorch-lightning_version").text("2.4.0");
    pickle.text("state_dict").state_dict(&network.keys, "model.");
    pickle.text("loops").op(b"}").text("callbacks").op(b"}(").text("ModelCheckpoint");
    pickle.op(b"}(").text("best_model_score").tensor(0, &shape).op(b"uu");
    pickle.text("optimizer_states").op(b"](");
    optimizer(&mut pickle);
    pickle.op(b"e").text("lr_schedulers").op(b"]");
    pickle.text("hyper_parameters").global("argparse", "Namespace").op(b")\x81}(");
    pickle.text("lr").op(b"G\x3f\xf0\0\0\0\0\0\0ubu");
    network.assert_loads(&network.write(pickle));
}

/// Weights are preferred to their average, and nested dicts are followed.
#[test]
fn preferred_wrapper_is_used() {
    let network = Network::new();
    let mut other = network.keys.clone();
    other.truncate(3);
    let mut pickle = Pickle::new(2);
    pickle.op(b"}(").text("model_ema").state_dict(&other, "");
    pickle.text("model").op(b"}(").text("name").text("avff");
    pickle.text("state_dict").state_dict(&network.keys, "").op(b"u");
    // A dict of settings is not mistaken for the weights.
    pickle.text("params").op(b"}(").text("lr").int(1).op(b"uu");
    network.assert_loads(&network.write(pickle));
    let mut pickle = Pickle::new(2);
    pickle.global("mmengine", "Config").op(b")\x81(");
    pickle.text("state_dict").global("x", "Dict").op(b")\x81(");
    for (index, (key, shape)) in network.keys.iter().enumerate() {
        pickle.text(key).parameter(index, shape);
    }
    pickle.op(b"uu");
    network.assert_loads(&network.write(pickle));
}

#[test]
fn files_without_one_set_of_weights_say_what_to_do() {
    let network = Network::new();
    let state_dict = "torch.save(model.state_dict(), \"weights.pth\")";
    let mut two = Pickle::new(2);
    two.op(b"}(").text("teacher").state_dict(&network.keys, "");
    two.text("pupil").state_dict(&network.keys, "").op(b"u");
    network.assert_refused(two, &["several dicts of tensors", "`teacher`, `pupil`"]);
    let mut none = Pickle::new(2);
    none.op(b"}(").text("epoch").int(1).text("args").op(b"}u");
    network.assert_refused(none, &["the keys `epoch`, `args`", state_dict]);
    let mut list = Pickle::new(2);
    list.op(b"]");
    network.assert_refused(list, &["it holds a sequence, not a state dict", state_dict]);
    let mut tensor = Pickle::new(2);
    tensor.tensor(0, &network.keys[0].1);
    network.assert_refused(tensor, &["it holds a single tensor", state_dict]);
    let mut unknown = Pickle::new(2);
    unknown.state_dict(&network.keys, "lit.");
    network.assert_refused(unknown, &["its keys start with `lit.`, which must be removed"]);
}
