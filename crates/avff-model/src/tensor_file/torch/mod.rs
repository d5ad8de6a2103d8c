//! Lists the tensors of a `torch.save` file: the zip archive of PyTorch 1.6 and later, or the
//! earlier sequence of pickles. Writes the zip archive.

mod legacy;
mod module;
mod search;
mod state_dict;
mod storage;
mod tensor;
mod write;
mod zip;

pub(crate) use self::write::write;
pub(super) use self::{
    legacy::{is_legacy, list as list_legacy},
    zip::list as list_zip,
};

/// Maximum size of a checkpoint's description in bytes; the released checkpoints need under 100 KB.
const MAX_PICKLE: u64 = 64 << 20;
/// How to get a file with weights from a file without them.
const SAVE_STATE_DICT: &str =
    "in Python, load it and save torch.save(model.state_dict(), \"weights.pth\")";
