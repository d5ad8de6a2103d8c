//! The actions of a face: ARKit's 52 blend shapes.

use strum::{EnumString, VariantArray};

/// An action; left and right are the person's own. The names are ARKit's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantArray)]
#[strum(serialize_all = "camelCase")]
#[repr(usize)]
pub(crate) enum Action {
    BrowDownLeft = 0,
    BrowDownRight = 1,
    BrowInnerUp = 2,
    BrowOuterUpLeft = 3,
    BrowOuterUpRight = 4,
    CheekPuff = 5,
    CheekSquintLeft = 6,
    CheekSquintRight = 7,
    EyeBlinkLeft = 8,
    EyeBlinkRight = 9,
    EyeLookDownLeft = 10,
    EyeLookDownRight = 11,
    EyeLookInLeft = 12,
    EyeLookInRight = 13,
    EyeLookOutLeft = 14,
    EyeLookOutRight = 15,
    EyeLookUpLeft = 16,
    EyeLookUpRight = 17,
    EyeSquintLeft = 18,
    EyeSquintRight = 19,
    EyeWideLeft = 20,
    EyeWideRight = 21,
    JawForward = 22,
    JawLeft = 23,
    JawOpen = 24,
    JawRight = 25,
    MouthClose = 26,
    MouthDimpleLeft = 27,
    MouthDimpleRight = 28,
    MouthFrownLeft = 29,
    MouthFrownRight = 30,
    MouthFunnel = 31,
    MouthLeft = 32,
    MouthLowerDownLeft = 33,
    MouthLowerDownRight = 34,
    MouthPressLeft = 35,
    MouthPressRight = 36,
    MouthPucker = 37,
    MouthRight = 38,
    MouthRollLower = 39,
    MouthRollUpper = 40,
    MouthShrugLower = 41,
    MouthShrugUpper = 42,
    MouthSmileLeft = 43,
    MouthSmileRight = 44,
    MouthStretchLeft = 45,
    MouthStretchRight = 46,
    MouthUpperUpLeft = 47,
    MouthUpperUpRight = 48,
    NoseSneerLeft = 49,
    NoseSneerRight = 50,
    TongueOut = 51,
}

/// The number of actions.
pub(crate) const ACTIONS: usize = 52;

/// The weight of every action, from 0 (at rest) to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights(pub(crate) [f32; ACTIONS]);

impl Default for Weights {
    fn default() -> Self {
        Self([0.0; ACTIONS])
    }
}

impl Weights {
    /// Adds to the weight of an action. The sum stays within 0 and 1.
    pub(crate) fn add(&mut self, action: Action, weight: f32) {
        let sum = &mut self.0[action as usize];
        *sum = (*sum + weight).clamp(0.0, 1.0);
    }

    /// Adds to the weights of two actions, such as those of the left and the right side.
    pub(crate) fn add_both(&mut self, actions: [Action; 2], weight: f32) {
        actions.into_iter().for_each(|action| self.add(action, weight));
    }
}
