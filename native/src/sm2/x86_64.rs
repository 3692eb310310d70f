//! Field arithmetic in x86-64 instructions whose time does not depend on their operands.
//!
//! `mulx`, `adcx` and `adox` keep two chains of carries going at once; they are used where the
//! processor says at run time that it has them (Broadwell and Zen onwards).

use super::limbs::Limbs;
use core::arch::asm;
use core::sync::atomic::{AtomicU8, Ordering};

/// What the processor has, as bits; zero before the first question.
static FEATURES: AtomicU8 = AtomicU8::new(0);
const KNOWN: u8 = 1;
/// BMI2 and ADX.
pub const MULX: u8 = 2;
pub const AVX2: u8 = 4;

#[inline(always)]
pub fn has(feature: u8) -> bool {
    let features = FEATURES.load(Ordering::Relaxed);
    let features = if features == 0 { detect() } else { features };
    features & feature != 0
}

#[cold]
fn detect() -> u8 {
    let mut features = KNOWN;
    if is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("adx") {
        features |= MULX;
    }
    if is_x86_feature_detected!("avx2") {
        features |= AVX2;
    }
    FEATURES.store(features, Ordering::Relaxed);
    features
}

/// Takes these features for what the processor has, so that evidence covers every path.
///
/// # Safety
/// The processor must have them.
#[cfg(feature = "evidence")]
pub unsafe fn assume(features: u8) {
    FEATURES.store(KNOWN | features, Ordering::Relaxed);
}

const P1: u64 = 0xffff_ffff_0000_0000;
const P3: u64 = 0xffff_fffe_ffff_ffff;

/// a + b mod p.
#[inline(always)]
pub fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let [mut r0, mut r1, mut r2, mut r3] = *a;
    // SAFETY: registers only.
    unsafe {
        asm!(
            "add {r0}, {b0}",
            "adc {r1}, {b1}",
            "adc {r2}, {b2}",
            "adc {r3}, {b3}",
            "sbb {top}, {top}",
            "mov {b0}, {r0}",
            "mov {b1}, {r1}",
            "mov {b2}, {r2}",
            "mov {b3}, {r3}",
            "sub {r0}, -1",
            "sbb {r1}, {p1}",
            "sbb {r2}, -1",
            "sbb {r3}, {p3}",
            "sbb {top}, 0",
            "cmovc {r0}, {b0}",
            "cmovc {r1}, {b1}",
            "cmovc {r2}, {b2}",
            "cmovc {r3}, {b3}",
            r0 = inout(reg) r0, r1 = inout(reg) r1, r2 = inout(reg) r2, r3 = inout(reg) r3,
            b0 = inout(reg) b[0] => _, b1 = inout(reg) b[1] => _,
            b2 = inout(reg) b[2] => _, b3 = inout(reg) b[3] => _,
            top = inout(reg) 0u64 => _,
            p1 = in(reg) P1, p3 = in(reg) P3,
            options(pure, nomem, nostack),
        );
    }
    [r0, r1, r2, r3]
}

/// a − b mod p.
#[inline(always)]
pub fn sub(a: &Limbs, b: &Limbs) -> Limbs {
    let [mut r0, mut r1, mut r2, mut r3] = *a;
    // SAFETY: registers only.
    unsafe {
        asm!(
            "sub {r0}, {b0}",
            "sbb {r1}, {b1}",
            "sbb {r2}, {b2}",
            "sbb {r3}, {b3}",
            "sbb {mask}, {mask}",
            "and {p1}, {mask}",
            "and {p3}, {mask}",
            "add {r0}, {mask}",
            "adc {r1}, {p1}",
            "adc {r2}, {mask}",
            "adc {r3}, {p3}",
            r0 = inout(reg) r0, r1 = inout(reg) r1, r2 = inout(reg) r2, r3 = inout(reg) r3,
            b0 = in(reg) b[0], b1 = in(reg) b[1], b2 = in(reg) b[2], b3 = in(reg) b[3],
            mask = inout(reg) 0u64 => _,
            p1 = inout(reg) P1 => _, p3 = inout(reg) P3 => _,
            options(pure, nomem, nostack),
        );
    }
    [r0, r1, r2, r3]
}

/// One step of the reduction: four limbs become (value + m·p) / 2⁶⁴, m the lowest of them, whose
/// register receives the new top limb.
macro_rules! step {
    ($m:literal, $a:literal, $b:literal, $c:literal) => {
        concat!(
            "mov {l}, {",
            $m,
            "}\n",
            "mov {h}, {",
            $m,
            "}\n",
            "shl {l}, 32\n",
            "shr {h}, 32\n",
            "add {",
            $a,
            "}, {",
            $m,
            "}\n",
            "adc {",
            $b,
            "}, 0\n",
            "adc {",
            $c,
            "}, 0\n",
            "adc {",
            $m,
            "}, 0\n",
            "sub {",
            $a,
            "}, {l}\n",
            "sbb {",
            $b,
            "}, {h}\n",
            "sbb {",
            $c,
            "}, {l}\n",
            "sbb {",
            $m,
            "}, {h}\n",
        )
    };
}

/// Adds the reduced low half to the high half and takes p away once where needed; `rdx`, `l`,
/// `h`, `a` and the low half are free afterwards.
macro_rules! finish {
    () => {
        concat!(
            "add {c4}, {c0}\n",
            "adc {c5}, {c1}\n",
            "adc {c6}, {c2}\n",
            "adc {c7}, {c3}\n",
            "sbb {h}, {h}\n",
            "mov {c0}, {c4}\n",
            "mov {c1}, {c5}\n",
            "mov {c2}, {c6}\n",
            "mov {c3}, {c7}\n",
            "mov {l}, 0xffffffff00000000\n",
            "mov rdx, 0xfffffffeffffffff\n",
            "sub {c4}, -1\n",
            "sbb {c5}, {l}\n",
            "sbb {c6}, -1\n",
            "sbb {c7}, rdx\n",
            "sbb {h}, 0\n",
            "cmovc {c4}, {c0}\n",
            "cmovc {c5}, {c1}\n",
            "cmovc {c6}, {c2}\n",
            "cmovc {c7}, {c3}\n",
        )
    };
}

/// One row of the product: limb of b times a, added from limb `$c0` on; `$c4` is new.
macro_rules! row {
    ($offset:literal, $c0:literal, $c1:literal, $c2:literal, $c3:literal, $c4:literal) => {
        concat!(
            "mov rdx, [{b} + ",
            $offset,
            "]\n",
            "xor {",
            $c4,
            "}, {",
            $c4,
            "}\n",
            "mulx {h}, {l}, [{a}]\n",
            "adcx {",
            $c0,
            "}, {l}\n",
            "adox {",
            $c1,
            "}, {h}\n",
            "mulx {h}, {l}, [{a} + 8]\n",
            "adcx {",
            $c1,
            "}, {l}\n",
            "adox {",
            $c2,
            "}, {h}\n",
            "mulx {h}, {l}, [{a} + 16]\n",
            "adcx {",
            $c2,
            "}, {l}\n",
            "adox {",
            $c3,
            "}, {h}\n",
            "mulx {h}, {l}, [{a} + 24]\n",
            "adcx {",
            $c3,
            "}, {l}\n",
            "adox {",
            $c4,
            "}, {h}\n",
            "adc {",
            $c4,
            "}, 0\n",
        )
    };
}

/// a·b / 2²⁵⁶ mod p.
///
/// # Safety
/// The processor must have BMI2 and ADX.
#[inline(always)]
pub unsafe fn mul(a: &Limbs, b: &Limbs) -> Limbs {
    let (r0, r1, r2, r3): (u64, u64, u64, u64);
    unsafe {
        asm!(
            "mov rdx, [{b}]",
            "mulx {c1}, {c0}, [{a}]",
            "mulx {c2}, {l}, [{a} + 8]",
            "add {c1}, {l}",
            "mulx {c3}, {l}, [{a} + 16]",
            "adc {c2}, {l}",
            "mulx {c4}, {l}, [{a} + 24]",
            "adc {c3}, {l}",
            "adc {c4}, 0",
            row!("8", "c1", "c2", "c3", "c4", "c5"),
            row!("16", "c2", "c3", "c4", "c5", "c6"),
            row!("24", "c3", "c4", "c5", "c6", "c7"),
            step!("c0", "c1", "c2", "c3"),
            step!("c1", "c2", "c3", "c0"),
            step!("c2", "c3", "c0", "c1"),
            step!("c3", "c0", "c1", "c2"),
            finish!(),
            a = in(reg) a.as_ptr(), b = in(reg) b.as_ptr(),
            c0 = out(reg) _, c1 = out(reg) _, c2 = out(reg) _, c3 = out(reg) _,
            c4 = out(reg) r0, c5 = out(reg) r1, c6 = out(reg) r2, c7 = out(reg) r3,
            l = out(reg) _, h = out(reg) _, out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [r0, r1, r2, r3]
}

/// a² / 2²⁵⁶ mod p.
///
/// # Safety
/// The processor must have BMI2 and ADX.
#[inline(always)]
pub unsafe fn square(a: &Limbs) -> Limbs {
    let (r0, r1, r2, r3): (u64, u64, u64, u64);
    unsafe {
        asm!(
            // The products of different limbs, once each.
            "mov rdx, [{a}]",
            "mulx {c2}, {c1}, [{a} + 8]",
            "mulx {c3}, {l}, [{a} + 16]",
            "add {c2}, {l}",
            "mulx {c4}, {l}, [{a} + 24]",
            "adc {c3}, {l}",
            "adc {c4}, 0",
            "mov rdx, [{a} + 8]",
            "xor {c5}, {c5}",
            "mulx {h}, {l}, [{a} + 16]",
            "adcx {c3}, {l}",
            "adox {c4}, {h}",
            "mulx {h}, {l}, [{a} + 24]",
            "adcx {c4}, {l}",
            "adox {c5}, {h}",
            "adc {c5}, 0",
            "mov rdx, [{a} + 16]",
            "mulx {c6}, {l}, [{a} + 24]",
            "add {c5}, {l}",
            "adc {c6}, 0",
            // Twice those, plus the squares.
            "xor {c7}, {c7}",
            "mov rdx, [{a}]",
            "mulx {h}, {c0}, rdx",
            "adcx {c1}, {c1}",
            "adox {c1}, {h}",
            "mov rdx, [{a} + 8]",
            "mulx {h}, {l}, rdx",
            "adcx {c2}, {c2}",
            "adox {c2}, {l}",
            "adcx {c3}, {c3}",
            "adox {c3}, {h}",
            "mov rdx, [{a} + 16]",
            "mulx {h}, {l}, rdx",
            "adcx {c4}, {c4}",
            "adox {c4}, {l}",
            "adcx {c5}, {c5}",
            "adox {c5}, {h}",
            "mov rdx, [{a} + 24]",
            "mulx {h}, {l}, rdx",
            "adcx {c6}, {c6}",
            "adox {c6}, {l}",
            "adcx {c7}, {c7}",
            "adox {c7}, {h}",
            step!("c0", "c1", "c2", "c3"),
            step!("c1", "c2", "c3", "c0"),
            step!("c2", "c3", "c0", "c1"),
            step!("c3", "c0", "c1", "c2"),
            finish!(),
            a = in(reg) a.as_ptr(),
            c0 = out(reg) _, c1 = out(reg) _, c2 = out(reg) _, c3 = out(reg) _,
            c4 = out(reg) r0, c5 = out(reg) r1, c6 = out(reg) r2, c7 = out(reg) r3,
            l = out(reg) _, h = out(reg) _, out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [r0, r1, r2, r3]
}
