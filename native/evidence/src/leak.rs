//! Leaks planted on purpose: the evidence counts for nothing unless it catches each.

use std::hint::black_box;

use fengsui_native::sm2::internals::{G, Scalar, multiply_vartime};

use crate::secret::secret;

/// The leaks by name; `run.sh` runs each alone.
pub const LEAKS: &[(&str, fn())] = &[("index", index), ("branch", branch), ("engine", engine)];

/// Reads a table at a secret index.
fn index() {
    let table: [u8; 256] = std::array::from_fn(|i| (i * 7) as u8);
    let key = secret(&[0x42]);
    black_box(black_box(&table)[usize::from(key[0])]);
}

/// Jumps on a secret bit.
fn branch() {
    let key = secret(&[0x42]);
    if key[0] & 1 == 1 {
        black_box(one_way());
    } else {
        black_box(the_other_way());
    }
}

/// Gives a secret scalar to the engine's own multiplication for public ones.
fn engine() {
    black_box(multiply_vartime(
        &Scalar::from_bytes(&secret(&[0x42; 32])).0,
        &G,
    ));
}

#[inline(never)]
fn one_way() -> u64 {
    black_box(1)
}

#[inline(never)]
fn the_other_way() -> u64 {
    black_box(2)
}
