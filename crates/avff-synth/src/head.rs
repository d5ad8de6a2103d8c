//! A head without its mouth.

use super::{
    canvas::{Canvas, Color, between, beyond, lit},
    identity::Identity,
    light::Light,
    pose::Pose,
};

/// How much longer a face gets as its mouth opens wide, in its units.
const JAW: f32 = 0.16;

/// Draws hair, face, eyes, brows and nose; `open` is how far the jaw has fallen, from 0 to 1.
pub(super) fn draw(
    canvas: &mut Canvas,
    identity: &Identity,
    pose: &Pose,
    light: &Light,
    open: f32,
) {
    let placing = &pose.placing;
    let crown = identity.crown;
    let chin = identity.chin + JAW * open;
    let hair = lit(identity.hair, light.even + 0.7 * light.directed);

    // Behind the face: long hair, neck, clothes.
    let wide = identity.hair_width;
    let cap = (wide, crown + 0.12);
    if identity.hair_length > 0.2 {
        let (middle, half) =
            ((identity.hair_length - cap.1) / 2.0, (identity.hair_length + cap.1) / 2.0);
        canvas.draw(
            placing,
            (-wide - 0.1, -cap.1 - 0.1, wide + 0.1, identity.hair_length + 0.1),
            |x, y| {
                let share = placing.cover(beyond(x / wide, (y - middle) / half, (wide, half), 0.5));
                (share, hair)
            },
        );
    }
    let neck = lit(identity.skin, 0.62 * (light.even + 0.5 * light.directed));
    canvas.ellipse(placing, (0.0, 1.3), (0.55, 0.9), neck, 1.0);
    canvas.ellipse(placing, (0.0, 2.6), (1.9, 1.05), identity.clothes, 1.0);
    for side in [-1.0, 1.0] {
        let ear = lit(identity.skin, 0.85 * light.on(0.6 * side, 0.0));
        canvas.ellipse(placing, (side * 1.0 - 0.3 * pose.aside.0, -0.1), (0.13, 0.26), ear, 1.0);
    }

    face(canvas, identity, pose, light, (crown, chin));
    let (bend, line) = (identity.hairline.1, identity.hairline.0);
    canvas.draw(placing, (-wide - 0.1, -cap.1 - 0.1, wide + 0.1, 0.3), |x, y| {
        let inside = placing.cover(beyond(x / wide, y / cap.1, cap, 0.25));
        let moved = x - 0.4 * pose.aside.0;
        let share = inside * placing.cover(y - (line + bend * moved * moved));
        if share <= 0.0 {
            return (0.0, hair);
        }
        // A little structure, and light from above.
        let strand =
            1.0 + 0.10 * libm::sinf(24.0 * moved + 3.0 * y) + 0.15 * light.from[1].abs() * (-y);
        (share, lit(hair, strand))
    });
    eyes(canvas, identity, pose, light);
    nose(canvas, identity, pose, light);
}

fn face(
    canvas: &mut Canvas,
    identity: &Identity,
    pose: &Pose,
    light: &Light,
    (crown, chin): (f32, f32),
) {
    let placing = &pose.placing;
    let jaw = (identity.mouth_height + 0.3, 0.55);
    canvas.draw(placing, (-1.1, -crown - 0.1, 1.1, chin + 0.1), |x, y| {
        let (half, square) = if y < 0.0 { (crown, 0.1) } else { (chin, identity.jaw) };
        let share = placing.cover(beyond(x, y / half, (1.0, half), square));
        if share <= 0.0 {
            return (0.0, identity.skin);
        }
        let shade = light.on(0.85 * x, 0.7 * y / half);
        let mut skin = identity.skin;
        if identity.stubble > 0.0 && y > 0.15 {
            let near =
                ((y - 0.15) * 3.0).min(1.0) * (1.0 - 0.3 * ((y - jaw.0) / jaw.1).abs().min(1.0));
            skin = between(skin, lit(identity.hair, 0.8), identity.stubble * near);
        }
        (share, lit(skin, shade))
    });
    for side in [-1.0, 1.0] {
        let cheek = between(identity.skin, [0.85, 0.35, 0.32], 0.4);
        canvas.glow(placing, (0.5 * side + 0.3 * pose.aside.0, 0.22), (0.35, 0.3), cheek, 0.35);
    }
}

fn eyes(canvas: &mut Canvas, identity: &Identity, pose: &Pose, light: &Light) {
    let placing = &pose.placing;
    let (aside, down) = (0.5 * pose.aside.0, identity.eye_height + 0.4 * pose.aside.1);
    let (width, height) = identity.eye_size;
    for side in [-1.0, 1.0] {
        let at = (side * identity.eye_apart + aside, down);
        let shade = light.on(0.4 * side, -0.2);
        let lid = lit(identity.skin, 0.72 * shade);
        canvas.glow(placing, at, (1.7 * width, 2.4 * height), lid, 0.7);
        let open = height * pose.eyes;
        if open > 0.2 * height {
            let white = lit([0.93, 0.92, 0.90], 0.9 * shade);
            canvas.ellipse(placing, at, (width, open), white, 1.0);
            let iris = (at.0 + 0.35 * width * pose.gaze.0, at.1 + 0.25 * height * pose.gaze.1);
            let radius = 0.55 * width;
            // Lids cover what of the iris is beyond the white.
            let reach = (iris.0 - radius, iris.1 - radius, iris.0 + radius, iris.1 + radius);
            canvas.draw(placing, reach, |x, y| {
                let (dx, dy) = ((x - iris.0) / radius, (y - iris.1) / radius);
                let eye = beyond((x - at.0) / width, (y - at.1) / open, (width, open), 0.0);
                let share =
                    placing.cover(beyond(dx, dy, (radius, radius), 0.0)).min(placing.cover(eye));
                let pupil = dx * dx + dy * dy < 0.2;
                (share, if pupil { [0.03; 3] } else { lit(identity.iris, shade) })
            });
            let spark = (iris.0 + 0.3 * radius * light.from[0], iris.1 - 0.3 * radius);
            canvas.ellipse(placing, spark, (0.02, 0.02), [1.0; 3], 0.8);
        }
        let lash = (at.0, at.1 - open);
        canvas.ellipse(placing, lash, (1.05 * width, 0.018), lit(identity.hair, 0.4), 0.8);
        brow(canvas, identity, pose, (side, at.0, down - 2.2 * height - 0.10));
        if let Some(color) = identity.glasses {
            let rim = (1.75 * width, 2.3 * height);
            let reach =
                (at.0 - rim.0 - 0.1, at.1 - rim.1 - 0.1, at.0 + rim.0 + 0.1, at.1 + rim.1 + 0.1);
            canvas.draw(placing, reach, |x, y| {
                let off = beyond((x - at.0) / rim.0, (y - at.1) / rim.1, rim, 0.6);
                (placing.cover(off.abs() - 0.02), color)
            });
        }
    }
}

fn brow(canvas: &mut Canvas, identity: &Identity, pose: &Pose, (side, u, v): (f32, f32, f32)) {
    let placing = &pose.placing;
    let (thick, slope) = identity.brow;
    let half = 1.35 * identity.eye_size.0;
    canvas.draw(placing, (u - half, v - 0.2, u + half, v + 0.2), |x, y| {
        let along = (x - u) / half;
        let middle = v + half * slope * along * side + 0.06 * along * along;
        let thin = thick * (1.0 - along * along).max(0.0).sqrt();
        (0.85 * placing.cover((y - middle).abs() - thin), lit(identity.hair, 0.75))
    });
}

fn nose(canvas: &mut Canvas, identity: &Identity, pose: &Pose, light: &Light) {
    let placing = &pose.placing;
    let (u, tip) = (0.85 * pose.aside.0, identity.nose_length + 0.5 * pose.aside.1 - 0.08);
    let width = identity.nose_width;
    let dark: Color = lit(identity.skin, 0.62 * light.even + 0.1);
    let bright = lit(identity.skin, 1.12).map(|value| value.min(1.0));
    let away = -0.10 * light.from[0].signum();
    canvas.glow(placing, (u + away, 0.4 * tip), (0.14, 0.8 * tip), dark, 0.35);
    canvas.glow(placing, (u, 0.3 * tip), (0.09, 0.9 * tip), bright, 0.5);
    canvas.glow(placing, (u, tip), (1.5 * width, 0.13), dark, 0.6);
    canvas.glow(placing, (u, tip - 0.06), (width, 0.14), bright, 0.6);
    for side in [-1.0, 1.0] {
        canvas.ellipse(
            placing,
            (u + 0.55 * side * width, tip + 0.03),
            (0.05, 0.028),
            lit(dark, 0.4),
            0.85,
        );
    }
}
