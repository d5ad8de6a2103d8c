//! Agrees on whether all processes can use NCCL, over the operations that they already have.

use std::{ffi::c_char, fmt};

use super::Processes;
use crate::error::TrainError;

/// Bytes of the identifier by which processes find each other in NCCL.
pub(super) const ID_BYTES: usize = 128;

/// What keeps a process from using NCCL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, strum::FromRepr)]
#[repr(u8)]
pub(super) enum Obstacle {
    #[error("does not run on an NVIDIA GPU")]
    Device = 1,
    #[error("cannot load libnccl.so")]
    Library,
    #[error("cannot open its GPU for NCCL")]
    Gpu,
    #[error("cannot start NCCL (NCCL_DEBUG=WARN prints the reason)")]
    Start,
}

/// The first process that cannot use NCCL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) rank: usize,
    pub(super) obstacle: Obstacle,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} {}", self.rank, self.obstacle)
    }
}

/// Returns this process's value if all processes have one, and the same refusal in all otherwise.
///
/// # Errors
/// [`TrainError::Processes`].
pub(super) fn agree<T>(
    peers: &mut dyn Processes,
    own: Result<T, Obstacle>,
) -> Result<Result<T, Refusal>, TrainError> {
    let code = own.as_ref().map_or_else(|&obstacle| f32::from(obstacle as u8), |_| 0.0);
    let all = peers.gather(&[code])?;
    let first = all.iter().enumerate().find(|(_, code)| **code > 0.0);
    Ok(match (own, first) {
        (Ok(value), None) => Ok(value),
        (own, Some((rank, &code))) => {
            let obstacle = Obstacle::from_repr(code as u8).or(own.err());
            Err(Refusal { rank, obstacle: obstacle.unwrap_or(Obstacle::Start) })
        }
        (Err(obstacle), None) => Err(Refusal { rank: peers.rank(), obstacle }),
    })
}

/// Hands the first process's identifier to all.
///
/// # Errors
/// [`TrainError::Processes`].
pub(super) fn hand_out(
    peers: &mut dyn Processes,
    own: &[c_char; ID_BYTES],
) -> Result<[c_char; ID_BYTES], TrainError> {
    // Every byte is exact as a number.
    let own = own.map(|byte| f32::from(u8::from_ne_bytes(byte.to_ne_bytes())));
    let all = peers.gather(&own)?;
    let mut id = [0; ID_BYTES];
    for (byte, &value) in id.iter_mut().zip(&all) {
        *byte = c_char::from_ne_bytes([value as u8]);
    }
    Ok(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::distributed::testing::in_threads;

    #[test]
    fn all_agree_or_none() {
        let agreed = in_threads(3, |mut peers| {
            let rank = peers.rank();
            (agree(&mut *peers, Ok(rank)).unwrap(), rank)
        });
        for (agreed, rank) in agreed {
            assert_eq!(agreed, Ok(rank));
        }
        for obstacle in [Obstacle::Device, Obstacle::Library, Obstacle::Gpu, Obstacle::Start] {
            let refused = in_threads(3, |mut peers| {
                let own = if peers.rank() == 1 { Err(obstacle) } else { Ok(()) };
                agree(&mut *peers, own).unwrap()
            });
            for refused in refused {
                assert_eq!(refused, Err(Refusal { rank: 1, obstacle }));
            }
        }
    }

    #[test]
    fn the_first_refusal_counts() {
        let refused = in_threads(4, |mut peers| {
            let own = match peers.rank() {
                0 => Ok(()),
                2 => Err(Obstacle::Library),
                _ => Err(Obstacle::Gpu),
            };
            agree(&mut *peers, own).unwrap().unwrap_err().to_string()
        });
        assert_eq!(refused, ["process 1 cannot open its GPU for NCCL"; 4]);
    }

    #[test]
    fn the_first_identifier_reaches_all() {
        let of = |rank: usize| std::array::from_fn(|at| (at * 2 + rank) as c_char);
        let all = in_threads(3, |mut peers| {
            let own = of(peers.rank());
            hand_out(&mut *peers, &own).unwrap()
        });
        for id in all {
            assert_eq!(id, of(0));
        }
    }
}
