//! The head mesh and its morphs, as packed by data/head/pack.py.

use std::sync::LazyLock;

use super::vector::Vec3;

/// The packed mesh: MakeHuman's base mesh, targets and face units, all CC0.
static PACKED: &[u8] = include_bytes!("../../assets/head.bin.zz");
/// The largest size of the unpacked file, in bytes.
const LIMIT: usize = 16 << 20;
/// The side of a page of the texture, in texels. The first page holds the head, the second one below
/// it the torso and the ears.
pub(super) const PAGE: usize = 512;
/// The resolution of vertex positions, in steps per decimetre.
const STEPS: f32 = 1000.0;

/// What a triangle of the mesh is made of. The discriminants are those of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::FromRepr)]
#[repr(u8)]
pub(super) enum Material {
    Skin = 0,
    /// The inside of cheeks, lips and throat.
    Mouth = 1,
    UpperTeeth = 2,
    LowerTeeth = 3,
    Tongue = 4,
    LeftEye = 5,
    RightEye = 6,
    Lash = 7,
    /// The shell of long hair.
    Hair = 8,
}

/// A change of shape: vertices and how far they move at weight 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Morph {
    pub(super) name: String,
    pub(super) moves: Vec<(u16, Vec3)>,
}

impl Morph {
    /// Moves the vertices by `weight` times the change of shape.
    pub(super) fn apply(&self, positions: &mut [Vec3], weight: f32) {
        for &(vertex, by) in &self.moves {
            if let Some(position) = positions.get_mut(usize::from(vertex)) {
                *position = super::vector::along(*position, by, weight);
            }
        }
    }
}

/// The mesh. Every index is valid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asset {
    /// The positions of the vertices of an average head, in decimetres.
    pub(super) positions: Vec<Vec3>,
    /// The vertices of each triangle, counterclockwise from outside.
    pub(super) triangles: Vec<[u16; 3]>,
    /// The texture coordinates of the corners of each triangle.
    pub(super) corners: Vec<[u16; 3]>,
    /// Texture coordinates, in texels.
    pub(super) coordinates: Vec<[f32; 2]>,
    /// The material of each triangle.
    pub(super) materials: Vec<Material>,
    /// How much of the surrounding light reaches each vertex, from 0 to 1.
    pub(super) openness: Vec<f32>,
    /// For each texel of the first page: 4 bits of lips, 2 of lids, 2 of face.
    pub(super) mask: Vec<u8>,
    /// The actions, in the order of [`Action`](super::action::Action).
    pub(super) actions: Vec<Morph>,
    /// The combinations of sex, age, ancestry, muscle and weight.
    pub(super) macros: Vec<Morph>,
    /// The details of a face.
    pub(super) details: Vec<Morph>,
}

static ASSET: LazyLock<Asset> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is a part of this crate, and a test reads it")]
    read(PACKED).expect("the head mesh is complete")
});

impl Asset {
    pub(super) fn get() -> &'static Self {
        &ASSET
    }

    /// Returns the texture coordinates of the corners of a triangle.
    #[inline]
    pub(super) fn places(&self, triangle: usize) -> [[f32; 2]; 3] {
        let [a, b, c] = self.corners[triangle];
        let at = |corner: u16| self.coordinates[usize::from(corner)];
        [at(a), at(b), at(c)]
    }
}

/// Returns the texture coordinates of a point of a triangle from the weights of two corners.
#[inline]
pub(super) fn blend([a, b, c]: &[[f32; 2]; 3], u: f32, v: f32) -> [f32; 2] {
    let w = 1.0 - u - v;
    [u * a[0] + v * b[0] + w * c[0], u * a[1] + v * b[1] + w * c[1]]
}

/// Reads a packed mesh, or returns `None` if it is not valid.
fn read(packed: &[u8]) -> Option<Asset> {
    let unpacked = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, LIMIT).ok()?;
    let mut reader = Reader(unpacked.strip_prefix(b"AVFFHEAD")?);
    let [vertices, triangles, coordinates] = [reader.count()?, reader.count()?, reader.count()?];
    let positions = reader.points(vertices, STEPS)?;
    let triples = |reader: &mut Reader, limit: usize| -> Option<Vec<[u16; 3]>> {
        let indices = reader.differences(3 * triangles)?;
        let index = |value: i64| u16::try_from(value).ok().filter(|&at| usize::from(at) < limit);
        let indices = indices.into_iter().map(index).collect::<Option<Vec<u16>>>()?;
        Some(indices.as_chunks::<3>().0.to_vec())
    };
    let (faces, corners) = (triples(&mut reader, vertices)?, triples(&mut reader, coordinates)?);
    let [across, down] = [reader.differences(coordinates)?, reader.differences(coordinates)?];
    let texels = |value: i64, side: usize| value as f32 / 65_535.0 * side as f32;
    let coordinates =
        across.iter().zip(&down).map(|(&u, &v)| [texels(u, PAGE), texels(v, 2 * PAGE)]).collect();
    let material = |&byte: &u8| Material::from_repr(byte);
    let materials = reader.bytes(triangles)?.iter().map(material).collect::<Option<_>>()?;
    let openness = reader.bytes(vertices)?.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let mask = reader.bytes(PAGE * PAGE)?.to_vec();
    let [actions, macros, details] =
        [reader.morphs(vertices)?, reader.morphs(vertices)?, reader.morphs(vertices)?];
    (reader.0.is_empty() && actions.len() == super::action::ACTIONS).then_some(Asset {
        positions,
        triangles: faces,
        corners,
        coordinates,
        materials,
        openness,
        mask,
        actions,
        macros,
        details,
    })
}

/// The rest of an unpacked file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// Reads a number in groups of seven bits, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let &[byte] = self.bytes(1)? else { return None };
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    /// Reads the number of some things that follow, each in a byte or more.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|&count| count <= self.0.len())
    }

    /// Reads values, each as the difference to the one before.
    fn differences(&mut self, count: usize) -> Option<Vec<i64>> {
        let mut last = 0_i64;
        (0..count)
            .map(|_| {
                let coded = self.number()?;
                // Small numbers of either sign are coded as small numbers.
                last = last.checked_add((coded >> 1).cast_signed() ^ -(coded & 1).cast_signed())?;
                Some(last)
            })
            .collect()
    }

    fn points(&mut self, count: usize, steps: f32) -> Option<Vec<Vec3>> {
        let planes = [self.differences(count)?, self.differences(count)?, self.differences(count)?];
        let [x, y, z] = planes.map(|plane| plane.into_iter().map(|value| value as f32 / steps));
        Some(x.zip(y).zip(z).map(|((x, y), z)| [x, y, z]).collect())
    }

    fn morphs(&mut self, vertices: usize) -> Option<Vec<Morph>> {
        let steps = self.number()? as f32;
        (0..self.count()?).map(|_| self.morph(vertices, steps)).collect()
    }

    fn morph(&mut self, vertices: usize, steps: f32) -> Option<Morph> {
        let &[length] = self.bytes(1)? else { return None };
        let name = String::from_utf8(self.bytes(usize::from(length))?.to_vec()).ok()?;
        let count = self.count()?;
        let mut next = 0_usize;
        let ids = (0..count)
            .map(|_| {
                let id = next.checked_add(usize::try_from(self.number()?).ok()?)?;
                next = id + 1;
                (id < vertices).then_some(u16::try_from(id).ok()?)
            })
            .collect::<Option<Vec<u16>>>()?;
        Some(Morph { name, moves: ids.into_iter().zip(self.points(count, steps)?).collect() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use strum::VariantArray;

    use super::{super::action::Action, *};

    #[test]
    fn the_mesh_is_complete() {
        let asset = read(PACKED).unwrap();
        let counts = [asset.positions.len(), asset.triangles.len(), asset.coordinates.len()];
        assert_eq!(counts, [7010, 13_320, 6070]);
        assert_eq!((asset.macros.len(), asset.details.len()), (66, 348));
        for (morph, action) in asset.actions.iter().zip(Action::VARIANTS) {
            assert_eq!(morph.name.parse::<Action>().unwrap(), *action);
            assert!(morph.moves.len() > 200, "{action:?}");
            assert!(morph.moves.iter().all(|(_, by)| by.iter().all(|value| value.abs() < 1.0)));
        }
        let of = |material| asset.materials.iter().filter(|&&other| other == material).count();
        use Material::{LeftEye, LowerTeeth, RightEye, Tongue, UpperTeeth};
        assert_eq!((of(LeftEye), of(RightEye), of(Tongue)), (140, 140, 448));
        assert_eq!((of(UpperTeeth), of(LowerTeeth)), (96, 96));
    }

    #[test]
    fn damaged_meshes_are_refused() {
        assert!(read(&PACKED[..PACKED.len() / 2]).is_none());
        let inner = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(PACKED, LIMIT).unwrap();
        let packed = |inner: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(inner, 1);
        assert!(read(&packed(&inner)).is_some());
        assert!(read(&packed(&inner[..inner.len() - 1])).is_none());
        assert!(read(&packed(&[inner.as_slice(), &[0]].concat())).is_none());
        assert!(read(&packed(&inner[1..])).is_none());
    }
}
