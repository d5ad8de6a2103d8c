//! The report as one HTML page. `maud` escapes every text, so names and metadata of clips cannot add markup.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Credentials, Outcome, Report, Scored,
    timeline::{clock, timeline},
};
use crate::{
    calibration::{Counts, Tested, words},
    explain::Window,
};

/// The most windows in the table of the highest scores.
const HIGHEST: usize = 5;

pub(super) fn page(report: &Report) -> String {
    let name = &report.exhibit.name;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                title { "Report: " (name) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                h1 { "Report: " (name) }
                (summary(report))
                (exhibit(report))
                (custody(report))
                (method(report))
                (seen(report))
                (findings(report))
                (propositions(report))
                (limits(report))
                (again(report))
            }
        }
    };
    page.into_string()
}

fn row(name: &str, value: impl maud::Render) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

/// The answer, and what has to be said with it.
fn summary(report: &Report) -> Markup {
    html! {
        div.answer {
            @match &report.result {
                Outcome::NotScored(failure) => {
                    p.decision { "No score" }
                    p { (failure.stage) ": " (failure.error) "." }
                    @if let Some(hint) = &failure.hint { p.small { (hint) } }
                }
                Outcome::Scored(scored) => @match &scored.answer {
                    Some(answer) => {
                        p.decision { "Decision: " (answer.decision.to_string()) }
                        p.small { "at an error rate of " (words::percent(answer.error)) " for each class" }
                        p {
                            "P(fake) " (format!("{:.3}", answer.probability))
                            " if fake and real are equally likely beforehand. " (capital(&words::ratio(answer))) "."
                        }
                        p { "This is " (words::verbal(answer)) ". " (capital(words::meaning(answer.decision))) "." }
                    }
                    None => {
                        p.decision { "Score " (format!("{:.3}", scored.y_pred)) ", no decision" }
                        p { (capital(words::UNCALIBRATED)) ": " (scored.uncalibrated.as_deref().unwrap_or_default()) "." }
                    }
                },
            }
            p.small { "A score is evidence to weigh, not proof." }
        }
        @if let Some(warning) = &report.warning { p.warning { (warning) } }
        @if let Outcome::Scored(scored) = &report.result {
            @if let Some(basis) = &scored.basis { p.warning { (capital(basis)) } }
        }
        @for finding in &report.findings { p.warning { (capital(finding)) "." } }
    }
}

fn exhibit(report: &Report) -> Markup {
    let e = &report.exhibit;
    html! {
        h2 { "1. Exhibit" }
        table.facts {
            (row("name", &e.name))
            (row("size", format!("{} bytes", e.bytes)))
            (row("SHA-256", html! { span.hash { (e.sha256) } }))
            (row("container", e.container.as_deref().unwrap_or("cannot be opened")))
            @if let Some(v) = &e.video {
                (row("video", format!(
                    "{}, {} x {} pixels, {} frames in {:.2} s ({:.2} frames/s)",
                    v.codec, v.width, v.height, v.frames, v.seconds, v.frames as f64 / v.seconds.max(1e-9)
                )))
                @if v.hidden_frames > 0 { (row("edit list", format!("hides {} frames", v.hidden_frames))) }
            }
            @if let Some(a) = &e.audio {
                (row("audio", format!(
                    "{}, {} Hz, {} {}, from {:.2} to {:.2} s", a.codec, a.rate, a.channels,
                    if a.channels == 1 { "channel" } else { "channels" }, a.start, a.end
                )))
            }
            @if let Some(created) = &e.marks.created { (row("creation time in the file", format!("{created} UTC"))) }
            @for mark in &e.marks.programs { (row("text in the file", format!("{} ({})", mark.text, mark.what))) }
            (row("Content Credentials (C2PA)", match e.marks.credentials {
                Credentials::Present => "present; this program does not verify them",
                Credentials::Absent => "none found, which says nothing",
            }))
            @for note in &e.notes { (row("note", note)) }
        }
        p.small { "Times and texts in a file are easily changed. Most videos on the web were encoded again, so an encoder's name is no sign of a fake." }
    }
}

fn custody(report: &Report) -> Markup {
    let c = &report.custody;
    let given = |text: &Option<String>| text.clone().unwrap_or_else(|| "not given".into());
    html! {
        h2 { "2. Custody" }
        table.facts {
            (row("case", given(&c.case)))
            (row("examined by", given(&c.examiner)))
            (row("date", given(&c.date)))
            (row("source of the clip", given(&c.source)))
            (row("program", format!("avff {}", report.version)))
            (row("device", &report.run.device))
            (row("file after the analysis", if report.unchanged { "unchanged: same SHA-256" } else { "CHANGED: another SHA-256 than before" }))
        }
    }
}

fn method(report: &Report) -> Markup {
    let checkpoint = &report.run.checkpoint;
    html! {
        h2 { "3. Method and its errors" }
        p {
            "A neural network compares frames and audio of windows of the clip and gives each window a score from 0 (real) to 1 (fake). "
            "The score of the clip follows from those of its windows. No person looked at the clip."
        }
        table.facts {
            (row("network", &checkpoint.path))
            (row("SHA-256 of its weights", html! { span.hash { (checkpoint.sha256) } }))
            @if let Some(note) = &checkpoint.note { (row("what its author says", note)) }
            @if let Some(id) = &report.run.calibration {
                (row("calibrated on", &id.fitted_on))
                (row("SHA-256 of the calibration", html! { span.hash { (id.sha256) } }))
            } @else {
                (row("calibrated on", "nothing"))
            }
        }
        @for tested in &report.tested_on { (errors(tested)) }
        @if report.tested_on.is_empty() {
            p.warning { "The errors of this network on other clips are not known to this program." }
        }
    }
}

fn errors(tested: &Tested) -> Markup {
    let cells = |name: String, counts: Counts, auc: Option<String>| {
        html! {
            tr {
                th scope="row" { (name) }
                @for count in counts.all() { td { (count) } }
                td { (auc.unwrap_or_default()) }
            }
        }
    };
    html! {
        h3 { "Decisions on clips whose truth is known: " (tested.name) }
        div.wide {
            table {
                tr { th { "clips" } th { "called real" } th { "called fake" } th { "undecided" } th { "unlike both" } th { "AUC (95 %)" } }
                (cells("real".into(), tested.outcomes.real, None))
                @for kind in &tested.kinds {
                    (cells(format!("fake: {}", kind.kind), kind.outcomes.fake, Some(match kind.interval {
                        Some(interval) => format!("{:.2} ({:.2} to {:.2})", kind.auc, interval.low, interval.high),
                        None => format!("{:.2}", kind.auc),
                    })))
                }
                @if tested.kinds.is_empty() { (cells("fake".into(), tested.outcomes.fake, None)) }
            }
        }
    }
}

fn seen(report: &Report) -> Markup {
    let percent = |share: f64| format!("{:.0} % of the time", share * 100.0);
    html! {
        h2 { "4. What was seen" }
        table.facts {
            @match &report.seen {
                None => { (row("face and voice", "not measured: the file cannot be read")) }
                Some(seen) => {
                    (row("measured", format!("the first {:.1} s", seen.seconds)))
                    @if let Some(face) = seen.face {
                        (row("main face", match face.side {
                            Some(side) => format!("in {:.0} % of the frames, {side:.0} pixels from brows to chin", face.share * 100.0),
                            None => "none found".into(),
                        }))
                    }
                    @if let Some(silence) = seen.silence { (row("silence", percent(silence))) }
                    (row("offset of the voice, without the network", match seen.offset_ms {
                        Some(offset) => format!("{offset:+.0} ms (above 0: late)"),
                        None => "none stands out".into(),
                    }))
                }
            }
            @if let Outcome::Scored(scored) = &report.result {
                (row("windows", scored.windows.len()))
                @for note in &scored.notes { (row("note", note)) }
            }
        }
        @if let Outcome::Scored(scored) = &report.result {
            @if !scored.left_out.is_empty() {
                h3 { "Left out because the file is damaged there" }
                table {
                    tr { th { "from" } th { "to" } th { "stream" } th { "why" } }
                    @for part in &scored.left_out {
                        tr { td { (clock(part.start)) } td { (clock(part.end)) } td { (part.stream.to_string()) } td { (part.message) } }
                    }
                }
            }
        }
    }
}

fn findings(report: &Report) -> Markup {
    let Outcome::Scored(scored) = &report.result else {
        return html! { h2 { "5. Findings" } p { "None: the clip has no score." } };
    };
    html! {
        h2 { "5. Findings" }
        figure {
            (timeline(&scored.windows, scored.peak))
            figcaption { "Score of each moment: the highest of the windows that cover it. The shaded window has the largest margin for fake. Scores of windows are not calibrated." }
        }
        (highest(scored))
        @if let Some(window) = scored.windows.get(scored.peak) { (modality(window)) }
        @if !scored.sheet.is_empty() {
            figure {
                img alt="Frames, spectrogram and importance of the time segments of the shaded window"
                    src=(format!("data:image/png;base64,{}", STANDARD.encode(&scored.sheet)));
                figcaption { "The shaded window as the network saw it. Bars above 0: the segment raises the score." }
            }
        }
    }
}

fn highest(scored: &Scored) -> Markup {
    let mut order: Vec<&Window> = scored.windows.iter().collect();
    order.sort_by(|a, b| b.margin().total_cmp(&a.margin()));
    html! {
        div.wide { table {
            tr { th { "windows with the highest scores" } th { "score" } th { "logit margin" } }
            @for window in order.into_iter().take(HIGHEST) {
                tr {
                    td { (clock(window.span.start)) " to " (clock(window.span.end)) }
                    td { (format!("{:.3}", window.logits.probability_fake())) }
                    td { (format!("{:+.2}", window.margin())) }
                }
            }
        } }
    }
}

/// Which modality drove the peak.
fn modality(window: &Window) -> Markup {
    let sum =
        |of: fn(&crate::explain::TimeSegment) -> f32| window.segments.iter().map(of).sum::<f32>();
    let (audio, frames) = (sum(|segment| segment.audio), sum(|segment| segment.frames));
    html! {
        p {
            "In the shaded window, the logit margin falls by " (format!("{audio:+.2}")) " in all if the audio of each segment is occluded in turn, and by "
            (format!("{frames:+.2}")) " if the frames are. "
            @if let Some(lag) = window.best_lag() {
                "Lips and voice are most alike if the audio is " (format!("{:+.2}", lag.lag)) " s late (similarity " (format!("{:.2}", lag.similarity)) "), which "
                @if lag.in_time { "counts" } @else { "does not count" }
                " as in time."
            }
        }
    }
}

fn propositions(report: &Report) -> Markup {
    html! {
        h2 { "6. Two propositions" }
        @match &report.result {
            Outcome::NotScored(_) => p { "Nothing is weighed: the clip has no score." },
            Outcome::Scored(scored) => {
                table.facts {
                    (row("A (fake)", &scored.propositions.fake))
                    (row("B (real)", &scored.propositions.real))
                }
                @match &scored.answer {
                    None => p { "No likelihood ratio: the network is uncalibrated for this preparation of clips." },
                    Some(answer) => {
                        p {
                            "The likelihood ratio of A to B is "
                            @if answer.at_bound && answer.log10_ratio > 0.0 { "at least " }
                            @if answer.at_bound && answer.log10_ratio < 0.0 { "at most " }
                            strong { (number(10_f64.powf(answer.log10_ratio))) }
                            " (log10 " (format!("{:+.2}", answer.log10_ratio)) "): " (words::verbal(answer)) "."
                        }
                        p.small {
                            "The ratio says how much better one proposition explains the score than the other. It is limited to what the calibration clips support. "
                            "How likely each proposition is also depends on everything else that is known of the clip. "
                            "Verbal scale: below 2 no support, 2 to 10 weak, 10 to 100 moderate, 100 to 1,000 moderately strong, 1,000 to 10,000 strong."
                        }
                    }
                }
            }
        }
    }
}

fn limits(report: &Report) -> Markup {
    html! {
        h2 { "7. Limits and other explanations" }
        ul {
            @if let Some(warning) = &report.warning { li { (warning) } }
            li { "Clips unlike those of training and calibration can get any score: other cameras, languages, encodings, ages, skin tones, beards, masks." }
            li { "Dubbing, voice-over and a voice of somebody who is not seen look like a fake to a network that compares lips and voice." }
            li { "Singing, shouting, chewing, a hand or a microphone before the mouth, and music over a voice mislead such networks." }
            li { "A constant offset between frames and audio is common after editing and streaming, and is no sign of a fake by itself." }
            li { "Scores of windows show where the network was most sure, not what was manipulated there." }
            li { "The bound on errors holds for clips like those of the calibration, not for this clip." }
        }
    }
}

fn again(report: &Report) -> Markup {
    html! {
        h2 { "8. How to reproduce" }
        @if let Some(command) = &report.custody.command { p { code { (command) } } }
        p {
            "The same file (SHA-256 above), the same weights, the same version and the same options give the same bytes of this page on the same kind of processor. "
            "The JSON file beside this page holds every number, and all options of the preparation of clips."
        }
    }
}

/// A number with the digits that matter.
fn number(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("1/{:.0}", 1.0 / value),
    }
}

/// A sentence that starts with a capital letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_few_digits() {
        let texts = [43.5, 2.34, 0.5, 0.007].map(number);
        assert_eq!(texts, ["44", "2.3", "0.50", "1/143"]);
    }

    #[test]
    fn names_cannot_add_markup() {
        let cell = row("name", "<script>alert(1)</script>\" onload=x").into_string();
        assert!(!cell.contains("<script>") && cell.contains("&lt;script&gt;"), "{cell}");
    }
}
