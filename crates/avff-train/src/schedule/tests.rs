//! Values marked PyTorch come from PyTorch 2.9.1 with a base learning rate of 1.

use avff_metrics::Better;

use super::*;

const EPSILON: f64 = 1e-12;

fn at(epoch: u64, step_in_epoch: u64, steps_per_epoch: u64, epochs: u64) -> Progress {
    Progress { epoch, step_in_epoch, steps_per_epoch, epochs }
}

/// Returns the factor of every step of a run.
fn run(schedule: &Schedule, epochs: u64, steps: u64) -> Vec<f64> {
    let place = |n| at(n / steps, n % steps, steps, epochs);
    (0..epochs * steps).map(|n| schedule.factor(place(n), &PlateauState::default())).collect()
}

fn assert_close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (n, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() < EPSILON, "step {n}: {actual}, not {expected}");
    }
}

#[test]
fn milestones_match_pytorch() {
    let third_stage = Schedule::MultiStep { milestones: (2..1000).collect(), gamma: 0.5 };
    let expected = [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625];
    assert_eq!(run(&third_stage, 10, 1), expected);
    let first_stage = Schedule::MultiStep { milestones: vec![10, 15, 20], gamma: 0.5 };
    let factors = run(&first_stage, 25, 3);
    for (epochs, factor) in [(0..10, 1.0), (10..15, 0.5), (15..20, 0.25), (20..25, 0.125)] {
        assert!(factors[epochs.start * 3..epochs.end * 3].iter().all(|&actual| actual == factor));
    }
}

#[test]
fn cosine_matches_pytorch_and_closed_form_warmup() {
    let cosine = Schedule::Cosine { warmup_epochs: 0.0, min_factor: 0.1 };
    // CosineAnnealingLR(T_max=12, eta_min=0.1), once a step.
    let expected = [
        1.0,
        0.9846666218300807,
        0.9397114317029974,
        0.8681980515339462,
        0.7749999999999999,
        0.6664685702961343,
        0.5499999999999999,
        0.4335314297038657,
        0.3250000000000001,
        0.23180194846605368,
        0.1602885682970026,
        0.11533337816991932,
    ];
    assert_close(&run(&cosine, 3, 4), &expected);

    let warm = Schedule::Cosine { warmup_epochs: 1.5, min_factor: 0.0 };
    let factors = run(&warm, 4, 4);
    assert_close(&factors[..7], &[0.0, 1.0 / 6.0, 2.0 / 6.0, 0.5, 4.0 / 6.0, 5.0 / 6.0, 1.0]);
    // Half and three quarters of the cosine: 90 and 135 degrees.
    assert_close(&factors[11..12], &[0.5]);
    let late = warm.factor(at(3, 3, 8, 4), &PlateauState::default());
    assert!((late - (1.0 - 0.5_f64.sqrt()) / 2.0).abs() < EPSILON, "{late}");
}

#[test]
fn restarts_match_pytorch() {
    let doubling = Schedule::CosineRestarts {
        first_epochs: 2,
        factor: 2.0,
        min_factor: 0.05,
        warmup_epochs: 0.0,
    };
    // CosineAnnealingWarmRestarts(T_0=2, T_mult=2, eta_min=0.05).
    let expected = [
        1.0,
        0.9638427779428612,
        0.8608757210636101,
        0.7067746303734177,
        0.525,
        0.34322536962658234,
        0.18912427893638994,
        0.0861572220571388,
        1.0,
        0.9908730081915345,
        0.9638427779428612,
        0.919948065843709,
        0.8608757210636101,
        0.7888958606843111,
        0.7067746303734177,
        0.617667902957661,
        0.525,
        0.4323320970423391,
        0.34322536962658234,
        0.26110413931568904,
        0.18912427893638994,
        0.13005193415629096,
        0.0861572220571388,
        0.05912699180846555,
        1.0,
        0.9977127451692935,
        0.9908730081915345,
        0.9795466594727992,
    ];
    assert_close(&run(&doubling, 7, 4), &expected);

    let even = Schedule::CosineRestarts {
        first_epochs: 3,
        factor: 1.0,
        min_factor: 0.0,
        warmup_epochs: 1.0,
    };
    // T_0=3, T_mult=1, after one epoch of warm-up.
    let cycle = [1.0, 0.9330127018922194, 0.75, 0.5, 0.2500000000000001, 0.06698729810778065];
    let expected = [&[0.0, 0.5][..], &cycle[..], &cycle[..], &cycle[..2]].concat();
    assert_close(&run(&even, 8, 2), &expected);
}

/// Returns the factor after each value.
fn plateau(plateau: Plateau, values: &[f64], better: Better) -> Vec<f64> {
    let schedule = Schedule::Plateau(plateau);
    let mut state = PlateauState::default();
    let after = |&value: &f64| {
        state.observe(&schedule, value, better);
        schedule.factor(at(0, 0, 1, 1), &state)
    };
    values.iter().map(after).collect()
}

#[test]
fn plateaus_match_pytorch() {
    let values = [
        1.0,
        0.9,
        0.95,
        0.8999,
        0.91,
        f64::NAN,
        0.5,
        0.6,
        0.6,
        0.6,
        0.6,
        0.6,
        0.6,
        0.6,
        0.4,
        0.41,
        0.42,
        0.43,
        0.44,
        0.45,
        0.45,
        0.45,
    ];
    let settings = Plateau {
        factor: 0.5,
        patience: 1,
        threshold: 1e-3,
        min_factor: 0.1,
        cooldown: 2,
        ..Plateau::default()
    };
    let expected = [
        1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125,
        0.1, 0.1, 0.1, 0.1, 0.1, 0.1,
    ];
    assert_close(&plateau(settings, &values, Better::Lower), &expected);

    let values = [f64::NAN, 0.5, 0.6, 0.61, 0.62, 0.59, 0.58, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.8];
    let settings = Plateau { patience: 2, threshold: 0.05, ..Plateau::default() };
    let expected = [1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01];
    assert_close(&plateau(settings, &values, Better::Higher), &expected);

    // For negative values that should grow, the threshold is below the best value, in PyTorch too.
    let settings = Plateau { patience: 0, threshold: 0.1, ..Plateau::default() };
    let values = [-3.0, -2.9, -2.5, -2.6, -2.6, -2.7];
    assert_close(&plateau(settings, &values, Better::Higher), &[1.0; 6]);
}

#[test]
fn plateau_state_survives_json() {
    let schedule = Schedule::Plateau(Plateau { patience: 1, ..Plateau::default() });
    let (mut whole, mut broken) = (PlateauState::default(), PlateauState::default());
    for value in [f64::NAN, 2.0, 3.0, 2.5, 1.9, 2.2, 2.2, 2.2] {
        let json = serde_json::to_string(&broken).unwrap();
        broken = serde_json::from_str(&json).unwrap();
        whole.observe(&schedule, value, Better::Lower);
        broken.observe(&schedule, value, Better::Lower);
        assert_eq!(whole, broken);
    }
    assert!((whole.factor - 0.01).abs() < EPSILON, "{}", whole.factor);
}

#[test]
fn other_schedules_ignore_metrics() {
    let mut state = PlateauState::default();
    for value in [1.0, 2.0, 3.0] {
        state.observe(&Schedule::Constant, value, Better::Lower);
    }
    assert_eq!(state, PlateauState::default());
}

#[test]
fn invalid_settings_name_their_key() {
    let restarts = |first_epochs, factor| Schedule::CosineRestarts {
        first_epochs,
        factor,
        min_factor: 0.0,
        warmup_epochs: 0.0,
    };
    let multi = |milestones, gamma| Schedule::MultiStep { milestones, gamma };
    for (key, schedule) in [
        ("milestones", multi(vec![3, 2], 0.5)),
        ("milestones", multi(vec![2, 2], 0.5)),
        ("milestones", multi(vec![0, 2], 0.5)),
        ("gamma", multi(vec![2], f64::NAN)),
        ("warmup_epochs", Schedule::Cosine { warmup_epochs: 5.0, min_factor: 0.0 }),
        ("min_factor", Schedule::Cosine { warmup_epochs: 0.0, min_factor: 1.5 }),
        ("first_epochs", restarts(0, 1.0)),
        ("factor", restarts(1, 0.5)),
        ("factor", Schedule::Plateau(Plateau { factor: 1.0, ..Plateau::default() })),
        ("threshold", Schedule::Plateau(Plateau { threshold: -0.1, ..Plateau::default() })),
    ] {
        assert_eq!(schedule.check(5).unwrap_err().key, key, "{schedule:?}");
    }
    assert!(Schedule::Cosine { warmup_epochs: 4.5, min_factor: 0.0 }.check(5).is_ok());
}
