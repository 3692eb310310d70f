//! SM4-CCM (NIST SP 800-38C; RFC 3610; RFC 8998, 2.2).

use super::{BLOCK, Refused, Sm4, same, wipe, xor};

/// The sizes of a message's parts, checked.
struct Form<'a> {
    nonce: &'a [u8],
    tag: usize,
}

impl<'a> Form<'a> {
    /// Refuses a nonce not of 7 to 13 bytes, a tag not of 4, 6, … 16, and a text whose length
    /// does not fit beside the nonce.
    fn new(nonce: &'a [u8], tag: usize, text: usize) -> Result<Self, Refused> {
        let sizes =
            (7..=13).contains(&nonce.len()) && (4..=16).contains(&tag) && tag.is_multiple_of(2);
        if !sizes {
            return Err(Refused);
        }
        let form = Self { nonce, tag };
        let bits = 8 * form.length_bytes();
        if bits < 64 && text as u64 >> bits != 0 {
            return Err(Refused);
        }
        Ok(form)
    }

    fn length_bytes(&self) -> usize {
        15 - self.nonce.len()
    }

    /// A block of nonce and number behind the flags.
    fn block(&self, flags: usize, number: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        // The nonce is written last: it overwrites the number's empty high bytes.
        block[8..].copy_from_slice(&number.to_be_bytes());
        block[0] = flags as u8;
        block[1..=self.nonce.len()].copy_from_slice(self.nonce);
        block
    }
}

/// Whether the sizes of a nonce, a tag and a text can go together.
pub fn ccm_fits(nonce: usize, tag: usize, text: usize) -> bool {
    Form::new(&[0; 14][..nonce.min(14)], tag, text).is_ok()
}

impl Sm4 {
    /// Encrypt `from` into `to` and fill `tag` over `aad` and the text.
    ///
    /// # Panics
    /// When the lengths differ; refused are sizes CCM does not have.
    pub fn ccm_seal(
        &self,
        nonce: &[u8],
        aad: &[u8],
        from: &[u8],
        to: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), Refused> {
        assert_eq!(from.len(), to.len(), "both sides have one length");
        let form = Form::new(nonce, tag.len(), from.len())?;
        let mut sum = self.ccm_sum(&form, aad, from);
        xor(
            &mut sum,
            &self.block(&form.block(form.length_bytes() - 1, 0)),
        );
        tag.copy_from_slice(&sum[..form.tag]);
        self.ctr(&form.block(form.length_bytes() - 1, 1), from, to);
        Ok(())
    }

    /// Decrypt `from` into `to`, if the tag over `aad` and the text is `tag`; else `to` is wiped.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn ccm_open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        from: &[u8],
        tag: &[u8],
        to: &mut [u8],
    ) -> Result<(), Refused> {
        assert_eq!(from.len(), to.len(), "both sides have one length");
        let form = Form::new(nonce, tag.len(), from.len())?;
        self.ctr(&form.block(form.length_bytes() - 1, 1), from, to);
        let mut sum = self.ccm_sum(&form, aad, to);
        xor(
            &mut sum,
            &self.block(&form.block(form.length_bytes() - 1, 0)),
        );
        let verdict = same(&sum[..form.tag], tag);
        wipe(&mut sum);
        if verdict {
            Ok(())
        } else {
            zeroize::Zeroize::zeroize(to);
            Err(Refused)
        }
    }

    /// CBC-MAC over sizes, `aad` and text (RFC 3610, 2.2).
    fn ccm_sum(&self, form: &Form, aad: &[u8], text: &[u8]) -> [u8; BLOCK] {
        let with_aad = usize::from(!aad.is_empty()) << 6;
        let flags = with_aad | ((form.tag - 2) / 2) << 3 | (form.length_bytes() - 1);
        let mut sum = [0; BLOCK];
        self.chain(&mut sum, &form.block(flags, text.len() as u64), None);
        if !aad.is_empty() {
            let mut first = [0; BLOCK];
            let size = aad_size(aad.len(), &mut first);
            let take = aad.len().min(BLOCK - size);
            first[size..size + take].copy_from_slice(&aad[..take]);
            self.chain(&mut sum, &first, None);
            self.chain_filled(&mut sum, &aad[take..]);
        }
        self.chain_filled(&mut sum, text);
        sum
    }

    /// Take data into the chain, filled up with zeros to whole blocks.
    fn chain_filled(&self, sum: &mut [u8; BLOCK], data: &[u8]) {
        let (whole, rest) = data.split_at(data.len() - data.len() % BLOCK);
        self.chain(sum, whole, None);
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            self.chain(sum, &block, None);
            wipe(&mut block);
        }
    }
}

/// Write the length of the data authenticated only; returns how many bytes it took.
fn aad_size(length: usize, to: &mut [u8; BLOCK]) -> usize {
    if length < 0xff00 {
        to[..2].copy_from_slice(&(length as u16).to_be_bytes());
        2
    } else if let Ok(length) = u32::try_from(length) {
        to[..2].copy_from_slice(&[0xff, 0xfe]);
        to[2..6].copy_from_slice(&length.to_be_bytes());
        6
    } else {
        to[..2].copy_from_slice(&[0xff, 0xff]);
        to[2..10].copy_from_slice(&(length as u64).to_be_bytes());
        10
    }
}
