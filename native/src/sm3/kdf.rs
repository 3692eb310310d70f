//! The key derivation function of SM2 (GB/T 32918.4-2016, 5.4.3).

use super::{DIGEST_BYTES, Sm3, many};
use zeroize::Zeroizing;

/// The longest output: 32·(2^32 - 1) bytes and a bit less, the standard's limit.
pub const KDF_MOST: usize = DIGEST_BYTES.saturating_mul(u32::MAX as usize - 1);

/// SM3(z ‖ 1) ‖ SM3(z ‖ 2) ‖ …, cut to `length` bytes; the counter has 32 bits.
///
/// The whole blocks of z are hashed once, the counters are lanes of one computation.
///
/// # Panics
/// When `length` exceeds [`KDF_MOST`].
pub fn kdf(z: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    assert!(length <= KDF_MOST, "the KDF counter has 32 bits");
    let count = length.div_ceil(DIGEST_BYTES);
    let mut start = Sm3::new();
    start.update(z);
    let mut out = Zeroizing::new(Vec::with_capacity(count * DIGEST_BYTES));
    if count <= 2 {
        for counter in 1..=count as u32 {
            let mut hash = start.clone();
            hash.update(&counter.to_be_bytes());
            out.extend_from_slice(&hash.finalize());
        }
    } else {
        let counters: Vec<[u8; 4]> = (1..=count as u32).map(u32::to_be_bytes).collect();
        let parts = Zeroizing::new(many::after(
            many::Width::best(),
            &start,
            count,
            |index, _| (0, &counters[index][..]),
        ));
        out.extend(parts.iter().flatten());
    }
    out.truncate(length);
    out
}
