//! The validation metrics of a recipe.

use avff_metrics::Metric;

use super::Recipe;
use crate::schedule::Schedule;

impl Recipe {
    /// Returns the metric that selects the best weights, or `None` if `keep.best` is not a metric
    /// of the stage.
    #[must_use]
    pub fn best_metric(&self) -> Option<Metric> {
        self.metric(self.keep.best.as_deref())
    }

    /// Returns the metric of a plateau schedule. `None` for other schedules, and if the recipe
    /// names a metric of another stage.
    #[must_use]
    pub fn plateau_metric(&self) -> Option<Metric> {
        let goes_by_one = matches!(self.schedule, Schedule::Plateau(_));
        goes_by_one.then(|| self.metric(self.schedule.metric()))?
    }

    fn metric(&self, key: Option<&str>) -> Option<Metric> {
        match key {
            Some(key) => self.stage.metrics().find(|metric| metric.key == key),
            None => Some(self.stage.default_metric()),
        }
    }
}
