//! The place on an average head that each texel of the texture shows.

use std::sync::LazyLock;

use super::{
    asset::{Asset, Material, PAGE},
    raster::{Draw, NOTHING, Raster},
    vector::{Vec3, add, along},
};

/// Texels that are filled around each part of the texture, so that interpolation reads no gap.
const BORDER: usize = 3;

/// The distance in texels from the coordinates of the shell of long hair to its page.
pub(super) const SHELL: f32 = 2.0 * PAGE as f32;

/// For each texel, the point of an average head that it shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// Row by row, [`PAGE`] texels in a row: the head, then torso and ears, then the shell of long
    /// hair. `None` is part of none.
    pub(super) points: Vec<Option<Vec3>>,
}

static CHART: LazyLock<Chart> = LazyLock::new(|| Chart::new(Asset::get()));

impl Chart {
    pub(super) fn get() -> &'static Self {
        &CHART
    }

    fn new(asset: &Asset) -> Self {
        let mut raster = Raster::new(PAGE, 3 * PAGE);
        for (number, (corners, &material)) in asset.corners.iter().zip(&asset.materials).enumerate()
        {
            let down = match material {
                Material::Skin => 0.0,
                Material::Hair => SHELL,
                _ => continue,
            };
            let corner = corners.map(|corner| {
                let [u, v] = asset.coordinates[usize::from(corner)];
                [u, v + down, 1.0]
            });
            let draw = Draw { number: number as u32, two_sided: true, nearness: 1.0 };
            raster.draw(corner, draw, |_, _| true);
        }
        let point = |hit: &super::raster::Hit| {
            let triangle = (hit.number != NOTHING).then(|| asset.triangles[hit.number as usize])?;
            let [a, b, c] = triangle.map(|vertex| asset.positions[usize::from(vertex)]);
            let [u, v] = hit.weights;
            Some(along(along(along([0.0; 3], a, u), b, v), c, 1.0 - u - v))
        };
        let mut points: Vec<Option<Vec3>> = raster.hits.iter().map(point).collect();
        for _ in 0..BORDER {
            points = widened(&points);
        }
        Self { points }
    }
}

/// Fills gaps beside points with the mean of their neighbors.
fn widened(points: &[Option<Vec3>]) -> Vec<Option<Vec3>> {
    let at = |index: Option<usize>| index.and_then(|index| points.get(index).copied().flatten());
    let fill = |(index, point): (usize, &Option<Vec3>)| {
        point.or_else(|| {
            let around = [
                index.checked_sub(1),
                Some(index + 1),
                index.checked_sub(PAGE),
                Some(index + PAGE),
            ];
            let (sum, count) = around
                .into_iter()
                .filter_map(at)
                .fold(([0.0; 3], 0.0), |(sum, count), point| (add(sum, point), count + 1.0));
            (count > 0.0).then(|| sum.map(|value| value / count))
        })
    };
    points.iter().enumerate().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texels_show_skin_of_the_head_and_torso() {
        let chart = Chart::get();
        assert_eq!(chart.points.len(), 3 * PAGE * PAGE);
        let page = |from: usize| chart.points[from..from + PAGE * PAGE].iter().flatten();
        let (head, torso) = (page(0).count(), page(PAGE * PAGE).count());
        assert!(head > PAGE * PAGE / 3 && torso > PAGE * PAGE / 4, "{head}, {torso}");
        // The last rows belong to the border of the next page.
        let heights = chart.points[..PAGE * (PAGE - 8)].iter().flatten().map(|point| point[1]);
        let (low, high) =
            heights.fold((9.0_f32, 0.0_f32), |(low, high), y| (low.min(y), high.max(y)));
        assert!(low > 5.3 && high < 8.6, "{low}, {high}");
        // The lips get more texels than their share of the surface.
        let near = |point: &&Vec3| {
            point[0].abs() < 0.25 && (point[1] - 6.6).abs() < 0.12 && point[2] > 1.3
        };
        assert!(page(0).filter(near).count() > 2000, "{}", page(0).filter(near).count());
    }
}
