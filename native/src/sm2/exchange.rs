//! Key exchange (GB/T 32918.3-2016, 6.1): what both sides compute.

use super::Error;
use super::multiply::{multiply, multiply_vartime};
use super::point::{Affine, Jacobian};
use super::scalar::Scalar;
use crate::secret::reveal_word;
use zeroize::Zeroizing;

/// x̄ = 2¹²⁷ + (x mod 2¹²⁷) of a public point.
pub fn weight(point: &Affine) -> Scalar {
    let x = point.x.to_limbs();
    Scalar([x[0], x[1] | 1 << 63, 0, 0])
}

/// x ‖ y of t·(peer + x̄·peer_ephemeral); the peer's points are public, t is secret.
pub fn agree(
    t: &Scalar,
    peer: &Affine,
    peer_ephemeral: &Affine,
) -> Result<Zeroizing<[u8; 64]>, Error> {
    let weighted = multiply_vartime(&weight(peer_ephemeral), peer_ephemeral);
    let base = weighted
        .add_affine_vartime(peer)
        .to_affine()
        .ok_or(Error::Refused)?;
    let shared = Zeroizing::new(multiply(t, &base));
    secret_coordinates(&shared)
}

/// x ‖ y of a secret point; refuses infinity.
pub fn secret_coordinates(point: &Jacobian) -> Result<Zeroizing<[u8; 64]>, Error> {
    let inverse = Zeroizing::new(point.z.invert());
    let affine = Zeroizing::new(point.scale(&inverse));
    // Infinity is refused in the open: it needs t = 0, which no honest run meets.
    if reveal_word(point.is_infinity()) != 0 {
        return Err(Error::Refused);
    }
    Ok(Zeroizing::new(affine.coordinates()))
}
