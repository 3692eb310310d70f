//! Multiplication of a point that is used often, by tables of its multiples: no doublings.
//!
//! Row j holds 1, 2 … 2^(w−1) times 2^(wj)·P. One point of each row is added for a digit of the
//! scalar; negative digits take the negative point.

use std::sync::OnceLock;

use super::point::{Affine, G, Jacobian};
use super::scalar::Scalar;
use super::table::{digit, select};

/// Width for G: 37 rows of 64 points, 148 KiB, which stays in the second-level cache.
const WIDTH_G: usize = 7;

/// The multiples of one point for windows of `WIDTH` bits.
pub struct Comb<const WIDTH: usize> {
    points: Vec<Affine>,
}

/// The table of G, built at first use in about a millisecond.
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
            sum = sum.add_affine(&point, super::ct::is_zero(d.amount));
        }
        sum
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
