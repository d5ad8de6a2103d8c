//! Helpers of the golden tests: weights and inputs from a formula, checkpoint files as PyTorch
//! writes them, and comparisons.

pub mod compare;
pub mod formula;
pub mod golden;
pub mod networks;
pub mod torch_file;
