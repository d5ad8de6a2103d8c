//! AMX: eight registers that hold one tile each, and an instruction that multiplies two tiles.
//!
//! Rust offers the intrinsics only on nightly (`x86_amx_intrinsics`), so this module uses inline
//! assembly. The compiler itself never uses these registers. Source: Intel, "Architecture
//! Instruction Set Extensions Programming Reference", chapter 3.

use std::{arch::asm, cell::Cell, marker::PhantomData, sync::OnceLock};

use super::super::tile::{Factors, Line, SIDE, Sums};

/// The `arch_prctl` code that requests permission for a large register state (`<asm/prctl.h>`).
const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
/// The number of the tile data feature.
const XFEATURE_XTILEDATA: libc::c_long = 18;
/// Bytes of a line.
const LINE: usize = size_of::<Factors>();
/// Bytes of a tile.
const TILE: usize = SIDE * LINE;

/// Proof that the processor has AMX and that the system permits this process to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Amx(());

impl Amx {
    pub(super) fn detect() -> Option<Self> {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        let available = AVAILABLE.get_or_init(|| {
            let features = raw_cpuid::CpuId::new().get_extended_feature_info();
            features.is_some_and(|has| has.has_amx_tile() && has.has_amx_bf16()) && permitted()
        });
        available.then_some(Self(()))
    }

    /// Configures the unit of this thread for tiles of 16 lines, until the returned value is
    /// dropped.
    ///
    /// # Panics
    /// Panics if the unit is already open in this thread.
    pub(super) fn open(self) -> Tiles {
        assert!(!OPEN.replace(true), "one at a time");
        let shape = Line(std::array::from_fn::<u8, LINE, _>(|at| match at {
            // The palette; 1 is the only one.
            0 => 1,
            // Bytes per row of each of the eight tiles (16 bits each), then the rows of each tile.
            16..32 if at % 2 == 0 => LINE as u8,
            48..56 => SIDE as u8,
            _ => 0,
        }));
        // SAFETY: `Amx` proves that the instruction exists and is permitted. It reads the 64 bytes
        // of `shape`, which are a valid configuration.
        unsafe {
            asm!(
                "ldtilecfg [{shape}]",
                shape = in(reg) &raw const shape,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, readonly),
            );
        }
        Tiles { _thread: PhantomData }
    }
}

/// Asks Linux for permission to use tile data; the permission holds for the whole process.
fn permitted() -> bool {
    // SAFETY: this system call takes two numbers and accesses no memory of the process.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

thread_local! {
    /// Whether the unit of this thread is configured.
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// The configured unit of this thread.
pub(in super::super) struct Tiles {
    /// Makes the type `!Send`: the registers belong to one thread.
    _thread: PhantomData<*const ()>,
}

impl Tiles {
    /// Multiplies as [`Open::multiply`](super::Open::multiply), which checks that all four slices
    /// hold the same number of whole tiles, at least one.
    pub(super) fn multiply(
        &mut self,
        left: [&[Factors]; 2],
        right: [&[Factors]; 2],
        sums: &mut Sums,
    ) {
        let tiles = left[0].len() / SIDE;
        const { assert!(size_of::<Sums>() == 4 * TILE) };
        // SAFETY: a `Tiles` exists, so the unit is configured in this thread. The loop runs `tiles`
        // times and reads the next `TILE` bytes of each of four slices, whose lengths are equal.
        // `sums` has the size of four tiles of f32, for which all bit patterns are valid.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{upper} + 1*{line}]",
                "tileloadd tmm6, [{first} + 1*{line}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{second} + 1*{line}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + 1*{line}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, {tile}",
                "add {lower}, {tile}",
                "add {first}, {tile}",
                "add {second}, {tile}",
                "dec {tiles}",
                "jnz 2b",
                "tilestored [{sums} + 1*{line}], tmm0",
                "tilestored [{sums} + 1*{line} + {tile}], tmm1",
                "tilestored [{sums} + 1*{line} + 2*{tile}], tmm2",
                "tilestored [{sums} + 1*{line} + 3*{tile}], tmm3",
                upper = inout(reg) left[0].as_ptr() => _,
                lower = inout(reg) left[1].as_ptr() => _,
                first = inout(reg) right[0].as_ptr() => _,
                second = inout(reg) right[1].as_ptr() => _,
                tiles = inout(reg) tiles => _,
                sums = in(reg) &raw mut *sums,
                line = in(reg) LINE,
                tile = const TILE,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    /// Releases the tile registers, so that context switches need not save them.
    fn drop(&mut self) {
        // SAFETY: a `Tiles` exists, so the instruction exists; it accesses no memory.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, nomem),
            );
        }
        OPEN.set(false);
    }
}
