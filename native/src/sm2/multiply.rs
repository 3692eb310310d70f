//! Multiplication of a point that came from outside.

use super::ct;
use super::point::{Affine, Jacobian};
use super::scalar::Scalar;
use super::table::{digit, select};
use zeroize::Zeroize;

const WIDTH: usize = 5;
const ROW: usize = 1 << (WIDTH - 1);
const DIGITS: usize = 257usize.div_ceil(WIDTH);

/// scalar·P, the same time for all scalars; the point is public.
///
/// The sum of a point with itself needs 32a ≡ ±d (mod n) for a prefix a and a digit d of at most
/// 16. Prefixes before the last digit are below n/16, so only the last addition can meet it (and
/// does, for the scalar n − 6): that one is complete.
pub fn multiply(scalar: &Scalar, point: &Affine) -> Jacobian {
    let table = Jacobian::to_affine_all(&multiples(point));
    let mut sum = Jacobian::INFINITY;
    for j in (0..DIGITS).rev() {
        sum = sum.double_times(if j == DIGITS - 1 { 0 } else { WIDTH });
        let d = digit(&scalar.0, WIDTH, j);
        let mut addend = select(&table, d.amount).negate_if(d.sign);
        let skip = ct::is_zero(d.amount);
        sum = match j {
            0 => sum.add_affine_complete(&addend, skip),
            _ => sum.add_affine(&addend, skip),
        };
        addend.zeroize();
    }
    sum
}

/// 1, 2 … 16 times a public point.
fn multiples(point: &Affine) -> Vec<Jacobian> {
    let mut table = Vec::with_capacity(ROW);
    table.push(Jacobian::from(*point));
    for i in 2..=ROW {
        table.push(match i % 2 {
            0 => table[i / 2 - 1].double(),
            _ => table[i - 2].add_affine_vartime(point),
        });
    }
    table
}

/// scalar·P for a public scalar: non-adjacent form of width 5, one addition in six doublings.
pub fn multiply_vartime(scalar: &Scalar, point: &Affine) -> Jacobian {
    let table = odd_multiples(point);
    let digits = non_adjacent(scalar);
    let mut sum = Jacobian::INFINITY;
    let highest = digits
        .iter()
        .rposition(|&digit| digit != 0)
        .map_or(0, |at| at + 1);
    for &digit in digits[..highest].iter().rev() {
        sum = sum.double();
        if digit != 0 {
            let entry = &table[usize::from(digit.unsigned_abs()) / 2];
            sum = sum.add_affine_vartime(&entry.negate_if(if digit < 0 { u64::MAX } else { 0 }));
        }
    }
    sum
}

/// 1, 3 … 15 times a public point.
fn odd_multiples(point: &Affine) -> Vec<Affine> {
    let odd: Vec<Jacobian> = multiples(point).into_iter().step_by(2).collect();
    Jacobian::to_affine_all(&odd)
}

/// Digits 0 or odd, below 16 in amount, any two nonzero ones at least five places apart.
fn non_adjacent(scalar: &Scalar) -> [i8; 257] {
    let mut digits = [0; 257];
    let mut value = [scalar.0[0], scalar.0[1], scalar.0[2], scalar.0[3], 0];
    let bits = |value: &[u64; 5], at: usize| {
        let (limb, shift) = (at / 64, at % 64);
        let high = if shift > 0 && limb < 4 {
            value[limb + 1] << (64 - shift)
        } else {
            0
        };
        (value[limb] >> shift | high) & 31
    };
    let mut at = 0;
    while at < 257 {
        let window = bits(&value, at);
        if window & 1 == 0 {
            at += 1;
            continue;
        }
        let digit = if window > 16 {
            window as i8 - 32
        } else {
            window as i8
        };
        digits[at] = digit;
        if digit < 0 {
            // The window was taken as a negative digit: carry one into the bits above it.
            let mut limb = (at + 5) / 64;
            let mut carry = 1u64 << ((at + 5) % 64);
            while carry != 0 && limb < 5 {
                let (sum, over) = value[limb].overflowing_add(carry);
                value[limb] = sum;
                carry = u64::from(over);
                limb += 1;
            }
        }
        at += 5;
    }
    digits
}
