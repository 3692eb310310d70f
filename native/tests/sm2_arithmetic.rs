//! The arithmetic beneath SM2 agrees with big integers and with itself, on random numbers and on
//! those at the edges of limbs, windows and moduli.

use fengsui_native::sm2::internals::{
    Affine, Comb, Fe, G, Jacobian, Limbs, N, P, Scalar, from_bytes, generator, multiply,
    multiply_vartime, portable_multiply, portable_select, select, to_bytes,
};
use num_bigint::BigUint;

/// A fixed sequence, so that a failure comes back.
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn limbs(&mut self) -> Limbs {
        [self.word(), self.word(), self.word(), self.word()]
    }
}

fn big(limbs: &Limbs) -> BigUint {
    BigUint::from_bytes_be(&to_bytes(limbs))
}

fn limbs(number: &BigUint) -> Limbs {
    let bytes = number.to_bytes_be();
    let mut padded = [0; 32];
    padded[32 - bytes.len()..].copy_from_slice(&bytes);
    from_bytes(&padded)
}

/// Numbers below a modulus: edges, single bits, limbs of ones, and random ones.
fn samples(modulus: &Limbs) -> Vec<Limbs> {
    let modulus = big(modulus);
    let one = BigUint::from(1u32);
    let mut numbers: Vec<BigUint> = (0u32..40).map(BigUint::from).collect();
    numbers.extend((1u32..40).map(|i| &modulus - i));
    for bit in 0..256 {
        numbers.extend([&one << bit, (&one << bit) - &one, &modulus >> bit]);
    }
    for word in 0..16u32 {
        let parts = (0..4).map(|i| if word >> i & 1 == 1 { u64::MAX } else { 0 });
        numbers.push(big(&parts.collect::<Vec<_>>().try_into().unwrap()));
    }
    let mut random = Numbers(0x9e37_79b9_7f4a_7c15);
    numbers.extend((0..300).map(|_| big(&random.limbs())));
    numbers
        .iter()
        .map(|number| limbs(&(number % &modulus)))
        .collect()
}

fn scalars() -> Vec<Scalar> {
    samples(&N).iter().map(Scalar::from_limbs_reduced).collect()
}

fn element(value: &Limbs) -> Fe {
    Fe::from_limbs(value).unwrap()
}

#[test]
fn field_operations_agree_with_big_integers() {
    let p = big(&P);
    let samples = samples(&P);
    for (i, a) in samples.iter().enumerate() {
        for b in samples.iter().skip(i % 7).step_by(7) {
            let (fa, fb) = (element(a), element(b));
            let (ba, bb) = (big(a), big(b));
            assert_eq!(big(&fa.mul(&fb).to_limbs()), &ba * &bb % &p);
            assert_eq!(big(&portable_multiply(&fa, &fb).to_limbs()), &ba * &bb % &p);
            assert_eq!(big(&fa.add(&fb).to_limbs()), (&ba + &bb) % &p);
            assert_eq!(big(&fa.sub(&fb).to_limbs()), (&ba + &p - &bb) % &p);
        }
        let (fa, ba) = (element(a), big(a));
        assert_eq!(big(&fa.square().to_limbs()), &ba * &ba % &p);
        assert_eq!(big(&fa.triple().to_limbs()), &ba * 3u32 % &p);
        assert_eq!(fa.half().double().to_limbs(), *a);
        assert_eq!(big(&fa.negate().to_limbs()), (&p - &ba) % &p);
        assert_eq!(big(&fa.invert().to_limbs()), ba.modpow(&(&p - 2u32), &p));
    }
}

#[test]
fn numbers_from_p_on_are_no_elements() {
    let p = big(&P);
    assert!(Fe::from_limbs(&limbs(&(&p - 1u32))).is_some());
    assert!(Fe::from_limbs(&P).is_none());
    assert!(Fe::from_limbs(&[u64::MAX; 4]).is_none());
}

#[test]
fn scalar_operations_agree_with_big_integers() {
    let n = big(&N);
    let value = |scalar: &Scalar| BigUint::from_bytes_be(&scalar.to_bytes());
    let scalars = scalars();
    for (i, a) in scalars.iter().enumerate() {
        for b in scalars.iter().skip(i % 11).step_by(11) {
            assert_eq!(value(&a.mul(b)), value(a) * value(b) % &n);
            assert_eq!(value(&a.add(b)), (value(a) + value(b)) % &n);
            assert_eq!(value(&a.sub(b)), (value(a) + &n - value(b)) % &n);
        }
        assert_eq!(value(&a.invert()), value(a).modpow(&(&n - 2u32), &n));
    }
    assert_eq!(
        value(&Scalar::from_limbs_reduced(&[u64::MAX; 4])),
        big(&[u64::MAX; 4]) - &n
    );
}

#[test]
fn inversions_shared_are_inversions() {
    for size in 0..40 {
        let mut random = Numbers(size + 1);
        let values: Vec<Fe> = (0..size)
            .map(|_| element(&limbs(&(big(&random.limbs()) % big(&P)))))
            .collect();
        let mut inverted = values.clone();
        Fe::invert_all(&mut inverted);
        for (value, inverse) in values.iter().zip(&inverted) {
            assert!(value.mul(inverse) == Fe::ONE);
        }
    }
}

/// Doubling and adding bit by bit, with the complete addition.
fn naive(scalar: &Scalar, point: &Affine) -> Option<Affine> {
    let bits = BigUint::from_bytes_be(&scalar.to_bytes());
    let mut sum = Jacobian::INFINITY;
    for bit in (0..256).rev() {
        sum = sum.double();
        if bits.bit(bit) {
            sum = sum.add_affine_vartime(point);
        }
    }
    sum.to_affine()
}

fn same(left: Option<Affine>, right: Option<Affine>) -> bool {
    left == right
}

#[test]
fn all_ways_to_multiply_agree() {
    let seventh = naive(&Scalar::small(7), &G).unwrap();
    let (comb5, comb6) = (Comb::<5>::new(&seventh), Comb::<6>::new(&seventh));
    for scalar in scalars() {
        let scalar_hex = scalar.to_bytes();
        let expected = naive(&scalar, &G);
        assert!(
            same(generator().multiply(&scalar).to_affine(), expected),
            "{scalar_hex:x?}"
        );
        assert!(
            same(multiply(&scalar, &G).to_affine(), expected),
            "{scalar_hex:x?}"
        );
        assert!(
            same(multiply_vartime(&scalar, &G).to_affine(), expected),
            "{scalar_hex:x?}"
        );
        let added = generator().multiply_add_vartime(&scalar, Jacobian::INFINITY);
        assert!(same(added.to_affine(), expected), "{scalar_hex:x?}");
        let other = multiply(&scalar, &seventh).to_affine();
        assert!(
            same(comb5.multiply(&scalar).to_affine(), other),
            "{scalar_hex:x?}"
        );
        assert!(
            same(comb6.multiply(&scalar).to_affine(), other),
            "{scalar_hex:x?}"
        );
        let seven = generator()
            .multiply(&scalar.mul(&Scalar::small(7)))
            .to_affine();
        assert!(same(other, seven), "{scalar_hex:x?}");
    }
}

#[test]
fn the_order_of_g_is_n() {
    let minus_one = Scalar::small(0).sub(&Scalar::small(1));
    let last = generator().multiply(&minus_one).to_affine().unwrap();
    assert!(last == G.negate_if(u64::MAX));
    assert!(
        Jacobian::from(last)
            .add_affine_vartime(&G)
            .to_affine()
            .is_none()
    );
}

#[test]
fn additions_cover_their_exceptional_cases() {
    let p = Jacobian::from(G);
    let negative = G.negate_if(u64::MAX);
    let infinity = Jacobian::INFINITY;
    assert!(p.add_affine(&negative, 0).to_affine().is_none());
    assert!(p.add_affine_complete(&negative, 0).to_affine().is_none());
    assert!(p.add_affine_complete(&G, 0).to_affine() == p.double().to_affine());
    assert!(infinity.add_affine(&G, 0).to_affine() == Some(G));
    assert!(infinity.add_affine_complete(&G, 0).to_affine() == Some(G));
    assert!(infinity.add_affine(&G, u64::MAX).to_affine().is_none());
    assert!(p.add_affine_complete(&negative, u64::MAX).to_affine() == Some(G));
    assert!(infinity.double().to_affine().is_none());
}

#[test]
fn a_table_gives_the_entry_asked_for() {
    let table: Vec<Affine> = (1..=64)
        .map(|i| generator().multiply(&Scalar::small(i)).to_affine().unwrap())
        .collect();
    for size in [1, 2, 16, 64] {
        for index in 0..=size {
            let expected = match index {
                0 => Affine::NOTHING,
                _ => table[index - 1],
            };
            assert!(select(&table[..size], index as u64) == expected);
            assert!(portable_select(&table[..size], index as u64) == expected);
        }
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    let good = G.to_bytes();
    assert!(Affine::from_bytes(&good).is_some_and(|point| point == G));
    for at in [1, 32, 33, 64] {
        let mut bad = good;
        bad[at] ^= 1;
        assert!(Affine::from_bytes(&bad).is_none());
    }
    for first in [0, 2, 3, 5, 6, 7] {
        let mut bad = good;
        bad[0] = first;
        assert!(Affine::from_bytes(&bad).is_none());
    }
    // x + p and p itself are not canonical coordinates.
    let mut high = good;
    high[1..33].copy_from_slice(&to_bytes(&P));
    assert!(Affine::from_bytes(&high).is_none());
    let mut zero = [0; 65];
    zero[0] = 4;
    assert!(Affine::from_bytes(&zero).is_none());
}
