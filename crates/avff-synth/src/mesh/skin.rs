//! Paints a person's texture: skin, lips, brows, hair on the head, beard and clothes.

use super::{
    asset::{Asset, PAGE},
    chart::{Chart, SHELL},
    color::{Rgb, mix, scaled, times},
    look::{Clothes, Headwear, Look, Pattern},
    noise::{noise, octaves},
    vector::{Vec3, smooth},
};

/// A texel: the square roots of the three reflectances and the gloss, from 0 to 255. Square roots
/// keep the steps between dark colors small.
type Texel = [u8; 4];

/// Copies of a texture, each of half the width and height of the one before.
const LEVELS: usize = 4;
/// Texels of a decimetre of the face in the first copy.
const DENSITY: f32 = 190.0;

/// The painted surface of a person, in [`LEVELS`] sizes. Smaller ones are for faces that are small
/// in the frame, where single texels would flicker.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Texture(Vec<Vec<Texel>>);

/// A point of a surface: its color and its gloss, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surface {
    pub(super) color: Rgb,
    pub(super) gloss: f32,
}

impl Texture {
    pub(super) fn new(look: &Look) -> Self {
        let mask = &Asset::get().mask;
        let texel = |(index, point): (usize, &Option<Vec3>)| {
            let Some(point) = *point else { return Texel::default() };
            let root = |value: f32| (value.clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8;
            let Surface { color, gloss } = match index / (PAGE * PAGE) {
                0 | 1 => {
                    let bits = mask.get(index).copied().unwrap_or(0);
                    surface(look, point, bits, index >= PAGE * PAGE * 9 / 5)
                }
                // In long hair, the fourth value is the cover.
                _ if look.scalp.long.is_none() => return Texel::default(),
                _ => Surface { color: hair_color(look, point), gloss: strand(look, point) },
            };
            [root(color[0]), root(color[1]), root(color[2]), (gloss.clamp(0.0, 1.0) * 255.0) as u8]
        };
        let mut texels: Vec<Texel> = Chart::get().points.iter().enumerate().map(texel).collect();
        let mut levels = Vec::with_capacity(LEVELS);
        for level in 0..LEVELS {
            let next = halved(&texels, PAGE >> level);
            levels.push(std::mem::replace(&mut texels, next));
        }
        Self(levels)
    }

    /// Returns the level for a picture with `scale` pixels in a decimetre.
    pub(super) fn level(scale: f32) -> usize {
        // A pixel has two samples in each direction, but not all are shaded.
        let texels = DENSITY / (1.5 * scale);
        (libm::log2f(texels.max(1.0)) + 0.4) as usize
    }

    /// Returns whether a place in the page of long hair is covered by hair.
    pub(super) fn covers(&self, [u, v]: [f32; 2]) -> bool {
        let texels = self.0.first().map(Vec::as_slice).unwrap_or_default();
        let texel = texels.get((v + SHELL) as usize * PAGE + u as usize);
        texel.is_some_and(|texel| texel[3] > 127)
    }

    /// Returns the surface of the shell of long hair at a place in texels.
    pub(super) fn hair(&self, [u, v]: [f32; 2], level: usize) -> Surface {
        self.at([u, v + SHELL], level)
    }

    /// Returns the surface at a place in texels, interpolated between four texels.
    pub(super) fn at(&self, [u, v]: [f32; 2], level: usize) -> Surface {
        let level = level.min(LEVELS - 1);
        let (side, share) = (PAGE >> level, 1.0 / (1 << level) as f32);
        let texels = self.0.get(level).map(Vec::as_slice).unwrap_or_default();
        let (x, y) = ((u * share - 0.5).max(0.0), (v * share - 0.5).max(0.0));
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let start = row * side + column;
        let corner = |at: usize| texels.get(at).copied().unwrap_or_default();
        let [a, b] = [corner(start), corner(start + 1)];
        let [c, d] = [corner(start + side), corner(start + side + 1)];
        let value = |at: usize| {
            let above = f32::from(a[at]) + right * (f32::from(b[at]) - f32::from(a[at]));
            let below = f32::from(c[at]) + right * (f32::from(d[at]) - f32::from(c[at]));
            (above + down * (below - above)) * (1.0 / 255.0)
        };
        let [red, green, blue] = [value(0), value(1), value(2)];
        Surface { color: [red * red, green * green, blue * blue], gloss: value(3) }
    }
}

/// Returns the texels in half the width and height. Texels that show nothing do not count.
fn halved(texels: &[Texel], side: usize) -> Vec<Texel> {
    let half = side / 2;
    let texel = |at: usize| {
        let start = 2 * (at / half) * side + 2 * (at % half);
        let near = [start, start + 1, start + side, start + side + 1];
        let (mut sum, mut count) = ([0_u16; 4], 0);
        for texel in near.into_iter().filter_map(|at| texels.get(at)) {
            if *texel != Texel::default() {
                count += 1;
                sum.iter_mut().zip(texel).for_each(|(sum, &value)| *sum += u16::from(value));
            }
        }
        sum.map(|value| value.checked_div(count).unwrap_or(0) as u8)
    };
    (0..texels.len() / 4).map(texel).collect()
}

/// Returns a bell curve of the distance from `center`, relative to `width`.
fn bell(value: f32, center: f32, width: f32) -> f32 {
    let t = ((value - center) / width).abs();
    if t >= 1.0 { 0.0 } else { (1.0 - t * t) * (1.0 - t * t) }
}

/// Returns the surface at a point of an average head. `bits` are those of the mask.
fn surface(look: &Look, point: Vec3, bits: u8, ear: bool) -> Surface {
    let [x, y, z] = point;
    let seed = look.seed;
    let (lips, lids) = (f32::from(bits & 15) / 15.0, f32::from(bits >> 4 & 3) / 3.0);
    let wide = x.abs();
    let mut color = look.skin;

    let blotch = octaves(point, 2.5, 3, seed);
    color = times(
        color,
        [
            1.0 + look.blotches * blotch,
            1.0 + 1.3 * look.blotches * blotch,
            1.0 + 1.3 * look.blotches * blotch,
        ],
    );
    let pores = noise(scaled(point, 38.0), seed ^ 1) + 0.7 * noise(scaled(point, 80.0), seed ^ 2);
    color = scaled(color, 1.0 + look.pores * pores);

    if y > 5.9 && z > 0.2 {
        // Cheeks, nose, chin and ears are redder.
        let cheeks = bell(wide, 0.50, 0.38) * bell(y, 6.92, 0.42);
        let nose = bell(wide, 0.0, 0.22) * bell(y, 6.94, 0.25);
        let red = look.flush
            * (cheeks
                + nose
                + 0.4 * bell(wide, 0.0, 0.3) * bell(y, 6.3, 0.25)
                + 0.2 * f32::from(ear));
        color = times(color, [1.0 + 0.10 * red, 1.0 - 0.38 * red, 1.0 - 0.34 * red]);
        // Skin around the eyes is darker.
        let eyes = bell(wide, 0.30, 0.26) * bell(y, 7.20, 0.22);
        color = times(color, [1.0 - 0.10 * eyes, 1.0 - 0.16 * eyes, 1.0 - 0.12 * eyes]);
        if look.freckles > 0.0 {
            let region = bell(y, 7.0, 0.6) * smooth(0.9, 0.3, wide);
            let grain =
                smooth(0.78 - 0.25 * look.freckles, 0.95, noise(scaled(point, 26.0), seed ^ 3));
            color = times(color, mix([1.0; 3], [0.75, 0.60, 0.48], grain * region));
        }
    }
    if look.spots > 0.0 {
        let grain = noise(scaled(point, 5.0), seed ^ 4).min(noise(scaled(point, 7.3), seed ^ 5));
        color =
            times(color, mix([1.0; 3], [0.45, 0.33, 0.27], smooth(0.62, 0.70, grain) * look.spots));
    }
    if look.wrinkles > 0.0 && y > 6.0 {
        color = scaled(color, 1.0 - 0.3 * look.wrinkles * wrinkles(point, seed));
    }
    color = times(color, mix([1.0; 3], [0.88, 0.82, 0.80], lids));
    // The line of lashes around the eyes.
    let mut gloss = look.shine
        * (0.55 + 0.3 * bell(wide, 0.0, 0.35) + 0.25 * noise(scaled(point, 20.0), seed ^ 6));

    if lips > 0.0 {
        let line = noise([x * 42.0, y * 6.0, z * 3.0], seed ^ 7);
        let shade = scaled(look.lips, 1.0 + 0.12 * line);
        color = mix(color, shade, lips * look.lip_cover);
        gloss += lips * (0.35 + 0.25 * line);
    }
    if !ear {
        let (share, tone) = beard(look, point, lips);
        color = mix(color, tone, share);
        gloss *= 1.0 - 0.7 * share;
        let (share, tone) = brow(look, point);
        color = mix(color, tone, share);
        let share = hair(look, point);
        if share > 0.0 {
            color = mix(color, hair_color(look, point), share);
            gloss = gloss * (1.0 - share) + 0.35 * share;
        }
    }
    let share = headwear(look, point);
    if share > 0.0 {
        let weave = 1.0
            + 0.10 * octaves(point, 4.0, 2, seed ^ 24)
            + 0.08 * noise([x * 30.0, y * 60.0, z * 30.0], seed ^ 25);
        color = mix(color, scaled(look.headwear_color, weave), share);
        gloss *= 1.0 - share;
    }
    if let Some(cloth) = clothes(&look.clothes, point, seed) {
        return Surface { color: cloth, gloss: 0.05 };
    }
    Surface { color, gloss }
}

/// Returns how deep wrinkles are at a point, from 0 to 1.
fn wrinkles(point: Vec3, seed: u32) -> f32 {
    let [x, y, z] = point;
    let bend = 0.04 * noise([x * 2.0, y * 2.0, 0.0], seed ^ 8);
    let fold = |value: f32| {
        let wave = libm::sinf(value);
        wave * wave * wave * wave
    };
    let forehead = bell(y, 7.92, 0.22)
        * smooth(0.62, 0.35, x.abs())
        * smooth(0.9, 1.2, z)
        * fold((y + bend) * 26.0);
    let feet =
        bell(x.abs(), 0.60, 0.14) * bell(y, 7.25, 0.2) * fold((y + 0.5 * x.abs() + bend) * 30.0);
    let neck =
        smooth(6.35, 6.1, y) * smooth(5.7, 5.9, y) * fold((y + bend + 0.15 * z) * 20.0) * 0.7;
    let under = bell(x.abs(), 0.30, 0.2) * bell(y, 7.13, 0.07);
    (forehead + feet + neck + 0.6 * under).min(1.0)
}

fn brow(look: &Look, [x, y, z]: Vec3) -> (f32, Rgb) {
    let brows = &look.brows;
    let wide = x.abs();
    if z < 0.8 || !(7.3..7.9).contains(&y) || wide > 0.75 {
        return (0.0, brows.color);
    }
    let outer = (wide - 0.38).max(0.0);
    let inner = (0.30 - wide).max(0.0);
    let center = 7.565 + brows.height
        - brows.arch * 1.6 * outer * outer.sqrt()
        - (0.1 + 0.3 * brows.arch) * inner;
    let taper = 1.0 - 0.55 * smooth(0.3, brows.length, wide);
    let hairs = noise([x * 60.0 + y * 30.0, y * 14.0, 0.0], look.seed ^ 9);
    let across = 1.0 - ((y - center) / (brows.thick * taper)).abs() + 0.35 * hairs;
    let ends = smooth(0.07, 0.14, wide) * smooth(brows.length + 0.04, brows.length - 0.08, wide);
    (brows.cover * smooth(0.0, 0.6, across) * ends, scaled(brows.color, 1.0 + 0.3 * hairs))
}

fn beard(look: &Look, point: Vec3, lips: f32) -> (f32, Rgb) {
    let beard = &look.beard;
    let [x, y, z] = point;
    if beard.chin.max(beard.cheeks).max(beard.moustache) <= 0.0
        || !(5.8..7.2).contains(&y)
        || z < 0.1
    {
        return (0.0, beard.color);
    }
    let wide = x.abs();
    let hairs = 0.5 + 0.5 * noise([x * 70.0, y * 34.0, z * 50.0], look.seed ^ 10);
    let soft = 0.06 * noise(scaled(point, 9.0), look.seed ^ 11);
    let moustache = beard.moustache
        * smooth(0.40, 0.30, wide + soft)
        * smooth(6.68 - beard.overhang, 6.72 - beard.overhang, y)
        * smooth(6.87, 6.80, y + soft)
        * smooth(1.0, 1.2, z);
    let below = smooth(6.50, 6.44, y + soft - 0.25 * (wide - 0.2).max(0.0));
    let chin = beard.chin * below * smooth(0.42, 0.32, wide + soft) * smooth(6.02, 6.12, y);
    let beside = beard.chin.min(beard.moustache)
        * bell(wide, 0.36, 0.09)
        * smooth(6.85, 6.75, y)
        * smooth(6.3, 6.4, y);
    // Down from the ears along the jaw.
    let edge = 6.62 + 0.55 * smooth(0.45, 0.80, wide) + soft;
    let cheeks = beard.cheeks
        * smooth(edge + 0.06, edge - 0.06, y)
        * smooth(0.26, 0.40, wide)
        * smooth(6.0, 6.15, y + 0.3 * (z - 0.6).max(0.0));
    let cover = moustache.max(chin).max(beside).max(cheeks);
    let dense = smooth(0.0, 1.0, cover * (0.55 + 0.9 * hairs));
    // The lower lip stays free, the upper one only as far as the moustache does not hang over it.
    let free = if y < 6.61 || beard.overhang <= 0.0 {
        1.0 - lips
    } else {
        1.0 - lips * smooth(0.5, 0.0, moustache)
    };
    (dense * free, scaled(beard.color, 0.6 + 0.8 * hairs))
}

/// Returns how densely hair covers a point of an average head, from 0 to 1.
pub(super) fn hair(look: &Look, point: Vec3) -> f32 {
    let [x, y, z] = point;
    let scalp = &look.scalp;
    if scalp.cover <= 0.0 || y < 6.7 {
        return 0.0;
    }
    let wide = x.abs();
    let soft = 0.05 * noise(scaled(point, 14.0), look.seed ^ 12)
        + 0.03 * noise(scaled(point, 45.0), look.seed ^ 13);
    let recede = scalp.temples * bell(wide, 0.42, 0.30) * smooth(0.6, 1.1, z);
    let mut front = y - (7.47 + scalp.line + recede) + 0.9 * (0.75 - z) + soft;
    if let Some(fringe) = scalp.fringe
        && z > 0.5
    {
        let ragged = 0.10 * noise([x * 9.0, 0.0, 2.0], look.seed ^ 26)
            + 0.07 * noise([x * 30.0, 0.0, 3.0], look.seed ^ 27);
        front = front.max(1.5 * (y - fringe - scalp.sweep * x + ragged));
    }
    let nape = y - 6.80 + soft;
    // The ear and the skin in front of it stay free.
    let ear = bell(y, 7.20, 0.42).sqrt() * bell(z, 0.40, 0.36).sqrt() * smooth(0.6, 0.68, wide);
    let crown = if scalp.cover < 1.0 {
        // A ring of hair around a bald crown.
        smooth(7.9, 7.5, y) * scalp.cover * 2.0
    } else {
        1.0
    };
    (smooth(-0.04, 0.12, front)
        * smooth(-0.02, 0.10, nape)
        * (1.0 - smooth(0.25, 0.6, ear))
        * crown)
        .clamp(0.0, 1.0)
}

/// Returns how far cloth covers a point of an average head, from 0 to 1.
pub(super) fn headwear(look: &Look, [x, y, z]: Vec3) -> f32 {
    let edge = |value: f32| smooth(-0.012, 0.012, value);
    match look.headwear {
        None => 0.0,
        Some(Headwear::Beanie) => edge(y - 7.62 + look.headwear_edge + 0.42 * (0.2 - z)),
        Some(Headwear::Cap) => edge(y - 7.86 + look.headwear_edge + 0.10 * (1.2 - z)),
        Some(Headwear::Scarf) => {
            // All but an oval of the face.
            let (dx, dy) =
                (x / (0.70 + 0.3 * look.headwear_edge), (y - 7.12) / (1.0 + look.headwear_edge));
            let oval = (dx * dx + dy * dy).sqrt() - 1.0;
            edge(oval.max(0.62 - z)) * smooth(5.5, 5.55, y)
        }
    }
}

/// Returns how far the shell of long hair covers a point: 0 or 1, with strands at its ends.
fn strand(look: &Look, [x, y, z]: Vec3) -> f32 {
    let scalp = &look.scalp;
    let (Some(end), None) = (scalp.long, look.headwear) else { return 0.0 };
    let seed = look.seed;
    let angle = libm::atan2f(x, z - 0.2);
    let ragged = 0.16 * noise([angle * 9.0, 0.0, 0.0], seed ^ 21)
        + 0.10 * noise([angle * 40.0, 0.0, 1.0], seed ^ 22);
    // The front opens below a fringe or beside a parting.
    let fringe = scalp.fringe.unwrap_or(8.25) + scalp.sweep * x + ragged;
    let open = z > scalp.open + 0.8 * ragged && y < fringe;
    f32::from(y > end + ragged && !open)
}

/// Returns the color of hair at a point, with strands.
pub(super) fn hair_color(look: &Look, [x, y, z]: Vec3) -> Rgb {
    let strands = if look.scalp.curls > 0.0 {
        octaves([x, y, z], 1.6 * look.scalp.curls, 2, look.seed ^ 14)
    } else {
        // Straight strands fall from the crown.
        let angle = libm::atan2f(x, z - 0.2);
        noise([angle * 24.0, y * 1.5, 0.0], look.seed ^ 14) * 0.6
            + noise([angle * 70.0, y * 3.0, 4.0], look.seed ^ 15) * 0.6
    };
    scaled(look.hair, (1.0 + 0.55 * strands).max(0.15))
}

/// Returns the color of the clothes at a point of an average torso, or `None` above the neckline.
fn clothes(clothes: &Clothes, point: Vec3, seed: u32) -> Option<Rgb> {
    let [x, y, z] = point;
    if y > clothes_edge(clothes, point) {
        return None;
    }
    // From 0 in the middle of a period to 0.5 at its ends.
    let cell = |value: f32| ((value / clothes.size).rem_euclid(1.0) - 0.5).abs();
    let step = |value: f32| edge(cell(value) - 0.25, 0.02 / clothes.size);
    let other = match clothes.pattern {
        Pattern::Plain => 0.0,
        Pattern::Stripes => step(y),
        Pattern::Columns => step(x),
        Pattern::Checks => {
            let (a, b) = (step(x), step(y));
            a + b - 2.0 * a * b
        }
        Pattern::Dots => {
            edge(0.25 - (cell(x) * cell(x) + cell(y) * cell(y)).sqrt(), 0.02 / clothes.size)
        }
        Pattern::Blotches => edge(octaves(point, 1.0 / clothes.size, 2, seed ^ 16) - 0.1, 0.06),
        Pattern::Jacket if z > 0.0 => edge(0.18 + 0.32 * (y - 3.8).max(0.0) - x.abs(), 0.02),
        Pattern::Jacket => 0.0,
    };
    let color = mix(clothes.color, clothes.other, other);
    let folds = 1.0
        + 0.12 * octaves([x * 0.8, y * 0.5, z], 2.0, 2, seed ^ 17)
        + 0.05 * noise(scaled(point, 40.0), seed ^ 18);
    // The rim of the neckline.
    let rim = smooth(0.10, 0.02, clothes_edge(clothes, point) - y);
    Some(scaled(color, folds * (1.0 - 0.35 * rim)))
}

/// Returns a soft step from 0 to 1 where `value` crosses zero.
fn edge(value: f32, width: f32) -> f32 {
    smooth(-width, width, value)
}

/// Returns the height above which a point of an average torso is bare.
pub(super) fn clothes_edge(clothes: &Clothes, [x, _, z]: Vec3) -> f32 {
    let front = smooth(-0.1, 0.5, z);
    let dip = clothes.depth * (1.0 - (x.abs() / 0.55).min(1.0)) * front;
    let shoulders = 0.9 * smooth(0.45, 0.95, x.abs());
    clothes.neckline + 0.25 * (1.0 - front) + shoulders - dip
}

#[cfg(test)]
mod tests {
    use avff_datasets::layout::Split;

    use super::*;
    use crate::{
        mesh::shape::Build,
        rng::{SynthPurpose, rng},
    };

    fn look(index: u64) -> Look {
        let random = &mut rng(4, Split::Train, index, SynthPurpose::MeshPerson);
        Look::new(&Build::new(random), random)
    }

    /// CIE lightness from reflectance.
    fn lightness(color: Rgb) -> f32 {
        let y = 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2];
        116.0 * y.cbrt() - 16.0
    }

    #[test]
    fn skin_spans_the_human_range() {
        let mut values: Vec<f32> = (0..400).map(|index| lightness(look(index).skin)).collect();
        values.sort_unstable_by(f32::total_cmp);
        let quantile = |share: f32| values[(share * 399.0) as usize];
        assert!(quantile(0.05) < 36.0, "{}", quantile(0.05));
        assert!(quantile(0.95) > 67.0, "{}", quantile(0.95));
        assert!((44.0..60.0).contains(&quantile(0.5)), "{}", quantile(0.5));
    }

    #[test]
    fn smaller_textures_have_the_same_colors() {
        let texture = Texture::new(&look(3).plain());
        for place in [[256.0, 200.0], [256.0, 300.0], [200.0, 260.0], [250.0, 800.0]] {
            let colors = [0, 1, 2, 3].map(|level| texture.at(place, level).color[0]);
            let range = colors
                .iter()
                .fold((1.0_f32, 0.0_f32), |(low, high), &value| (low.min(value), high.max(value)));
            assert!(range.0 > 0.005 && range.1 < 1.5 * range.0, "{place:?}: {colors:?}");
        }
        assert!(Texture::level(200.0) == 0 && Texture::level(20.0) > 1);
    }

    #[test]
    fn hair_is_on_the_head_and_not_on_the_face() {
        for index in 0..60 {
            let look = look(index);
            for face in [[0.0, 7.28, 1.4], [0.3, 7.0, 1.4], [0.0, 6.6, 1.55], [0.0, 6.2, 1.4]] {
                assert_eq!(hair(&look, face), 0.0, "person {index}");
                assert_eq!(headwear(&look, face), 0.0, "person {index}");
            }
            if look.scalp.cover >= 1.0 {
                assert!(hair(&look, [0.0, 8.4, 0.3]) > 0.9, "person {index}");
            }
        }
    }

    #[test]
    fn lips_differ_from_skin_and_clothes_from_both() {
        let look = Look { lips: [0.5, 0.0, 0.0], lip_cover: 1.0, ..look(2).plain() };
        let lips = surface(&look, [0.0, 6.57, 1.56], 15, false).color;
        assert!(lips[0] > 0.3 && lips[1] < 0.02, "{lips:?}");
        assert!(surface(&look, [0.2, 7.0, 1.4], 0, false).color[1] > 0.02);
        assert!(clothes(&look.clothes, [0.0, 4.0, 0.8], 1).is_some());
        assert!(clothes(&look.clothes, [0.0, 6.4, 0.8], 1).is_none());
    }
}
