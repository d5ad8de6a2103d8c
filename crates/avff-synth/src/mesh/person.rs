//! A person: shape, surface and accessories.

use avff_rng::Rng;

use super::{
    accessories,
    asset::{Asset, Material},
    color::{Rgb, mix, scaled},
    lens::Lens,
    look::Look,
    noise::noise,
    part::{Holder, Part},
    posture::Posture,
    shape::{Build, PIVOT, Shape, nearest, normals},
    skin::{Texture, clothes_edge, hair, headwear},
    vector::{Rotation, Vec3, add, along, scale, smooth, sub},
};

/// The point that the torso turns around.
const WAIST: Vec3 = [0.0, 3.0, 0.0];
/// The corners of the mouth of an average head.
const MOUTH: [Vec3; 2] = [[0.25, 6.615, 1.374], [-0.25, 6.615, 1.374]];

/// A person who can be drawn in any posture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub(super) shape: Shape,
    pub(super) look: Look,
    pub(super) texture: Texture,
    /// The colors of vertices that are not skin.
    pub(super) tints: Vec<Rgb>,
    /// What the person wears, and what is in front of the person.
    parts: Vec<Part>,
    /// The triangles of all parts, and the part of each. Vertices of parts follow those of the mesh.
    pub(super) part_triangles: Vec<([usize; 3], usize)>,
}

/// A person in one posture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Posed {
    pub(super) positions: Vec<Vec3>,
    pub(super) normals: Vec<Vec3>,
    /// The middle of the head.
    pub(super) middle: Vec3,
}

impl Person {
    /// Samples a person.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let build = Build::new(rng);
        let (shape, look) = (Shape::new(&build, rng), Look::new(&build, rng));
        let parts = accessories::worn(&shape, &look, rng);
        Self::assembled(shape, look).with(parts)
    }

    /// Samples a person without beard, hat or accessories.
    pub(super) fn plain(rng: &mut Rng) -> Self {
        let build = Build::new(rng);
        let (shape, look) = (Shape::new(&build, rng), Look::new(&build, rng));
        Self::assembled(shape, look.plain())
    }

    fn assembled(mut shape: Shape, look: Look) -> Self {
        let asset = Asset::get();
        let out = shape.normals();
        for ((position, normal), average) in
            shape.positions.iter_mut().zip(&out).zip(&asset.positions)
        {
            *position = along(*position, *normal, thickness(&look, *average));
        }
        let texture = Texture::new(&look);
        let tints = tints(asset, &look);
        Self { shape, look, texture, tints, parts: Vec::new(), part_triangles: Vec::new() }
    }

    /// Adds parts.
    pub(super) fn with(mut self, parts: Vec<Part>) -> Self {
        let mut next = self.shape.positions.len()
            + self.parts.iter().map(|part| part.positions.len()).sum::<usize>();
        for part in parts {
            let number = self.parts.len();
            let global = |vertex: u16| next + usize::from(vertex);
            let triangles = part.triangles.iter().map(|triangle| (triangle.map(global), number));
            self.part_triangles.extend(triangles);
            next += part.positions.len();
            self.parts.push(part);
        }
        self
    }

    /// Returns the color and the gloss of a part.
    pub(super) fn part_surface(&self, number: usize) -> (Rgb, f32) {
        self.parts.get(number).map_or(([0.0; 3], 0.0), |part| (part.color, part.gloss))
    }

    /// Returns the person in a posture at a time in seconds.
    pub(super) fn posed(&self, posture: &Posture, seconds: f32) -> Posed {
        let asset = Asset::get();
        let mut positions = self.shape.positions.clone();
        for (morph, &weight) in asset.actions.iter().zip(&posture.all_actions().0) {
            if weight > 0.0 {
                morph.apply(&mut positions, weight);
            }
        }
        let [head, torso] =
            [posture.head, posture.torso].map(|[yaw, pitch, roll]| Rotation::new(yaw, pitch, roll));
        let place = |position: Vec3, follow: f32| {
            let turned = add(PIVOT, head.apply(sub(position, PIVOT)));
            let position = along(position, sub(turned, position), follow);
            add(posture.place, add(WAIST, torso.apply(sub(position, WAIST))))
        };
        for (position, &follow) in positions.iter_mut().zip(&self.shape.follow) {
            *position = place(*position, follow);
        }
        for part in &self.parts {
            positions.extend(part.positions.iter().map(|&position| match part.holder {
                Holder::Head => place(position, 1.0),
                Holder::Torso => place(position, 0.0),
                Holder::Passing { time, velocity } => along(position, velocity, seconds - time),
            }));
        }
        let mut out = Vec::new();
        normals(&positions, self.part_triangles.iter().map(|&(triangle, _)| triangle), &mut out);
        let middle = place([0.0, 7.0, 0.6], 1.0);
        Posed { positions, normals: out, middle }
    }

    /// Returns the middle of the mouth in the frame, and half its width with some skin around it,
    /// in pixels.
    pub(super) fn mouth(&self, posed: &Posed, lens: &Lens) -> ([f32; 2], f32) {
        let [left, right] = MOUTH.map(|corner| {
            let [x, y, _] = lens.project(posed.positions[nearest(&Asset::get().positions, corner)]);
            [x, y]
        });
        let [x, y] = [0.5 * (left[0] + right[0]), 0.5 * (left[1] + right[1])];
        let size = 0.42 * lens.scale;
        ([x, y + 0.2 * size], size)
    }

    /// Returns whether the shell of long hair is a part of this person.
    pub(super) fn has_long_hair(&self) -> bool {
        self.look.scalp.long.is_some() && self.look.headwear.is_none()
    }
}

/// Returns how far hair, beard or cloth stand out from the skin at a point of an average body.
fn thickness(look: &Look, point: Vec3) -> f32 {
    let curls = if look.scalp.curls > 0.0 {
        1.0 + 0.5 * noise(scale(point, 0.5 * look.scalp.curls), look.seed ^ 20)
    } else {
        1.0
    };
    let covered = headwear(look, point);
    let scalp = look.scalp.depth * curls * hair(look, point);
    let scalp = scalp + covered * (scalp.min(0.1) + 0.07 - scalp);
    let edge = clothes_edge(&look.clothes, point);
    let cloth = look.clothes.thickness * smooth(0.0, 0.1, edge - point[1]);
    let chin = look.beard.depth
        * smooth(6.5, 6.3, point[1])
        * smooth(0.7, 1.0, point[2])
        * smooth(6.0, 6.15, point[1]);
    scalp + cloth + chin
}

/// Returns the colors of the vertices that are not skin.
fn tints(asset: &Asset, look: &Look) -> Vec<Rgb> {
    let mut tints = vec![[0.0; 3]; asset.positions.len()];
    for (triangle, material) in asset.triangles.iter().zip(&asset.materials) {
        for &vertex in triangle {
            let vertex = usize::from(vertex);
            let z = asset.positions[vertex][2];
            let deep = |start: f32, length: f32, least: f32| {
                let depth = ((z - start) / length).clamp(least, 1.0);
                depth * depth.sqrt()
            };
            tints[vertex] = match material {
                Material::Mouth => scaled([0.20, 0.035, 0.03], deep(0.55, 0.75, 0.04)),
                Material::UpperTeeth | Material::LowerTeeth => {
                    scaled(look.teeth, deep(1.02, 0.33, 0.12))
                }
                Material::Tongue => scaled([0.34, 0.085, 0.085], deep(0.7, 0.65, 0.12)),
                Material::Lash => mix(scaled(look.brows.color, 0.3), look.skin, 0.12),
                _ => tints[vertex],
            };
        }
    }
    tints
}
