//! What a person's face and body do at one time: the input of the mesh.

use super::{
    action::{Action, Weights},
    vector::Vec3,
};

/// The posture of a face and body at one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Posture {
    /// The actions of the face, without those of gaze and blinks.
    pub(super) actions: Weights,
    /// The rotation of the head relative to the torso in radians: yaw to the person's left, pitch
    /// downwards, roll towards the person's left shoulder.
    pub(super) head: [f32; 3],
    /// The rotation of the torso in radians, like that of the head.
    pub(super) torso: [f32; 3],
    /// The position of the body in decimetres: to the person's left, up, and to the front.
    pub(super) place: Vec3,
    /// The gaze in radians relative to the head: to the person's left, and up.
    pub(super) gaze: [f32; 2],
    /// How far the left and the right eye are shut, from 0 to 1.
    pub(super) blink: [f32; 2],
}

/// The rotation of an eye at weight 1 of an action, in radians.
const LOOK: f32 = 0.5;

impl Posture {
    /// Adds the actions of a mouth.
    pub(super) fn merge(&mut self, mouth: &Weights) {
        for (sum, mouth) in self.actions.0.iter_mut().zip(mouth.0) {
            *sum = (*sum + mouth).clamp(0.0, 1.0);
        }
    }

    /// Returns all actions, including those of gaze and blinks.
    pub(super) fn all_actions(&self) -> Weights {
        use Action::{
            EyeBlinkLeft, EyeBlinkRight, EyeLookDownLeft, EyeLookDownRight, EyeLookInLeft,
            EyeLookInRight, EyeLookOutLeft, EyeLookOutRight, EyeLookUpLeft, EyeLookUpRight,
        };
        let mut out = self.actions;
        let [left, up] = self.gaze.map(|angle| angle / LOOK);
        out.add_both([EyeLookOutLeft, EyeLookInRight], left.max(0.0));
        out.add_both([EyeLookInLeft, EyeLookOutRight], (-left).max(0.0));
        out.add_both([EyeLookUpLeft, EyeLookUpRight], up.max(0.0));
        out.add_both([EyeLookDownLeft, EyeLookDownRight], (-up).max(0.0));
        out.add(EyeBlinkLeft, self.blink[0]);
        out.add(EyeBlinkRight, self.blink[1]);
        // At rest, the lips of the mesh do not quite touch.
        out.add_both([Action::MouthPressLeft, Action::MouthPressRight], 0.06);
        out
    }
}
