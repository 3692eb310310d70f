//! The DER form of a signature, SEQUENCE { r INTEGER, s INTEGER } (GB/T 35276-2017, 7.3).

use super::Signature;

/// Longest encoding: two integers of 33 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 72;

/// The canonical encoding of r ‖ s.
pub fn encode(signature: &Signature) -> Vec<u8> {
    let mut der = Vec::with_capacity(SIGNATURE_BYTES_MAX);
    der.extend_from_slice(&[0x30, 0]);
    for part in [&signature[..32], &signature[32..]] {
        let zeros = part.iter().take(31).take_while(|&&byte| byte == 0).count();
        let number = &part[zeros..];
        let sign = usize::from(number[0] >= 0x80);
        der.extend_from_slice(&[0x02, (number.len() + sign) as u8]);
        der.extend_from_slice(&[0][..sign]);
        der.extend_from_slice(number);
    }
    der[1] = (der.len() - 2) as u8;
    der
}

/// r ‖ s of the canonical encoding; `None` for every other.
pub fn decode(der: &[u8]) -> Option<Signature> {
    if der.len() > SIGNATURE_BYTES_MAX {
        return None;
    }
    let (&[0x30, _], body) = der.split_first_chunk()? else {
        return None;
    };
    let mut signature = [0; 64];
    let rest = integer(body, &mut signature[..32])?;
    integer(rest, &mut signature[32..])?;
    // There is one canonical form: what does not come out again is not it.
    (encode(&signature) == der).then_some(signature)
}

/// Reads one integer into 32 bytes and returns what follows it.
fn integer<'a>(der: &'a [u8], number: &mut [u8]) -> Option<&'a [u8]> {
    let (&[0x02, length], rest) = der.split_first_chunk()? else {
        return None;
    };
    let (digits, rest) = rest.split_at_checked(usize::from(length))?;
    let digits = match digits {
        [0, digits @ ..] if digits.len() == 32 => digits,
        digits => digits,
    };
    let start = number.len().checked_sub(digits.len())?;
    number[start..].copy_from_slice(digits);
    Some(rest)
}
