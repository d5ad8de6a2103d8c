//! Notes on missing values, one line per reason.

/// Reasons with the metrics that they apply to, in order of appearance.
#[derive(Default)]
pub(crate) struct Notes(Vec<(String, Vec<&'static str>)>);

impl Notes {
    pub(crate) fn add(&mut self, metric: &'static str, reason: String) {
        match self.0.iter_mut().find(|(existing, _)| *existing == reason) {
            Some((_, metrics)) => metrics.push(metric),
            None => self.0.push((reason, vec![metric])),
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        let lines = self.0.into_iter();
        lines.map(|(reason, metrics)| format!("{}: {reason}", metrics.join(", "))).collect()
    }
}
