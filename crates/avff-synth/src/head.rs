//! Draws a head without its mouth.

use super::{
    canvas::{Canvas, Color, mix, scaled, signed_distance},
    identity::Identity,
    light::Light,
    pose::Pose,
};

/// How much a fully open mouth lengthens the face, in its units.
const JAW: f32 = 0.16;

/// Draws hair, face, eyes, brows and nose. `open` is the opening of the jaw, from 0 to 1.
pub(super) fn draw(
    canvas: &mut Canvas,
    identity: &Identity,
    pose: &Pose,
    light: &Light,
    open: f32,
) {
    let placement = &pose.placement;
    let crown = identity.crown;
    let chin = identity.chin + JAW * open;
    let hair = scaled(identity.hair, light.ambient + 0.7 * light.directional);

    // Drawn first, behind the face: long hair, neck, clothes.
    let wide = identity.hair_width;
    let cap = (wide, crown + 0.12);
    if identity.hair_length > 0.2 {
        let (center, half) =
            ((identity.hair_length - cap.1) / 2.0, (identity.hair_length + cap.1) / 2.0);
        canvas.draw(
            placement,
            (-wide - 0.1, -cap.1 - 0.1, wide + 0.1, identity.hair_length + 0.1),
            |x, y| {
                let share = placement.cover(signed_distance(
                    x / wide,
                    (y - center) / half,
                    (wide, half),
                    0.5,
                ));
                (share, hair)
            },
        );
    }
    let neck = scaled(identity.skin, 0.62 * (light.ambient + 0.5 * light.directional));
    canvas.ellipse(placement, (0.0, 1.3), (0.55, 0.9), neck, 1.0);
    canvas.ellipse(placement, (0.0, 2.6), (1.9, 1.05), identity.clothes, 1.0);
    for side in [-1.0, 1.0] {
        let ear = scaled(identity.skin, 0.85 * light.shading(0.6 * side, 0.0));
        canvas.ellipse(placement, (side * 1.0 - 0.3 * pose.aside.0, -0.1), (0.13, 0.26), ear, 1.0);
    }

    face(canvas, identity, pose, light, (crown, chin));
    let (bend, line) = (identity.hairline.1, identity.hairline.0);
    canvas.draw(placement, (-wide - 0.1, -cap.1 - 0.1, wide + 0.1, 0.3), |x, y| {
        let inside = placement.cover(signed_distance(x / wide, y / cap.1, cap, 0.25));
        let moved = x - 0.4 * pose.aside.0;
        let share = inside * placement.cover(y - (line + bend * moved * moved));
        if share <= 0.0 {
            return (0.0, hair);
        }
        // Adds strands and light from above.
        let strand = 1.0
            + 0.10 * libm::sinf(24.0 * moved + 3.0 * y)
            + 0.15 * light.direction[1].abs() * (-y);
        (share, scaled(hair, strand))
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
    let placement = &pose.placement;
    let jaw = (identity.mouth_height + 0.3, 0.55);
    canvas.draw(placement, (-1.1, -crown - 0.1, 1.1, chin + 0.1), |x, y| {
        let (half, square) = if y < 0.0 { (crown, 0.1) } else { (chin, identity.jaw) };
        let share = placement.cover(signed_distance(x, y / half, (1.0, half), square));
        if share <= 0.0 {
            return (0.0, identity.skin);
        }
        let shade = light.shading(0.85 * x, 0.7 * y / half);
        let mut skin = identity.skin;
        if identity.stubble > 0.0 && y > 0.15 {
            let near =
                ((y - 0.15) * 3.0).min(1.0) * (1.0 - 0.3 * ((y - jaw.0) / jaw.1).abs().min(1.0));
            skin = mix(skin, scaled(identity.hair, 0.8), identity.stubble * near);
        }
        (share, scaled(skin, shade))
    });
    for side in [-1.0, 1.0] {
        let cheek = mix(identity.skin, [0.85, 0.35, 0.32], 0.4);
        canvas.glow(placement, (0.5 * side + 0.3 * pose.aside.0, 0.22), (0.35, 0.3), cheek, 0.35);
    }
}

fn eyes(canvas: &mut Canvas, identity: &Identity, pose: &Pose, light: &Light) {
    let placement = &pose.placement;
    let (aside, down) = (0.5 * pose.aside.0, identity.eye_height + 0.4 * pose.aside.1);
    let (width, height) = identity.eye_size;
    for side in [-1.0, 1.0] {
        let at = (side * identity.eye_apart + aside, down);
        let shade = light.shading(0.4 * side, -0.2);
        let lid = scaled(identity.skin, 0.72 * shade);
        canvas.glow(placement, at, (1.7 * width, 2.4 * height), lid, 0.7);
        let open = height * pose.eyes;
        if open > 0.2 * height {
            let white = scaled([0.93, 0.92, 0.90], 0.9 * shade);
            canvas.ellipse(placement, at, (width, open), white, 1.0);
            let iris = (at.0 + 0.35 * width * pose.gaze.0, at.1 + 0.25 * height * pose.gaze.1);
            let radius = 0.55 * width;
            // The lids cover the part of the iris outside of the white.
            let bounds = (iris.0 - radius, iris.1 - radius, iris.0 + radius, iris.1 + radius);
            canvas.draw(placement, bounds, |x, y| {
                let (dx, dy) = ((x - iris.0) / radius, (y - iris.1) / radius);
                let eye =
                    signed_distance((x - at.0) / width, (y - at.1) / open, (width, open), 0.0);
                let share = placement
                    .cover(signed_distance(dx, dy, (radius, radius), 0.0))
                    .min(placement.cover(eye));
                let pupil = dx * dx + dy * dy < 0.2;
                (share, if pupil { [0.03; 3] } else { scaled(identity.iris, shade) })
            });
            let spark = (iris.0 + 0.3 * radius * light.direction[0], iris.1 - 0.3 * radius);
            canvas.ellipse(placement, spark, (0.02, 0.02), [1.0; 3], 0.8);
        }
        let lash = (at.0, at.1 - open);
        canvas.ellipse(placement, lash, (1.05 * width, 0.018), scaled(identity.hair, 0.4), 0.8);
        brow(canvas, identity, pose, (side, at.0, down - 2.2 * height - 0.10));
        if let Some(color) = identity.glasses {
            let rim = (1.75 * width, 2.3 * height);
            let bounds =
                (at.0 - rim.0 - 0.1, at.1 - rim.1 - 0.1, at.0 + rim.0 + 0.1, at.1 + rim.1 + 0.1);
            canvas.draw(placement, bounds, |x, y| {
                let off = signed_distance((x - at.0) / rim.0, (y - at.1) / rim.1, rim, 0.6);
                (placement.cover(off.abs() - 0.02), color)
            });
        }
    }
}

fn brow(canvas: &mut Canvas, identity: &Identity, pose: &Pose, (side, u, v): (f32, f32, f32)) {
    let placement = &pose.placement;
    let (thick, slope) = identity.brow;
    let half = 1.35 * identity.eye_size.0;
    canvas.draw(placement, (u - half, v - 0.2, u + half, v + 0.2), |x, y| {
        let along = (x - u) / half;
        let center = v + half * slope * along * side + 0.06 * along * along;
        let thin = thick * (1.0 - along * along).max(0.0).sqrt();
        (0.85 * placement.cover((y - center).abs() - thin), scaled(identity.hair, 0.75))
    });
}

fn nose(canvas: &mut Canvas, identity: &Identity, pose: &Pose, light: &Light) {
    let placement = &pose.placement;
    let (u, tip) = (0.85 * pose.aside.0, identity.nose_length + 0.5 * pose.aside.1 - 0.08);
    let width = identity.nose_width;
    let dark: Color = scaled(identity.skin, 0.62 * light.ambient + 0.1);
    let bright = scaled(identity.skin, 1.12).map(|value| value.min(1.0));
    let away = -0.10 * light.direction[0].signum();
    canvas.glow(placement, (u + away, 0.4 * tip), (0.14, 0.8 * tip), dark, 0.35);
    canvas.glow(placement, (u, 0.3 * tip), (0.09, 0.9 * tip), bright, 0.5);
    canvas.glow(placement, (u, tip), (1.5 * width, 0.13), dark, 0.6);
    canvas.glow(placement, (u, tip - 0.06), (width, 0.14), bright, 0.6);
    for side in [-1.0, 1.0] {
        canvas.ellipse(
            placement,
            (u + 0.55 * side * width, tip + 0.03),
            (0.05, 0.028),
            scaled(dark, 0.4),
            0.85,
        );
    }
}
