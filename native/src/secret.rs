//! Where a secret becomes public, said in the code and checked by the constant-time evidence.
//!
//! With the feature `evidence` the marks reach valgrind's memcheck: hidden bytes count as
//! uninitialised, and a branch or an address that depends on them is an error. Without it, as in
//! every build that ships, they are nothing. See docs/contributor/constant-time.md.

/// Declares bytes secret.
#[inline(always)]
pub fn hide(bytes: &mut [u8]) {
    mark(MAKE_UNDEFINED, bytes);
}

/// Declares bytes public; the caller says why they are.
///
/// Takes them by `&mut` so that the compiler cannot go on with a copy made before the mark.
#[inline(always)]
pub fn reveal(bytes: &mut [u8]) {
    mark(MAKE_DEFINED, bytes);
}

/// Declares a word public and returns it; the caller says why it is.
#[inline(always)]
pub fn reveal_word(word: u64) -> u64 {
    let mut bytes = word.to_ne_bytes();
    reveal(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// Tells whether valgrind runs this process.
pub fn is_watched() -> bool {
    request([RUNNING, 0, 0]) != 0
}

// Client requests of valgrind.h and memcheck.h.
const RUNNING: u64 = 0x1001;
const MAKE_UNDEFINED: u64 = 0x4d43_0001;
const MAKE_DEFINED: u64 = 0x4d43_0002;

#[inline(always)]
fn mark(kind: u64, bytes: &mut [u8]) {
    if cfg!(feature = "evidence") {
        request([
            kind,
            bytes.as_mut_ptr().expose_provenance() as u64,
            bytes.len() as u64,
        ]);
    }
}

#[cfg(all(feature = "evidence", target_arch = "x86_64"))]
fn request([kind, first, second]: [u64; 3]) -> u64 {
    let arguments = [kind, first, second, 0, 0, 0];
    let mut answer = 0;
    // SAFETY: rotations that add up to 128 and an exchange with itself change nothing but, under
    // valgrind, the answer and valgrind's own notes on memory.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}

#[cfg(not(all(feature = "evidence", target_arch = "x86_64")))]
fn request(_: [u64; 3]) -> u64 {
    0
}
