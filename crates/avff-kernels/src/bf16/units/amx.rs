//! AMX: eight registers that hold a tile each, and an instruction that multiplies two of them.
//!
//! Rust's functions for it are its nightly compiler's alone (`x86_amx_intrinsics`), so this is assembly. The compiler
//! uses none of these registers itself. Intel, "Architecture Instruction Set Extensions Programming Reference",
//! chapter 3.

use std::{arch::asm, cell::Cell, marker::PhantomData, sync::OnceLock};

use super::super::tile::{Factors, Line, SIDE, Sums};

/// What asks Linux for the use of a feature whose registers are large (`<asm/prctl.h>`).
const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
/// The feature: tiles.
const XFEATURE_XTILEDATA: libc::c_long = 18;
/// Bytes of a line, and of a tile.
const LINE: usize = size_of::<Factors>();
const TILE: usize = SIDE * LINE;

/// That the processor has the unit and the system lets this process use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Amx(());

impl Amx {
    pub(super) fn here() -> Option<Self> {
        static HERE: OnceLock<bool> = OnceLock::new();
        let here = HERE.get_or_init(|| {
            let features = raw_cpuid::CpuId::new().get_extended_feature_info();
            features.is_some_and(|has| has.has_amx_tile() && has.has_amx_bf16()) && permitted()
        });
        here.then_some(Self(()))
    }

    /// The unit set up for tiles of 16 lines, in this thread, until what is returned is dropped.
    ///
    /// # Panics
    /// Where one is open in this thread already.
    pub(super) fn open(self) -> Tiles {
        assert!(!OPEN.replace(true), "one at a time");
        let shape = Line(std::array::from_fn::<u8, LINE, _>(|at| match at {
            // The only palette there is.
            0 => 1,
            // Bytes of a row of each of eight tiles, of 16 bits each; rows of each.
            16..32 if at % 2 == 0 => LINE as u8,
            48..56 => SIDE as u8,
            _ => 0,
        }));
        // SAFETY: `Amx` is proof that the instruction is there and permitted; it reads 64 bytes, which `shape` has,
        // and they are a shape that the unit knows.
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

/// Linux gives tiles' memory to those that ask for it, for the whole process.
fn permitted() -> bool {
    // SAFETY: this call takes two numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

thread_local! {
    /// Whether this thread's unit is set up.
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// The unit, set up in this thread.
pub(in super::super) struct Tiles {
    /// Registers are their thread's.
    _thread: PhantomData<*const ()>,
}

impl Tiles {
    /// As [`Open::multiply`](super::Open::multiply), which checks that all four are equally many whole tiles, one at
    /// least.
    pub(super) fn multiply(
        &mut self,
        left: [&[Factors]; 2],
        right: [&[Factors]; 2],
        sums: &mut Sums,
    ) {
        let tiles = left[0].len() / SIDE;
        const { assert!(size_of::<Sums>() == 4 * TILE) };
        // SAFETY: the unit is set up, in this thread, since there is a `Tiles`. Each turn of the loop, of which there
        // are `tiles`, reads the next `TILE` bytes from each of four slices, which are as long. `sums` is four tiles
        // long, of numbers in f32, for which all bits will do.
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
    /// Leaves the registers empty: a thread's are saved when others take its turn.
    fn drop(&mut self) {
        // SAFETY: the instruction is there, since there is a `Tiles`, and touches no memory.
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
