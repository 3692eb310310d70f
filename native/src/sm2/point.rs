//! Points of y² = x³ − 3x + b (GB/T 32918.5-2017, 3) and the group law.
//!
//! Methods named `vartime` branch on the points and serve public data only. The others take the
//! same time for all values; what they leave out of the group law, and why it cannot occur, is
//! said at each.

use super::field::Fe;
use zeroize::Zeroize;

/// b of the curve equation.
pub const B: Fe = Fe::constant([
    0xddbc_bd41_4d94_0e93,
    0xf397_89f5_15ab_8f92,
    0x4d5a_9e4b_cf65_09a7,
    0x28e9_fa9e_9d9f_5e34,
]);

/// G, which generates the points.
pub const G: Affine = Affine {
    x: Fe::constant([
        0x715a_4589_334c_74c7,
        0x8fe3_0bbf_f266_0be1,
        0x5f99_0446_6a39_c994,
        0x32c4_ae2c_1f19_8119,
    ]),
    y: Fe::constant([
        0x02df_32e5_2139_f0a0,
        0xd0a9_877c_c62a_4740,
        0x59bd_cee3_6b69_2153,
        0xbc37_36a2_f4f6_779c,
    ]),
};

/// A point other than infinity, by its coordinates. One cache line each.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Affine {
    pub x: Fe,
    pub y: Fe,
}

/// A point as (x/z², y/z³); z = 0 is infinity.
#[derive(Clone, Copy)]
pub struct Jacobian {
    pub x: Fe,
    pub y: Fe,
    pub z: Fe,
}

impl Zeroize for Affine {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
    }
}

impl Zeroize for Jacobian {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.z.zeroize();
    }
}

impl Affine {
    /// Zeroes, which are no point of the curve: a place to be filled.
    pub const NOTHING: Self = Self {
        x: Fe::ZERO,
        y: Fe::ZERO,
    };

    /// Reads 04 ‖ x ‖ y; `None` unless both coordinates are below p and the point is on the curve.
    ///
    /// The cofactor is 1, so a point on the curve is in the group of G.
    pub fn from_bytes(bytes: &[u8; 65]) -> Option<Self> {
        if bytes[0] != 4 {
            return None;
        }
        let coordinate = |start: usize| {
            let mut number = [0; 32];
            number.copy_from_slice(&bytes[start..start + 32]);
            Fe::from_bytes(&number)
        };
        let point = Self {
            x: coordinate(1)?,
            y: coordinate(33)?,
        };
        point.is_on_curve().then_some(point)
    }

    fn is_on_curve(&self) -> bool {
        let cube = self.x.square().mul(&self.x);
        self.y.square() == cube.sub(&self.x.triple()).add(&B)
    }

    /// x ‖ y.
    pub fn coordinates(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.x.to_bytes());
        bytes[32..].copy_from_slice(&self.y.to_bytes());
        bytes
    }

    /// 04 ‖ x ‖ y.
    pub fn to_bytes(self) -> [u8; 65] {
        let mut bytes = [4; 65];
        bytes[1..].copy_from_slice(&self.coordinates());
        bytes
    }

    /// Changes the sign under a mask of all ones.
    #[inline(always)]
    pub fn negate_if(&self, mask: u64) -> Self {
        Self {
            x: self.x,
            y: self.y.negate_if(mask),
        }
    }
}

impl Affine {
    #[inline(always)]
    pub fn select(mask: u64, yes: &Self, no: &Self) -> Self {
        Self {
            x: Fe::select(mask, &yes.x, &no.x),
            y: Fe::select(mask, &yes.y, &no.y),
        }
    }

    /// The sum with a point of another x, for a known inverse of the difference of both x.
    #[inline(always)]
    pub fn add_with(&self, other: &Self, inverse: &Fe) -> Self {
        let slope = other.y.sub(&self.y).mul(inverse);
        let x = slope.square().sub(&self.x).sub(&other.x);
        Self {
            x,
            y: slope.mul(&self.x.sub(&x)).sub(&self.y),
        }
    }
}

impl From<Affine> for Jacobian {
    fn from(point: Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
        }
    }
}

impl Jacobian {
    pub const INFINITY: Self = Self {
        x: Fe::ONE,
        y: Fe::ONE,
        z: Fe::ZERO,
    };

    /// All ones at infinity, else zero.
    #[inline(always)]
    pub fn is_infinity(&self) -> u64 {
        self.z.is_zero()
    }

    #[inline(always)]
    pub fn select(mask: u64, yes: &Self, no: &Self) -> Self {
        Self {
            x: Fe::select(mask, &yes.x, &no.x),
            y: Fe::select(mask, &yes.y, &no.y),
            z: Fe::select(mask, &yes.z, &no.z),
        }
    }

    /// Twice the point, infinity included. No point has order 2, so y is never 0.
    #[inline]
    pub fn double(&self) -> Self {
        // Products that do not wait for one another stand side by side, here and below: the
        // processor then works on two at once.
        let zz = self.z.square();
        let yy = self.y.square();
        // Half the slope's numerator: the result has z = y·z in place of 2·y·z.
        let slope = self.x.sub(&zz).half().mul(&self.x.add(&zz).triple());
        let s = yy.mul(&self.x);
        let slope_squared = slope.square();
        let yyyy = yy.square();
        let z = self.y.mul(&self.z);
        let x = slope_squared.sub(&s.double());
        let y = slope.mul(&s.sub(&x)).sub(&yyyy);
        Self { x, y, z }
    }

    /// The point 2ᵏ times over.
    pub fn double_times(&self, times: usize) -> Self {
        (0..times).fold(*self, |point, _| point.double())
    }

    /// The sum with an affine point; `skip` all ones leaves the point as it is.
    ///
    /// Covers infinity, but not the sum of a point with itself: the caller shows that it cannot be.
    #[inline]
    pub fn add_affine(&self, other: &Affine, skip: u64) -> Self {
        let sum = self.add_affine_raw(other).0;
        let sum = Self::select(self.is_infinity(), &Self::from(*other), &sum);
        Self::select(skip, self, &sum)
    }

    /// The sum with an affine point, the sum of a point with itself included.
    pub fn add_affine_complete(&self, other: &Affine, skip: u64) -> Self {
        let (sum, h, r) = self.add_affine_raw(other);
        let same = h.is_zero() & r.is_zero();
        let sum = Self::select(same, &self.double(), &sum);
        let sum = Self::select(self.is_infinity(), &Self::from(*other), &sum);
        Self::select(skip, self, &sum)
    }

    /// The sum where neither is infinity and both differ, with the differences in x and y.
    /// Gives infinity for a point and its negative.
    #[inline(always)]
    fn add_affine_raw(&self, other: &Affine) -> (Self, Fe, Fe) {
        let zz = self.z.square();
        let u = other.x.mul(&zz);
        let zzz = self.z.mul(&zz);
        let h = u.sub(&self.x);
        let hh = h.square();
        let r = other.y.mul(&zzz).sub(&self.y);
        let v = hh.mul(&self.x);
        let hhh = hh.mul(&h);
        let rr = r.square();
        let z = self.z.mul(&h);
        let yh = hhh.mul(&self.y);
        let x = rr.sub(&hhh).sub(&v.double());
        let y = r.mul(&v.sub(&x)).sub(&yh);
        (Self { x, y, z }, h, r)
    }

    /// The sum with an affine point, whatever the two are. For public points.
    pub fn add_affine_vartime(&self, other: &Affine) -> Self {
        if self.is_infinity() != 0 {
            return Self::from(*other);
        }
        let (sum, h, r) = self.add_affine_raw(other);
        if h == Fe::ZERO && r == Fe::ZERO {
            return self.double();
        }
        sum
    }

    /// The affine point; `None` at infinity, which is thereby made public.
    pub fn to_affine(self) -> Option<Affine> {
        if self.is_infinity() != 0 {
            return None;
        }
        Some(self.scale(&self.z.invert()))
    }

    /// The affine point for a known 1/z.
    pub fn scale(&self, inverse: &Fe) -> Affine {
        let square = inverse.square();
        Affine {
            x: self.x.mul(&square),
            y: self.y.mul(&square.mul(inverse)),
        }
    }

    /// The affine points of points none of which is infinity, with one inversion for all.
    pub fn to_affine_all(points: &[Self]) -> Vec<Affine> {
        let mut inverses: Vec<Fe> = points.iter().map(|point| point.z).collect();
        Fe::invert_all(&mut inverses);
        let affine = points
            .iter()
            .zip(&inverses)
            .map(|(p, inverse)| p.scale(inverse))
            .collect();
        inverses.zeroize();
        affine
    }
}
