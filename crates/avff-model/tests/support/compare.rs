//! Compares numbers with golden values and reports every failure.

use serde_json::Value;

/// Allowed error of a number.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// f32 sums of up to a few thousand terms, in another order than PyTorch's.
pub const EXACT: Tolerance = Tolerance { absolute: 2e-5, relative: 1e-4 };
/// Sums over whole gradients, and four Adam steps, which amplify rounding.
pub const GRADIENT: Tolerance = Tolerance { absolute: 1e-7, relative: 1e-3 };
/// GPU kernels sum in their own order and may fuse or reassociate.
pub const GPU: Tolerance = Tolerance { absolute: 1e-3, relative: 1e-3 };
/// Networks of the released size: longer sums, more layers.
pub const FULL: Tolerance = Tolerance { absolute: 5e-4, relative: 1e-3 };

/// Collects failures, so that one run shows all of them.
#[derive(Debug, Default)]
pub struct Report {
    failures: Vec<String>,
    /// Largest error as a fraction of its tolerance, and its location.
    worst: (f64, String),
    count: usize,
}

impl Report {
    pub fn check(&mut self, what: &str, value: f64, expected: f64, tolerance: Tolerance) {
        let allowed = tolerance.absolute + tolerance.relative * expected.abs();
        let used = (value - expected).abs() / allowed;
        self.count += 1;
        if used > self.worst.0 {
            self.worst = (used, what.into());
        }
        if used.is_nan() || used > 1.0 {
            self.failures.push(format!(
                "{what}: {value}, expected {expected} (error of {used:.2} tolerances)"
            ));
        }
    }

    /// Compares the `index`, `value`, `mean` and `std` entries of a large tensor.
    pub fn probe(&mut self, what: &str, values: &[f32], golden: &Value, tolerance: Tolerance) {
        let shape: Vec<usize> = numbers(&golden["shape"]).iter().map(|&n| n as usize).collect();
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{what}: {shape:?}");
        for (&index, &expected) in numbers(&golden["index"]).iter().zip(&numbers(&golden["value"]))
        {
            let value = values[index as usize];
            self.check(&format!("{what}[{index}]"), value.into(), expected, tolerance);
        }
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
        self.check(&format!("{what} mean"), mean, golden["mean"].as_f64().unwrap(), tolerance);
        let std = (squares / (count - 1.0)).sqrt();
        self.check(&format!("{what} std"), std, golden["std"].as_f64().unwrap(), tolerance);
    }

    pub fn list(&mut self, what: &str, values: &[f32], golden: &Value, tolerance: Tolerance) {
        let expected = numbers(golden);
        assert_eq!(values.len(), expected.len(), "{what}");
        for (i, (&value, &expected)) in values.iter().zip(&expected).enumerate() {
            self.check(&format!("{what}[{i}]"), value.into(), expected, tolerance);
        }
    }

    pub fn finish(self, name: &str) {
        let (used, place) = &self.worst;
        println!(
            "{name}: {} numbers, largest error {used:.3} of its tolerance at {place}",
            self.count
        );
        assert!(self.failures.is_empty(), "{name}:\n{}", self.failures.join("\n"));
    }
}

/// Returns all numbers of a nested array, in order.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(number) => vec![number.as_f64().unwrap()],
        _ => Vec::new(),
    }
}
