//! The option for damaged clips.

use avff::Preparation;
use avff_media::DamagePolicy;
use clap::builder::TypedValueParser;

use super::values::named;

/// What is done with damaged clips.
#[derive(Debug, clap::Args)]
pub(super) struct DamageArgs {
    /// What is done with a damaged clip
    #[arg(long, value_parser = policies(), default_value_t, help_heading = "Clip preparation")]
    damage: DamagePolicy,
}

fn policies() -> impl TypedValueParser<Value = DamagePolicy> {
    named([
        (DamagePolicy::Refuse, "No score"),
        (
            DamagePolicy::Windows,
            "Score the windows that the damage does not touch, and name the others",
        ),
    ])
}

impl DamageArgs {
    /// Adds the option to the changes to a checkpoint's preparation.
    pub(super) fn applied_to(&self, preparation: Preparation) -> Preparation {
        Preparation { damage: Some(self.damage), ..preparation }
    }
}
