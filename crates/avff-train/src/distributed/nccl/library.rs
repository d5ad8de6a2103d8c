//! Finds NCCL's library at run time.

use std::{
    ffi::c_char,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
};

use cudarc::nccl::{Id, result};

use crate::distributed::agreement::{ID_BYTES, Obstacle};

/// Runs what needs a library that may be absent: cudarc loads libraries at their first use, and
/// panics without them.
pub(super) fn attempt<T, E>(
    obstacle: Obstacle,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, Obstacle> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let done = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) | Err(_) => Err(obstacle),
    }
}

/// Returns the number of the CUDA device if there is one and the library can be loaded.
pub(super) fn find(cuda: Option<usize>) -> Result<usize, Obstacle> {
    let cuda = cuda.ok_or(Obstacle::Device)?;
    attempt(Obstacle::Library, result::get_nccl_version)?;
    Ok(cuda)
}

/// Returns a new identifier in the first process, and a place for it in the others.
pub(super) fn identifier(rank: usize) -> Result<[c_char; ID_BYTES], Obstacle> {
    if rank > 0 {
        return Ok([0; ID_BYTES]);
    }
    attempt(Obstacle::Start, || Id::new().map(|id| *id.internal()))
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_library_is_an_obstacle() {
        assert_eq!(find(None), Err(Obstacle::Device));
        // Either is right, depending on the machine; a panic is not.
        assert!(matches!(find(Some(3)), Ok(3) | Err(Obstacle::Library)));
        let panics = || -> Result<(), ()> { panic!("Unable to dynamically load") };
        assert_eq!(attempt(Obstacle::Library, panics), Err(Obstacle::Library));
        assert_eq!(attempt(Obstacle::Gpu, || Err::<(), _>(())), Err(Obstacle::Gpu));
        assert_eq!(attempt(Obstacle::Gpu, || Ok::<_, ()>(1)), Ok(1));
    }
}
