//! The CPU kernel of a linear layer's product.

use avff_kernels::{
    memory::scratch,
    product::{Epilogue, Weights},
};
use burn::tensor::{TensorMetadata, ops::FloatTensorOps};
use burn_flex::{Flex, FlexTensor};

use crate::layers::{
    dispatch::{
        CpuKernel, Operation,
        cpu_dispatch::{contiguous, new, numbers, recycle},
    },
    linear::Product,
};

impl CpuKernel<2> for Product {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> FlexTensor {
        let [[rows, width], [outputs, _]] = inputs.each_ref().map(sizes);
        if !is_worth_packing(rows, width, outputs) {
            return self.plain::<Flex>(inputs);
        }
        let [x, weight] = inputs.map(contiguous);
        let weights = Weights::new(numbers(&weight), [outputs, width]);
        let mut out = scratch(rows * outputs);
        weights.multiply(numbers(&x), None, &mut out, Epilogue::None);
        new(out, [rows, outputs])
    }

    fn forward_saving(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        (self.forward(inputs.clone()), inputs)
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        [dx, dweight]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let [[rows, inputs], [outputs, _]] = saved.each_ref().map(sizes);
        let [x, weight] = saved;
        let dweight = dweight.then(|| {
            let across = Flex::float_swap_dims(gradient.clone(), 0, 1);
            Flex::float_matmul(across, x.clone())
        });
        let dx = dx.then(|| {
            if !is_worth_packing(rows, inputs, outputs) {
                return Flex::float_matmul(gradient.clone(), weight);
            }
            let (gradient, weight) = (contiguous(gradient.clone()), contiguous(weight));
            let weights = Weights::transposed(numbers(&weight), [outputs, inputs]);
            let mut out = scratch(rows * inputs);
            weights.multiply(numbers(&gradient), None, &mut out, Epilogue::None);
            new(out, [rows, inputs])
        });
        recycle(x);
        recycle(gradient);
        [dx, dweight]
    }
}

/// Returns the numbers of rows and columns.
fn sizes(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[0], shape[1]]
}

/// Whether the product is large enough that packing pays off.
fn is_worth_packing(rows: usize, inputs: usize, outputs: usize) -> bool {
    rows.min(inputs).min(outputs) >= 48
}
