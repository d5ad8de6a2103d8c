//! The actions of a face: the names and indices of ARKit's 52 blend shapes, in alphabetical order.

/// The number of actions.
pub const COUNT: usize = 52;

/// The names of the actions, in the order of weights.
pub const NAMES: [&str; COUNT] = [
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
];

/// The weight of every action, from 0 (at rest) to 1.
pub type Weights = [f32; COUNT];

macro_rules! indices {
    ($($name:ident = $index:literal),* $(,)?) => {
        $(#[doc = concat!("The index of action ", stringify!($index), " in [`NAMES`].")]
        pub const $name: usize = $index;)*
    };
}

indices! {
    JAW_LEFT = 23,
    JAW_OPEN = 24,
    JAW_RIGHT = 25,
    MOUTH_DIMPLE_LEFT = 27,
    MOUTH_DIMPLE_RIGHT = 28,
    MOUTH_FUNNEL = 31,
    MOUTH_LEFT = 32,
    MOUTH_LOWER_DOWN_LEFT = 33,
    MOUTH_LOWER_DOWN_RIGHT = 34,
    MOUTH_PRESS_LEFT = 35,
    MOUTH_PRESS_RIGHT = 36,
    MOUTH_PUCKER = 37,
    MOUTH_RIGHT = 38,
    MOUTH_ROLL_LOWER = 39,
    MOUTH_ROLL_UPPER = 40,
    MOUTH_SHRUG_LOWER = 41,
    MOUTH_SMILE_LEFT = 43,
    MOUTH_SMILE_RIGHT = 44,
    MOUTH_STRETCH_LEFT = 45,
    MOUTH_STRETCH_RIGHT = 46,
    MOUTH_UPPER_UP_LEFT = 47,
    MOUTH_UPPER_UP_RIGHT = 48,
    TONGUE_OUT = 51,
}

/// Returns an action's weight, or 0 for an index that does not exist.
#[must_use]
pub fn weight(weights: &Weights, index: usize) -> f32 {
    weights.get(index).copied().unwrap_or(0.0)
}

/// Returns the mean weight of an action's left and right half, which are neighbors.
pub(super) fn both(weights: &Weights, left: usize) -> f32 {
    0.5 * (weight(weights, left) + weight(weights, left + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_indices_match() {
        assert!(NAMES.is_sorted());
        for (index, name) in [
            (JAW_OPEN, "jawOpen"),
            (JAW_LEFT, "jawLeft"),
            (JAW_RIGHT, "jawRight"),
            (MOUTH_DIMPLE_LEFT, "mouthDimpleLeft"),
            (MOUTH_FUNNEL, "mouthFunnel"),
            (MOUTH_LEFT, "mouthLeft"),
            (MOUTH_LOWER_DOWN_LEFT, "mouthLowerDownLeft"),
            (MOUTH_PRESS_LEFT, "mouthPressLeft"),
            (MOUTH_PUCKER, "mouthPucker"),
            (MOUTH_RIGHT, "mouthRight"),
            (MOUTH_ROLL_LOWER, "mouthRollLower"),
            (MOUTH_ROLL_UPPER, "mouthRollUpper"),
            (MOUTH_SHRUG_LOWER, "mouthShrugLower"),
            (MOUTH_SMILE_LEFT, "mouthSmileLeft"),
            (MOUTH_STRETCH_LEFT, "mouthStretchLeft"),
            (MOUTH_UPPER_UP_LEFT, "mouthUpperUpLeft"),
            (TONGUE_OUT, "tongueOut"),
        ] {
            assert_eq!(NAMES[index], name);
        }
        for left in NAMES.iter().filter(|name| name.ends_with("Left") && !name.ends_with("hLeft")) {
            let at = NAMES.iter().position(|name| name == left).unwrap_or(0);
            if *left != "jawLeft" {
                assert_eq!(NAMES[at + 1], left.replace("Left", "Right"));
            }
        }
    }
}
