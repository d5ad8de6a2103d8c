//! Talking heads as meshes: MakeHuman's head (CC0) with ARKit's 52 actions, drawn in software.
//!
//! `asset` reads the packed mesh. `shape` and `look` sample a person, whose skin `skin` paints into a
//! texture through `chart`. A `posture` moves the mesh; `motion` and `drive` create postures.
//! `person` draws it: `lens` projects, `raster` finds the visible triangles, `light` shades them.
//! `film` turns the light into a frame, and `scene` holds all parts of a clip.

mod accessories;
mod action;
mod asset;
mod backdrop;
mod chart;
mod color;
mod draw;
mod drive;
mod film;
mod lens;
mod light;
mod look;
mod motion;
mod noise;
mod other;
mod part;
mod patch;
mod person;
mod picture;
mod posture;
mod raster;
mod scene;
mod shadow;
mod shape;
mod shot;
mod skin;
mod vector;

pub(crate) use self::{drive::Articulation, scene::Scene};
