//! The files of the published encoders: keys, shapes and values.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::{DEPTH, DIM, formula, torch_file};

pub(crate) type Shapes = Vec<(String, Vec<usize>)>;

/// Returns weights of about unit gain, LayerNorm weights near 1, and biases large enough to matter.
/// Queries see every direction, because the effect of unseen directions cannot be folded; unit
/// tests cover that case.
pub(crate) fn value(key: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let norm = key.contains("norm") && key.ends_with("weight");
    let (scale, offset) = match shape {
        [_] if norm => (0.3, 1.0),
        [_] => (0.4, 0.0),
        _ if key.contains("pos_emb") || key.contains("modality") => (0.5, 0.0),
        _ => ((3.0 / shape[1..].iter().product::<usize>() as f32).sqrt(), 0.0),
    };
    let mut values: Vec<f32> =
        formula::stream(key, count).into_iter().map(|value| value * scale + offset).collect();
    if key.ends_with("attn.qkv.weight") {
        for (at, value) in values[..DIM * DIM].iter_mut().enumerate() {
            *value = 0.4 * *value + f32::from(u8::from(at % DIM == at / DIM));
        }
    }
    values
}

pub(crate) fn block(shapes: &mut Shapes, base: &str, mlp: [&str; 2], norms: &[&str]) {
    let mut add =
        |name: String, shape: &[usize]| shapes.push((format!("{base}.{name}"), shape.to_vec()));
    for norm in norms {
        add(format!("{norm}.weight"), &[DIM]);
        add(format!("{norm}.bias"), &[DIM]);
    }
    add("attn.qkv.weight".into(), &[3 * DIM, DIM]);
    add("attn.proj.weight".into(), &[DIM, DIM]);
    add("attn.proj.bias".into(), &[DIM]);
    for (name, [outputs, inputs]) in mlp.into_iter().zip([[4 * DIM, DIM], [DIM, 4 * DIM]]) {
        add(format!("{name}.weight"), &[outputs, inputs]);
        add(format!("{name}.bias"), &[outputs]);
    }
}

pub(crate) fn timm_block(shapes: &mut Shapes, base: &str, norms: &[&str]) {
    block(shapes, base, ["mlp.fc1", "mlp.fc2"], norms);
    shapes.push((format!("{base}.attn.qkv.bias"), vec![3 * DIM]));
}

pub(crate) fn pair(shapes: &mut Shapes, name: &str) {
    shapes.push((format!("{name}.weight"), vec![DIM]));
    shapes.push((format!("{name}.bias"), vec![DIM]));
}

pub(crate) fn audio_mae(times: usize) -> Shapes {
    let mut shapes = vec![
        ("cls_token".into(), vec![1, 1, DIM]),
        ("pos_embed".into(), vec![1, 8 * times + 1, DIM]),
        ("patch_embed.proj.weight".into(), vec![DIM, 1, 16, 16]),
        ("patch_embed.proj.bias".into(), vec![DIM]),
    ];
    (0..DEPTH).for_each(|n| timm_block(&mut shapes, &format!("blocks.{n}"), &["norm1", "norm2"]));
    pair(&mut shapes, "norm");
    timm_block(&mut shapes, "decoder_blocks.0", &["norm1", "norm2"]);
    shapes.push(("mask_token".into(), vec![1, 1, DIM]));
    shapes
}

pub(crate) fn cav_mae() -> Shapes {
    let all = ["norm1", "norm1_a", "norm1_v", "norm2", "norm2_a", "norm2_v"];
    let mut shapes = vec![
        ("modality_a".into(), vec![1, 1, DIM]),
        ("modality_v".into(), vec![1, 1, DIM]),
        ("pos_embed_a".into(), vec![1, 32, DIM]),
        ("patch_embed_a.proj.weight".into(), vec![DIM, 1, 16, 16]),
        ("patch_embed_a.proj.bias".into(), vec![DIM]),
        ("patch_embed_v.proj.weight".into(), vec![DIM, 3, 16, 16]),
    ];
    for base in ["blocks_a.0", "blocks_v.0", "blocks_u.0"] {
        timm_block(&mut shapes, base, &all);
    }
    for name in ["norm_a", "norm_v", "norm"] {
        pair(&mut shapes, name);
    }
    shapes.push(("decoder_pos_embed_a".into(), vec![1, 32, 12]));
    shapes
}

pub(crate) fn marlin(prefix: &str) -> Shapes {
    let mut shapes: Shapes = vec![
        (format!("{prefix}patch_embedding.projection.weight"), vec![DIM, 3, 2, 16, 16]),
        (format!("{prefix}patch_embedding.projection.bias"), vec![DIM]),
        (format!("{prefix}pos_embedding.emb"), vec![1, 32, DIM]),
    ];
    for n in 0..DEPTH {
        let base = format!("{prefix}blocks.{n}");
        block(
            &mut shapes,
            &base,
            ["mlp.layers.0.linear", "mlp.layers.1.linear"],
            &["norm1", "norm2"],
        );
        shapes.push((format!("{base}.attn.q_bias"), vec![DIM]));
        shapes.push((format!("{base}.attn.v_bias"), vec![DIM]));
    }
    pair(&mut shapes, &format!("{prefix}norm"));
    shapes
}

/// Writes a training checkpoint with the state dict under `model`.
pub(crate) fn write(folder: &TempDir, shapes: &Shapes) -> PathBuf {
    let path = folder.path().join("source.pth");
    torch_file::write_training_checkpoint(&path, "model", shapes, value);
    path
}
