//! Small networks and their weights.

use std::collections::BTreeMap;

use avff_model::{AvffConfig, checkpoint};
use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::Tensor,
};
use burn_flex::Flex;

pub fn micro() -> AvffConfig {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    config
}

/// Returns a network small enough to create by the hundred.
pub fn nano() -> AvffConfig {
    let mut config = micro();
    (config.audio.frames, config.audio.mels) = (128, 32);
    (config.video.height, config.video.width) = (32, 32);
    config.head.hidden = 8;
    config
}

/// Returns every parameter by its key.
pub fn weights<M: Module<Flex>>(model: &M) -> BTreeMap<String, Vec<f32>> {
    struct Values(Vec<Vec<f32>>);
    impl ModuleVisitor<Flex> for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Flex, D>>) {
            self.0.push(param.val().into_data().iter::<f32>().collect());
        }
    }
    let mut values = Values(Vec::new());
    model.visit(&mut values);
    checkpoint::required_keys(model).into_iter().map(|(key, _)| key).zip(values.0).collect()
}
