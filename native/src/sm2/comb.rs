//! Multiplication of a point that is used often, by tables of its multiples: no doublings.
//!
//! Row j holds 1, 2 … 2^(w−1) times 2^(wj)·P. One point of each row is added for a digit of the
//! scalar; negative digits take the negative point.

use std::sync::OnceLock;

use super::ct::is_zero;
use super::field::Fe;
use super::point::{Affine, G, Jacobian};
use super::scalar::Scalar;
use super::table::{digit, select};
use zeroize::{Zeroize, Zeroizing};

/// Width for G: 37 rows of 64 points, 148 KiB, which stays in the second-level cache.
const WIDTH_G: usize = 7;

/// From so many scalars on, an inversion for each row pays.
const AFFINE_FROM: usize = 24;

/// The multiples of one point for windows of `WIDTH` bits.
pub struct Comb<const WIDTH: usize> {
    points: Vec<Affine>,
}

/// The table of G, built at first use in about a millisecond: the Python module does so when it is
/// imported, before anybody can fork.
pub fn generator() -> &'static Comb<WIDTH_G> {
    static TABLE: OnceLock<Comb<WIDTH_G>> = OnceLock::new();
    TABLE.get_or_init(|| Comb::new(&G))
}

impl<const WIDTH: usize> Comb<WIDTH> {
    const ROW: usize = 1 << (WIDTH - 1);
    /// Booth's recoding needs one bit beyond the 256 of a scalar.
    const ROWS: usize = 257usize.div_ceil(WIDTH);

    /// The table of a public point.
    pub fn new(point: &Affine) -> Self {
        let mut base = Jacobian::from(*point);
        let mut bases = Vec::with_capacity(Self::ROWS);
        for _ in 0..Self::ROWS {
            bases.push(base);
            base = base.double_times(WIDTH);
        }
        let mut points = Vec::with_capacity(Self::ROWS * Self::ROW);
        for base in Jacobian::to_affine_all(&bases) {
            let mut multiple = Jacobian::from(base);
            points.push(multiple);
            for _ in 1..Self::ROW {
                multiple = multiple.add_affine_vartime(&base);
                points.push(multiple);
            }
        }
        Self {
            points: Jacobian::to_affine_all(&points),
        }
    }

    /// scalar·P, the same time for all scalars.
    ///
    /// A sum of a point with itself cannot occur. Before row j the sum is s·P with
    /// |s| ≤ 2^(wj−1), and the row adds d·2^(wj)·P; the two are equal only where
    /// s = d·2^(wj) + m·n. With d ≠ 0 that needs m ≠ 0, hence the last row, d·2^(wj) = 2²⁵⁶ and
    /// s = 2²⁵⁶ − n > 0: a scalar beyond n, and scalars are below n.
    pub fn multiply(&self, scalar: &Scalar) -> Jacobian {
        let mut sum = Jacobian::INFINITY;
        for (j, row) in self.points.chunks_exact(Self::ROW).enumerate() {
            let d = digit(&scalar.0, WIDTH, j);
            let point = select(row, d.amount).negate_if(d.sign);
            sum = sum.add_affine(&point, is_zero(d.amount));
        }
        sum
    }

    /// scalar·P for each scalar in [1, n−1], the same time for all scalars of one number.
    ///
    /// Many scalars add affine points, row by row for all at once: with one inversion for the row a
    /// sum takes six multiplications in place of eleven. The sum of a point with itself cannot
    /// occur, as in [`Self::multiply`]; nor can that of a point with its negative: the partial sum
    /// would be 0 or ±n, which means no digit so far or the scalar n.
    pub fn multiply_all(&self, scalars: &[Scalar]) -> Vec<Affine> {
        if scalars.len() < AFFINE_FROM {
            let sums: Vec<Jacobian> = scalars.iter().map(|scalar| self.multiply(scalar)).collect();
            return Jacobian::to_affine_all(&Zeroizing::new(sums));
        }
        let mut sums = vec![Affine::NOTHING; scalars.len()];
        let mut addends = sums.clone();
        let mut inverses = vec![Fe::ONE; scalars.len()];
        let mut empty = vec![u64::MAX; scalars.len()];
        let mut skip = vec![0; scalars.len()];
        for (j, row) in self.points.chunks_exact(Self::ROW).enumerate() {
            for (i, scalar) in scalars.iter().enumerate() {
                let d = digit(&scalar.0, WIDTH, j);
                addends[i] = select(row, d.amount).negate_if(d.sign);
                skip[i] = is_zero(d.amount);
                let run = addends[i].x.sub(&sums[i].x);
                inverses[i] = Fe::select(skip[i] | empty[i], &Fe::ONE, &run);
            }
            if j > 0 {
                Fe::invert_all(&mut inverses);
            }
            for (i, sum) in sums.iter_mut().enumerate() {
                let total = sum.add_with(&addends[i], &inverses[i]);
                let total = Affine::select(empty[i], &addends[i], &total);
                *sum = Affine::select(skip[i], sum, &total);
                empty[i] &= skip[i];
            }
        }
        addends.zeroize();
        inverses.zeroize();
        empty.zeroize();
        skip.zeroize();
        sums
    }

    /// sum + scalar·P for public scalars.
    pub fn multiply_add_vartime(&self, scalar: &Scalar, sum: Jacobian) -> Jacobian {
        let rows = self.points.chunks_exact(Self::ROW).enumerate();
        rows.fold(sum, |sum, (j, row)| {
            let d = digit(&scalar.0, WIDTH, j);
            match d.amount {
                0 => sum,
                amount => sum.add_affine_vartime(&row[amount as usize - 1].negate_if(d.sign)),
            }
        })
    }
}
