//! The shape of a person's head, neck and shoulders.

use std::sync::LazyLock;

use avff_rng::Rng;

use super::{
    asset::{Asset, Material},
    vector::{Rotation, Vec3, add, cross, dot, scale, smooth, sub, unit},
};

/// The middle between the eyes of an average head. Every head is moved so that its eyes are there.
pub(super) const EYES: Vec3 = [0.0, 7.284, 1.245];
/// The point that a head turns around.
pub(super) const PIVOT: Vec3 = [0.0, 6.45, 0.25];
/// The joint of an average upper arm, for the arm at x > 0.
const SHOULDER: Vec3 = [1.677, 5.246, 0.146];
/// How far the body is extended below the mesh, in decimetres.
const BELOW: f32 = 7.0;
/// How far arms hang down from the spread arms of the mesh, in radians.
const ARMS_DOWN: f32 = 0.55;

/// The measures that choose the shape of a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Build {
    /// From 0, female, to 1, male.
    pub(super) male: f32,
    /// 0.1875 is a child, 0.5 a young and 1 an old adult.
    pub(super) age: f32,
    /// Weights of African, Asian and Caucasian shapes; the sum is 1.
    pub(super) ancestry: [f32; 3],
    /// From 0 to 1.
    pub(super) muscle: f32,
    pub(super) weight: f32,
}

impl Build {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut uniform = |low: f64, high: f64| rng.between(low, high) as f32;
        let side = uniform(0.0, 1.0);
        // Most faces are clearly of one sex.
        let male = if side < 0.5 { 0.5 * side } else { 0.5 + 0.5 * side };
        let age = if uniform(0.0, 1.0) < 0.08 { uniform(0.22, 0.45) } else { uniform(0.48, 0.96) };
        let raw = [0; 3].map(|_| {
            let value = uniform(0.02, 1.0);
            value * value * value
        });
        let sum: f32 = raw.iter().sum();
        let ancestry = raw.map(|value| value / sum);
        Self { male, age, ancestry, muscle: uniform(0.25, 0.85), weight: uniform(0.2, 0.9) }
    }

    /// Returns the weight of a macro target from its name, such as `asian-female-young` or
    /// `universal-male-old-maxmuscle-minweight`.
    fn share(&self, name: &str) -> f32 {
        let third = |value: f32| {
            [
                (1.0 - 2.0 * value).max(0.0),
                1.0 - (2.0 * value - 1.0).abs(),
                (2.0 * value - 1.0).max(0.0),
            ]
        };
        let (young, old) = ((self.age - 0.1875) / 0.3125, (self.age - 0.5) / 0.5);
        let (muscle, weight) = (third(self.muscle), third(self.weight));
        name.split('-').fold(1.0, |share, part| {
            share
                * match part {
                    "african" => self.ancestry[0],
                    "asian" => self.ancestry[1],
                    "caucasian" => self.ancestry[2],
                    "female" => 1.0 - self.male,
                    "male" => self.male,
                    "child" => (1.0 - young).max(0.0),
                    "young" => young.min(1.0) * (1.0 - old).min(1.0),
                    "old" => old.max(0.0),
                    "minmuscle" => muscle[0],
                    "averagemuscle" => muscle[1],
                    "maxmuscle" => muscle[2],
                    "minweight" => weight[0],
                    "averageweight" => weight[1],
                    "maxweight" => weight[2],
                    _ => 1.0,
                }
        })
    }
}

/// A person's shape at rest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) positions: Vec<Vec3>,
    /// For each vertex, how far it follows the head: 1 in the face, 0 in the torso.
    pub(super) follow: Vec<f32>,
    /// The height from the chin to the middle between the eyes, in decimetres.
    pub(super) face: f32,
}

impl Shape {
    pub(super) fn new(build: &Build, rng: &mut Rng) -> Self {
        let asset = Asset::get();
        let mut positions = asset.positions.clone();
        for morph in &asset.macros {
            let share = build.share(&morph.name);
            if share > 0.0 {
                morph.apply(&mut positions, share);
            }
        }
        for (morph, weight) in asset.details.iter().zip(details(rng)) {
            if weight > 0.0 {
                morph.apply(&mut positions, weight);
            }
        }
        let by = sub(EYES, middle(asset, &positions));
        positions.iter_mut().for_each(|position| *position = add(*position, by));
        lower_arms(asset, &mut positions);
        for &vertex in CUT.iter() {
            positions[vertex][1] -= BELOW;
        }
        let follow = asset.positions.iter().map(follow).collect();
        let chin = nearest(&asset.positions, [0.0, 6.2, 1.43]);
        let face = EYES[1] - positions.get(chin).map_or(6.2, |chin| chin[1]);
        Self { positions, follow, face }
    }

    /// Returns the outward normals of the vertices.
    pub(super) fn normals(&self) -> Vec<Vec3> {
        let mut out = Vec::new();
        normals(&self.positions, [], &mut out);
        out
    }
}

/// The vertices at the lower edge of the torso and the arms, where the mesh was cut.
static CUT: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let asset = Asset::get();
    let mut edges: Vec<[u16; 2]> = Vec::new();
    for (&[a, b, c], _) in asset
        .triangles
        .iter()
        .zip(&asset.materials)
        .filter(|(_, material)| **material == Material::Skin)
    {
        edges.extend([[a, b], [b, c], [c, a]].map(|[a, b]| [a.min(b), a.max(b)]));
    }
    edges.sort_unstable();
    // An edge of one triangle alone is an edge of the mesh.
    let single = edges.chunk_by(|a, b| a == b).filter(|equal| equal.len() == 1);
    let mut vertices: Vec<usize> =
        single.flatten().flatten().map(|&vertex| usize::from(vertex)).collect();
    vertices.retain(|&vertex| asset.positions[vertex][1] < 4.6);
    vertices.sort_unstable();
    vertices.dedup();
    vertices
});

/// Samples the weights of all details. Left and right sides get nearly equal ones.
fn details(rng: &mut Rng) -> Vec<f32> {
    let details = &Asset::get().details;
    let mut weights: Vec<f32> = Vec::with_capacity(details.len());
    let strength = rng.between(0.5, 1.1);
    for morph in details {
        let name = morph.name.as_str();
        let mirrored = name.strip_prefix("r-").and_then(|rest| {
            let left = |other: &super::asset::Morph| other.name.strip_prefix("l-") == Some(rest);
            weights.get(details.iter().position(left)?).copied()
        });
        let (used, sampled, wobble) = (rng.bernoulli(0.3), rng.normal(), rng.normal());
        let limit = if ["pointed", "wing", "trans-in", "trans-out", "angle"]
            .iter()
            .any(|part| name.contains(part))
        {
            0.25
        } else if name.starts_with("asym") {
            0.5
        } else {
            0.8
        };
        let weight = match mirrored {
            Some(left) if left > 0.0 => left + 0.06 * wobble as f32,
            Some(_) => 0.0,
            None if used => (0.45 * strength * sampled.abs()) as f32,
            None => 0.0,
        };
        weights.push(weight.clamp(0.0, limit));
    }
    weights
}

/// Returns the middle between the eyes.
fn middle(asset: &Asset, positions: &[Vec3]) -> Vec3 {
    let eyes = asset.triangles.iter().zip(&asset.materials);
    let eyes =
        eyes.filter(|(_, material)| matches!(material, Material::LeftEye | Material::RightEye));
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for &vertex in eyes.flat_map(|(triangle, _)| triangle) {
        sum = add(sum, positions[usize::from(vertex)]);
        count += 1.0;
    }
    scale(sum, 1.0 / f32::max(count, 1.0))
}

/// Returns the index of the position that is nearest to a point.
pub(super) fn nearest(positions: &[Vec3], point: Vec3) -> usize {
    let distance = |position: &Vec3| {
        let away = sub(*position, point);
        dot(away, away)
    };
    let order = |a: &(usize, &Vec3), b: &(usize, &Vec3)| distance(a.1).total_cmp(&distance(b.1));
    positions.iter().enumerate().min_by(order).map_or(0, |(index, _)| index)
}

/// Returns how far a point of an average body follows the head: not below a plane that falls from
/// the nape to the collar bones.
fn follow(point: &Vec3) -> f32 {
    smooth(5.8, 6.5, point[1] + 0.35 * (point[2] - 0.1))
}

/// Lets the spread arms of the mesh hang down.
fn lower_arms(asset: &Asset, positions: &mut [Vec3]) {
    let joint = nearest(&asset.positions, SHOULDER);
    let moved =
        positions.get(joint).map_or([0.0; 3], |&position| sub(position, asset.positions[joint]));
    let joint = add(SHOULDER, moved);
    for (position, average) in positions.iter_mut().zip(&asset.positions) {
        let share = smooth(1.35, 2.2, average[0].abs()) * smooth(6.3, 5.9, average[1]);
        if share > 0.0 {
            let side = average[0].signum();
            let center = [side * joint[0], joint[1], joint[2]];
            let turn = Rotation::new(0.0, 0.0, side * ARMS_DOWN * share);
            *position = add(center, turn.apply(sub(*position, center)));
        }
    }
}

/// Computes the outward normals of vertices into `out`. `more` are triangles beside those of the
/// mesh.
pub(super) fn normals(
    positions: &[Vec3],
    more: impl IntoIterator<Item = [usize; 3]>,
    out: &mut Vec<Vec3>,
) {
    out.clear();
    out.resize(positions.len(), [0.0; 3]);
    let triangles = Asset::get().triangles.iter();
    let triangles = triangles.map(|&[a, b, c]| [usize::from(a), usize::from(b), usize::from(c)]);
    for [a, b, c] in triangles.chain(more) {
        let start = positions[a];
        let normal = cross(sub(positions[b], start), sub(positions[c], start));
        for vertex in [a, b, c] {
            out[vertex] = add(out[vertex], normal);
        }
    }
    for normal in out.iter_mut() {
        *normal = unit(*normal);
    }
}

#[cfg(test)]
mod tests {
    use avff_datasets::layout::Split;

    use super::*;
    use crate::rng::{SynthPurpose, rng};

    #[test]
    fn heads_are_of_human_size_and_their_eyes_are_in_place() {
        let mut faces = Vec::new();
        for index in 0..40 {
            let random = &mut rng(9, Split::Val, index, SynthPurpose::MeshPerson);
            let build = Build::new(random);
            assert!((build.ancestry.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let shape = Shape::new(&build, random);
            let eyes = middle(Asset::get(), &shape.positions);
            assert!(sub(eyes, EYES).iter().all(|value| value.abs() < 1e-3));
            assert!((0.7..1.5).contains(&shape.face), "{}", shape.face);
            assert!(shape.positions.iter().flatten().all(|value| value.is_finite()));
            faces.push(shape.face);
        }
        let spread = faces.iter().copied().fold(f32::MIN, f32::max)
            - faces.iter().copied().fold(f32::MAX, f32::min);
        assert!(spread > 0.1, "{spread}");
    }

    #[test]
    fn weights_of_macro_targets_sum_to_one() {
        let build =
            Build { male: 0.3, age: 0.7, ancestry: [0.2, 0.5, 0.3], muscle: 0.5, weight: 0.8 };
        let sum = |start: &[&str]| -> f32 {
            let names = Asset::get().macros.iter().map(|morph| morph.name.as_str());
            let used = names.filter(|name| start.iter().any(|start| name.starts_with(start)));
            used.map(|name| build.share(name)).sum()
        };
        assert!((sum(&["african", "asian", "caucasian"]) - 1.0).abs() < 1e-5);
        // Average muscle at average weight is the mesh itself and has no target.
        assert!((sum(&["universal"]) - 0.6).abs() < 1e-4, "{}", sum(&["universal"]));
    }

    #[test]
    fn the_torso_is_extended_below_its_cut_and_nothing_else_is() {
        assert!((40..400).contains(&CUT.len()), "{}", CUT.len());
        let asset = Asset::get();
        assert!(CUT.iter().all(|&vertex| asset.positions[vertex][1] < 4.6));
    }
}
