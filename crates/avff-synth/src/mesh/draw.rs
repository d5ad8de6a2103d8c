//! Draws a person into a picture.

use super::{
    asset::{Asset, Material, blend as place},
    color::{Rgb, mix, scaled, times},
    lens::Lens,
    light::{Light, Shade},
    noise::noise,
    person::{Person, Posed},
    picture::Picture,
    raster::{Draw, Hit, NOTHING, Point, Raster},
    shadow::Shadow,
    skin::Texture,
    vector::{Vec3, add, along, scale, smooth, sub, unit},
};

/// Samples of a pixel in each direction.
const SAMPLES: usize = 2;
/// The factor on the inverse distance of the inside of the mouth. It keeps the inside of old and
/// heavy cheeks behind their outside.
const YIELDS: f32 = 0.987;
/// The center of the left eye of an average head, and the radius of an eye.
const EYE: [f32; 3] = [0.308, 7.284, 0.145];

/// Draws a person in front of a picture.
pub(super) fn draw(
    picture: &mut Picture,
    person: &Person,
    posed: &Posed,
    lens: &Lens,
    light: &Light,
) {
    let raster = rasterize(person, posed, (picture.width, picture.height), lens);
    let shades = shades(person, posed, lens, light);
    let level = Texture::level(lens.scale);
    let shader = Shader { person, asset: Asset::get(), posed, shades: &shades, light, lens, level };
    let width = raster.width;
    for (y, row) in picture.pixels.chunks_exact_mut(picture.width.max(1)).enumerate() {
        let start = SAMPLES * y * width;
        let lines = |hits: usize| raster.hits.get(hits..hits + width).unwrap_or_default();
        let (above, below) = (lines(start).as_chunks().0, lines(start + width).as_chunks().0);
        for (pixel, (above, below)) in row.iter_mut().zip(above.iter().zip(below)) {
            let (&[a, b], &[c, d]): (&[Hit; SAMPLES], &[Hit; SAMPLES]) = (above, below);
            if [a, b, c, d].iter().all(|hit| hit.number == NOTHING) {
                continue;
            }
            *pixel = if shader.is_smooth(&[a, b, c, d]) {
                scale(add(shader.color(&a), shader.color(&d)), 0.5)
            } else {
                let sum = [a, b, c, d].iter().fold([0.0; 3], |sum, hit| {
                    let seen = hit.number != NOTHING;
                    add(sum, if seen { shader.color(hit) } else { *pixel })
                });
                scale(sum, 0.25)
            };
        }
    }
}

fn rasterize(
    person: &Person,
    posed: &Posed,
    (width, height): (usize, usize),
    lens: &Lens,
) -> Raster {
    let asset = Asset::get();
    let mut raster = Raster::new(SAMPLES * width, SAMPLES * height);
    let points: Vec<Point> = posed
        .positions
        .iter()
        .map(|&position| {
            let [x, y, near] = lens.project(position);
            [SAMPLES as f32 * x, SAMPLES as f32 * y, near]
        })
        .collect();
    let long = person.has_long_hair();
    let number = |number: usize| Draw { number: number as u32, two_sided: false, nearness: 1.0 };
    for (at, (triangle, &material)) in asset.triangles.iter().zip(&asset.materials).enumerate() {
        let [a, b, c] = triangle.map(usize::from);
        let corners = [points[a], points[b], points[c]];
        let draw = number(at);
        match material {
            Material::Mouth => {
                raster.draw(corners, Draw { nearness: YIELDS, ..draw }, |_, _| true);
            }
            Material::Lash => {
                let [a, b, c] = [asset.positions[a], asset.positions[b], asset.positions[c]];
                raster.draw(corners, Draw { two_sided: true, ..draw }, |u, v| {
                    lash(along(along(scale(a, u), b, v), c, 1.0 - u - v))
                });
            }
            Material::Hair if long => {
                let places = asset.places(at);
                raster.draw(corners, Draw { two_sided: true, ..draw }, |u, v| {
                    person.texture.covers(place(&places, u, v))
                });
            }
            Material::Hair => {}
            _ => raster.draw(corners, draw, |_, _| true),
        }
    }
    for (at, (triangle, _)) in (asset.triangles.len()..).zip(&person.part_triangles) {
        let corners = triangle.map(|vertex| points[vertex]);
        raster.draw(corners, Draw { two_sided: true, ..number(at) }, |_, _| true);
    }
    raster
}

/// Returns the light that each vertex reflects.
fn shades(person: &Person, posed: &Posed, lens: &Lens, light: &Light) -> Vec<Shade> {
    let asset = Asset::get();
    let eye = add(lens.target, [0.0, 0.0, lens.distance]);
    let hair = person.has_long_hair().then_some(&person.texture);
    let shadow = Shadow::new(&posed.positions, posed.middle, light, hair);
    let openness = asset.openness.iter().copied().chain(std::iter::repeat(1.0));
    let vertices = posed.positions.iter().zip(&posed.normals).zip(openness);
    vertices
        .map(|((&position, &normal), open)| {
            let lit = shadow.lit(position, normal) * smooth(0.0, 0.25, open);
            light.shade(normal, unit(sub(eye, position)), open, lit)
        })
        .collect()
}

/// Returns whether a point of the strips of lashes is a lash: long and short ones alternate.
fn lash(point: Vec3) -> bool {
    point[2] < 1.365 + 0.035 * noise([point[0] * 75.0, 0.0, 0.0], 1)
}

/// Computes the color of a sample.
struct Shader<'a> {
    person: &'a Person,
    asset: &'a Asset,
    posed: &'a Posed,
    shades: &'a [Shade],
    light: &'a Light,
    lens: &'a Lens,
    /// The size of the texture.
    level: usize,
}

/// Mixes the values of three corners.
#[inline]
fn blend([u, v, w]: [f32; 3], a: Vec3, b: Vec3, c: Vec3) -> Vec3 {
    [u * a[0] + v * b[0] + w * c[0], u * a[1] + v * b[1] + w * c[1], u * a[2] + v * b[2] + w * c[2]]
}

impl Shader<'_> {
    /// Returns whether all samples of a pixel show neighboring skin.
    fn is_smooth(&self, hits: &[Hit; 4]) -> bool {
        let skin =
            |hit: &Hit| self.asset.materials.get(hit.number as usize) == Some(&Material::Skin);
        let near = |a: &Hit, b: &Hit| a.number.abs_diff(b.number) < 160;
        hits.iter().all(skin) && near(&hits[0], &hits[3]) && near(&hits[1], &hits[2])
    }

    fn color(&self, hit: &Hit) -> Rgb {
        let number = hit.number as usize;
        let [u, v] = hit.weights;
        let weights = [u, v, 1.0 - u - v];
        let Some(&triangle) = self.asset.triangles.get(number) else {
            return self.part(number - self.asset.triangles.len(), weights);
        };
        let [a, b, c] =
            [usize::from(triangle[0]), usize::from(triangle[1]), usize::from(triangle[2])];
        let of = |values: &[Vec3]| blend(weights, values[a], values[b], values[c]);
        let shades = [&self.shades[a], &self.shades[b], &self.shades[c]];
        let diffuse = blend(weights, shades[0].diffuse, shades[1].diffuse, shades[2].diffuse);
        let lit = |color: Rgb, gloss: f32| {
            let specular =
                blend(weights, shades[0].specular, shades[1].specular, shades[2].specular);
            along(times(color, diffuse), specular, gloss)
        };
        let place = || place(&self.asset.places(number), u, v);
        match self.asset.materials[number] {
            Material::Skin => {
                let surface = self.person.texture.at(place(), self.level);
                lit(surface.color, 0.22 * surface.gloss)
            }
            Material::Mouth | Material::Tongue | Material::LowerTeeth | Material::UpperTeeth => {
                let front = along(
                    along(scaled(self.light.sky, 0.6), self.light.fill.color, 0.5),
                    self.light.key.color,
                    0.45,
                );
                times(of(&self.person.tints), scale(add(diffuse, front), 0.5))
            }
            Material::LeftEye | Material::RightEye => {
                let normal = unit(of(&self.posed.normals));
                let eye = add(self.lens.target, [0.0, 0.0, self.lens.distance]);
                let view = unit(sub(eye, of(&self.posed.positions)));
                let glint = 0.8 * self.light.key.glint(normal, view);
                let color = times(self.iris(of(&self.asset.positions)), diffuse);
                along(color, self.light.key.color, glint)
            }
            Material::Lash => lit(of(&self.person.tints), 0.0),
            Material::Hair => {
                let surface = self.person.texture.hair(place(), self.level);
                lit(surface.color, 0.06)
            }
        }
    }

    /// Returns the color of an accessory.
    fn part(&self, number: usize, weights: [f32; 3]) -> Rgb {
        let Some(&([a, b, c], part)) = self.person.part_triangles.get(number) else {
            return [0.0; 3];
        };
        let (color, gloss) = self.person.part_surface(part);
        let [a, b, c] = [&self.shades[a], &self.shades[b], &self.shades[c]];
        let diffuse = blend(weights, a.diffuse, b.diffuse, c.diffuse);
        let specular = blend(weights, a.specular, b.specular, c.specular);
        along(times(color, diffuse), specular, gloss)
    }

    /// Returns the color of an eye at a point of an average head.
    fn iris(&self, [x, y, z]: Vec3) -> Rgb {
        let (dx, dy) = ((x.abs() - EYE[0]) / EYE[2], (y - EYE[1]) / EYE[2]);
        let radius = (dx * dx + dy * dy).sqrt();
        let look = &self.person.look;
        if radius > 0.6 || z < 1.2 {
            return look.sclera;
        }
        let ring = 1.25 - 1.6 * ((radius - 0.28) / 0.14).abs().min(1.0) * 0.35;
        let iris = mix(scaled(look.iris, ring), [0.008; 3], smooth(0.19, 0.15, radius));
        mix(iris, look.sclera, smooth(0.39, 0.46, radius))
    }
}

#[cfg(test)]
mod tests {
    use avff_datasets::layout::Split;

    use super::{
        super::{
            action::{Action, Weights},
            look::Look,
            posture::Posture,
            shape::EYES,
        },
        *,
    };
    use crate::rng::{SynthPurpose, rng};

    const SIDE: usize = 160;
    const BACK: Rgb = [0.0, 1.0, 0.0];

    fn person(index: u64) -> Person {
        Person::plain(&mut rng(3, Split::Train, index, SynthPurpose::MeshPerson))
    }

    fn lens(scale: f32) -> Lens {
        let middle = 0.5 * SIDE as f32;
        Lens { center: (middle, middle), target: EYES, distance: 14.0, scale, roll: (0.0, 1.0) }
    }

    fn drawn(person: &Person, posture: &Posture, lens: &Lens) -> Picture {
        let mut picture = Picture::new(SIDE, SIDE, BACK);
        let posed = person.posed(posture, 0.0);
        draw(&mut picture, person, &posed, lens, &Light::plain());
        picture
    }

    fn with(actions: &[(Action, f32)]) -> Posture {
        let mut weights = Weights::default();
        actions.iter().for_each(|&(action, weight)| weights.add(action, weight));
        Posture { actions: weights, ..Posture::default() }
    }

    /// Returns the number of pixels near the mouth that are much darker than at rest.
    fn dark(person: &Person, posture: &Posture) -> usize {
        let lens = lens(60.0);
        let rest = drawn(person, &Posture::default(), &lens);
        let picture = drawn(person, posture, &lens);
        let ([x, y], size) = person.mouth(&person.posed(&Posture::default(), 0.0), &lens);
        let inside = |at: usize| {
            let (dx, dy) = ((at % SIDE) as f32 - x, (at / SIDE) as f32 - y);
            dx.abs() < size && dy.abs() < size
        };
        let pairs = picture.pixels.iter().zip(&rest.pixels).enumerate();
        pairs.filter(|(at, (pixel, rest))| inside(*at) && pixel[1] < 0.5 * rest[1]).count()
    }

    #[test]
    fn faces_are_where_the_camera_looks() {
        for index in 0..4 {
            let person = person(index);
            let picture = drawn(&person, &Posture::default(), &lens(40.0));
            // Between the eyes is skin; beside the head is background.
            let at = |x: usize, y: usize| picture.pixels[y * SIDE + x];
            assert_ne!(at(SIDE / 2, SIDE / 2), BACK);
            assert_eq!((at(4, SIDE / 2), at(SIDE - 5, SIDE / 2)), (BACK, BACK));
            // The head leaves no gaps.
            let head = (SIDE / 2 - 20..SIDE / 2 + 20).flat_map(|y| (64..96).map(move |x| (x, y)));
            assert!(head.into_iter().all(|(x, y)| at(x, y) != BACK), "person {index}");
        }
    }

    #[test]
    fn mouths_open_with_the_jaw_and_close_with_the_lips() {
        for index in 0..8 {
            let person = person(index);
            let open = |jaw: f32| dark(&person, &with(&[(Action::JawOpen, jaw)]));
            let counts = [open(0.0), open(0.25), open(0.5), open(0.9)];
            assert!(counts.is_sorted(), "person {index}: {counts:?}");
            assert!(counts[3] > counts[0] + 100, "person {index}: {counts:?}");
            let pressed = with(&[(Action::MouthPressLeft, 0.5), (Action::MouthPressRight, 0.5)]);
            assert!(dark(&person, &pressed) < 40, "person {index}: {}", dark(&person, &pressed));
        }
    }

    #[test]
    fn eyes_close_and_look_aside() {
        let person = person(1);
        let lens = lens(60.0);
        let rest = drawn(&person, &Posture::default(), &lens);
        let moved = [
            Posture { blink: [1.0, 0.0], ..Posture::default() },
            Posture { gaze: [0.4, 0.0], ..Posture::default() },
        ]
        .map(|posture| drawn(&person, &posture, &lens));
        let changed = |picture: &Picture, left: bool| {
            let pairs = picture.pixels.iter().zip(&rest.pixels).enumerate();
            pairs.filter(|(at, (a, b))| (at % SIDE > SIDE / 2) == left && a != b).count()
        };
        // The left eye is on the right of the frame. A blink of one eye hardly changes the other
        // side.
        let counts = [0, 1].map(|at| [changed(&moved[at], true), changed(&moved[at], false)]);
        assert!(counts[0][0] > 100 && counts[0][1] < 60, "{counts:?}");
        assert!(counts[1][0] > 20 && counts[1][1] > 20, "{counts:?}");
    }

    #[test]
    fn persons_differ_and_the_back_of_a_head_shows_no_face() {
        let pictures = [0, 1].map(|index| drawn(&person(index), &Posture::default(), &lens(50.0)));
        let differing = pictures[0].pixels.iter().zip(&pictures[1].pixels).filter(|(a, b)| a != b);
        assert!(differing.count() > SIDE * SIDE / 4);
        let mut person = person(0);
        person.look = Look { iris: [5.0, 0.0, 5.0], sclera: [5.0, 0.0, 5.0], ..person.look };
        let eyes = |yaw: f32| {
            let posture = Posture { head: [yaw, 0.0, 0.0], ..Posture::default() };
            let picture = drawn(&person, &posture, &lens(50.0));
            picture.pixels.iter().filter(|pixel| pixel[0] > 1.0 && pixel[1] < 0.5).count()
        };
        assert!(eyes(0.0) > 40, "{}", eyes(0.0));
        assert_eq!(eyes(3.1), 0);
    }
}
