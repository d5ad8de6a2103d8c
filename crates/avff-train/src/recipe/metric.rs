//! The validation metrics that a recipe names.

use avff_metrics::Metric;

use super::Recipe;
use crate::schedule::Schedule;

impl Recipe {
    /// The metric by which the best weights are kept; none where `keep.best` names none of the stage's.
    #[must_use]
    pub fn best_metric(&self) -> Option<Metric> {
        self.metric(self.keep.best.as_deref())
    }

    /// The metric that a plateau schedule goes by. None for other schedules, and where the recipe names
    /// none of the stage's.
    #[must_use]
    pub fn plateau_metric(&self) -> Option<Metric> {
        let goes_by_one = matches!(self.schedule, Schedule::Plateau(_));
        goes_by_one.then(|| self.metric(self.schedule.metric()))?
    }

    fn metric(&self, key: Option<&str>) -> Option<Metric> {
        match key {
            Some(key) => self.stage.metrics().find(|metric| metric.key == key),
            None => Some(self.stage.own_metric()),
        }
    }
}
