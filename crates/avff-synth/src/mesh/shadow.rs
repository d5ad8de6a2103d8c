//! Which parts of a person the key light reaches.

use super::{
    asset::{Asset, Material, blend},
    light::Light,
    raster::{Draw, Raster},
    skin::Texture,
    vector::{Vec3, along, cross, dot, smooth, sub, unit},
};

/// Width and height of the map, in samples.
const SIDE: usize = 160;
/// The height of the space that the map shows, in decimetres.
const SPAN: f32 = 4.4;
/// Distances below this are no shadow, in decimetres.
const TOLERANCE: f32 = 0.035;

/// The distances from the key light.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shadow {
    right: Vec3,
    up: Vec3,
    toward: Vec3,
    middle: Vec3,
    /// The distance between compared samples; larger lamps have softer shadows.
    spread: f32,
    near: Vec<f32>,
}

impl Shadow {
    /// Draws the mesh at `positions` as seen from the key light. `middle` is the center
    /// of the head, and `hair` the texture of long hair.
    pub(super) fn new(
        positions: &[Vec3],
        middle: Vec3,
        light: &Light,
        hair: Option<&Texture>,
    ) -> Self {
        let toward = light.key.direction;
        let right = unit(cross([0.05, 1.0, 0.1], toward));
        let up = cross(toward, right);
        let mut shadow = Self {
            right,
            up,
            toward,
            middle,
            spread: 0.4 + 3.0 * light.key.wrap,
            near: Vec::new(),
        };
        let points: Vec<Vec3> = positions.iter().map(|&position| shadow.place(position)).collect();
        let asset = Asset::get();
        let mut raster = Raster::new(SIDE, SIDE);
        let draw = Draw { number: 0, two_sided: true, nearness: 1.0 };
        for (number, (triangle, material)) in
            asset.triangles.iter().zip(&asset.materials).enumerate()
        {
            let corners = [0, 1, 2].map(|at| points[usize::from(triangle[at])]);
            match (material, hair) {
                // Only surfaces that the light reaches cast shadows.
                (Material::Skin, _) => {
                    raster.draw(corners, Draw { two_sided: false, ..draw }, |_, _| true)
                }
                (Material::Hair, Some(texture)) => {
                    let places = asset.places(number);
                    raster.draw(corners, draw, |u, v| texture.covers(blend(&places, u, v)));
                }
                _ => {}
            }
        }
        shadow.near = raster.near;
        shadow
    }

    /// Returns column and row of a point, and a nearness to the light that is positive on the map.
    fn place(&self, position: Vec3) -> Vec3 {
        let away = sub(position, self.middle);
        let scale = SIDE as f32 / SPAN;
        let half = 0.5 * SIDE as f32;
        [
            half + scale * dot(away, self.right),
            half - scale * dot(away, self.up),
            10.0 + dot(away, self.toward),
        ]
    }

    /// Returns the share of the key light that reaches a point with an outward normal.
    pub(super) fn lit(&self, position: Vec3, normal: Vec3) -> f32 {
        let facing = dot(normal, self.toward);
        let [x, y, near] = self.place(along(position, normal, TOLERANCE));
        let mut sum = 0.0;
        for dy in [-1.0, 0.0, 1.0] {
            for dx in [-1.0, 0.0, 1.0] {
                // Casts to integers saturate, so a point outside of the map finds its edge.
                let column = ((x + dx * self.spread) as usize).min(SIDE - 1);
                let row = ((y + dy * self.spread) as usize).min(SIDE - 1);
                let first = self.near.get(row * SIDE + column).copied().unwrap_or(0.0);
                sum += 1.0 - smooth(TOLERANCE, 2.5 * TOLERANCE, first - near);
            }
        }
        // A wide lamp also reaches surfaces that face slightly away.
        let share = smooth(-0.15, 0.3, facing);
        1.0 + share * (sum / 9.0 - 1.0)
    }
}
