//! Damaged files, and other files in place of a checkpoint.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use avff_model::{Checkpoint, Classifier};
use burn_flex::Flex;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    networks::nano,
    pickle::Pickle,
    setup::{Network, load},
};

fn message(path: &Path) -> String {
    load(path).unwrap_err().to_string()
}

/// Every storage has a checksum in the zip archive.
#[test]
fn flipped_bit_is_refused_with_the_name_of_its_storage() {
    let network = Network::new();
    let mut pickle = Pickle::new(2);
    pickle.state_dict(&network.keys, "module.");
    let path = network.write(pickle);
    let bytes = fs::read(&path).unwrap();
    for (index, (key, _)) in network.keys.iter().enumerate().step_by(7) {
        let values: &[u8] = bytemuck::cast_slice(&network.values[key]);
        let window = &values[..values.len().min(64)];
        let at = bytes.windows(window.len()).position(|part| part == window).unwrap();
        let mut damaged = bytes.clone();
        damaged[at + values.len() / 2] ^= 1 << (index % 8);
        fs::write(&path, &damaged).unwrap();
        let error = message(&path);
        assert!(error.contains("file.pth: not a readable checkpoint: archive/data/"), "{error}");
        assert!(error.contains("is damaged: its CRC-32 is"), "{error}");
        assert!(error.ends_with("copy or download the file again"), "{error}");
        let file = Checkpoint::open(&path).unwrap();
        let offloaded = file.classifier_offloaded::<Flex>(&nano(), &Default::default());
        assert!(offloaded.unwrap_err().to_string().contains("is damaged"));
    }
}

/// A view reads a part of its storage, and all of the storage is checked.
#[test]
fn damage_beside_a_view_is_refused() {
    let path = Path::new("tests/fixtures/odd_storage.pth");
    let mut bytes = fs::read(path).unwrap();
    let file = Checkpoint::from_bytes(path, bytes.clone()).unwrap();
    let model: Classifier<Flex> = file.classifier(&nano(), &Default::default()).unwrap();
    let bias = model.a2v.transformer.fc2.bias.as_ref().unwrap().val().into_data();
    let values: Vec<u8> = bias.iter::<f32>().flat_map(f32::to_le_bytes).collect();
    let at = bytes.windows(values.len()).position(|part| part == values).unwrap();
    bytes[at] ^= 1;
    let file = Checkpoint::from_bytes(path, bytes).unwrap();
    let error = file.classifier::<Flex>(&nano(), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[test]
fn archives_of_other_things_are_named() {
    let network = Network::new();
    let path = network.path("file.zip");
    let write = |names: &[&str]| {
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for name in names {
            archive.start_file(*name, options).unwrap();
            archive.write_all(b"\x80\x02}.").unwrap();
        }
        archive.finish().unwrap();
    };
    for (names, parts) in [
        (
            &["readme.md", "runs/best.PTH"][..],
            &["zip archive that holds `runs/best.PTH`", "unpack it"][..],
        ),
        (&["m/data.pkl", "m/constants.pkl"], &["TorchScript", "torch.jit.load(path).state_dict()"]),
        (&["arr_0.npy"], &["NumPy arrays (.npz)", "save the state dict"]),
        (&["word/document.xml"], &["no data.pkl", "give a file of torch.save"]),
    ] {
        write(names);
        let error = message(&path);
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn half_a_download_is_named_by_its_ending() {
    let network = Network::new();
    let mut pickle = Pickle::new(2);
    pickle.state_dict(&network.keys, "");
    let bytes = fs::read(network.write(pickle)).unwrap();
    let path = network.path("stage3.pth.crdownload");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = message(&path);
    assert!(error.contains("incomplete") && error.contains("download it again"), "{error}");
    assert!(
        error.ends_with(
            "the ending .crdownload marks a download that did not finish: finish it first"
        ),
        "{error}"
    );
    // A whole file may have any name.
    fs::write(&path, &bytes).unwrap();
    network.assert_loads(&path);
    let tar = network.path("stage3.pth.tar");
    fs::write(&tar, &bytes).unwrap();
    network.assert_loads(&tar);
}

#[test]
fn folders_are_not_checkpoints() {
    let network = Network::new();
    let error = message(network.folder.path());
    assert!(error.ends_with("it is a folder: give the file of weights in it"), "{error}");
}
