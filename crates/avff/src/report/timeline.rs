//! The timeline of windows as SVG.

use maud::{Markup, html};

use crate::explain::Window;

/// Size of the drawing, and edges of the plot.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 752.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 130.0;
/// The most steps of time; longer clips show the highest score of each step.
const STEPS: usize = 356;

/// Draws the score of each moment: the highest of the windows that cover it. The peak is marked.
pub(super) fn timeline(windows: &[Window], peak: usize) -> Markup {
    let end = windows.iter().map(|window| window.span.end).fold(0.0, f64::max).max(0.1);
    let x = |seconds: f64| LEFT + seconds / end * (RIGHT - LEFT);
    let y = |score: f64| BOTTOM - score * (BOTTOM - TOP);
    let mut steps = vec![None::<f32>; STEPS];
    for window in windows {
        let score = window.logits.probability_fake();
        let at = |seconds: f64| (seconds / end * STEPS as f64) as usize;
        let (from, to) = (at(window.span.start), at(window.span.end).clamp(1, STEPS));
        for step in steps.get_mut(from.min(to - 1)..to).into_iter().flatten() {
            *step = Some(step.map_or(score, |other| other.max(score)));
        }
    }
    let width = (RIGHT - LEFT) / STEPS as f64;
    let step = tick(end);
    let ticks = (0..).map(|at| f64::from(at) * step).take_while(|seconds| *seconds <= end);
    let marked = windows.get(peak).map(|window| window.span);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) height=(HEIGHT) role="img" aria-label="Score over time" {
            @if let Some(span) = marked {
                rect x=(format!("{:.1}", x(span.start))) y=(TOP) width=(format!("{:.1}", x(span.end) - x(span.start))) height=(BOTTOM - TOP) fill="#fbe9d0" {}
            }
            @for score in [0.0, 0.5, 1.0] {
                line x1=(LEFT) x2=(RIGHT) y1=(y(score)) y2=(y(score)) stroke="#ccc" {}
                text x=(LEFT - 6.0) y=(y(score) + 4.0) text-anchor="end" font-size="12" fill="#555" { (score) }
            }
            @for (at, score) in steps.iter().enumerate() {
                @if let Some(score) = score {
                    rect x=(format!("{:.2}", LEFT + at as f64 * width)) y=(format!("{:.2}", y(f64::from(*score))))
                        width=(format!("{:.2}", width + 0.05)) height=(format!("{:.2}", BOTTOM - y(f64::from(*score)))) fill="#34609a" {}
                }
            }
            @for seconds in ticks {
                line x1=(format!("{:.1}", x(seconds))) x2=(format!("{:.1}", x(seconds))) y1=(BOTTOM) y2=(BOTTOM + 5.0) stroke="#555" {}
                text x=(format!("{:.1}", x(seconds))) y=(BOTTOM + 19.0) text-anchor="middle" font-size="12" fill="#555" { (clock(seconds)) }
            }
            text x=((LEFT + RIGHT) / 2.0) y=(HEIGHT - 4.0) text-anchor="middle" font-size="12" fill="#555" { "time, minutes:seconds" }
        }
    }
}

/// A round distance of ticks: about eight over the clip.
fn tick(end: f64) -> f64 {
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
    steps.into_iter().find(|step| end / step <= 9.0).unwrap_or(3600.0)
}

/// Minutes and seconds.
pub(super) fn clock(seconds: f64) -> String {
    let text = format!("{}:{:04.1}", (seconds / 60.0) as u64, seconds % 60.0);
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_ticks_are_round() {
        assert_eq!((clock(0.0).as_str(), clock(65.5).as_str()), ("0:00", "1:05.5"));
        assert_eq!((tick(4.0), tick(65.0), tick(620.0)), (0.5, 10.0, 120.0));
    }
}
