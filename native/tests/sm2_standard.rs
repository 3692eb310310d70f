//! SM2 gives the numbers of GB/T 32918.5-2017 and agrees with other implementations' vectors.

use fengsui_native::sm2::{
    PrivateKey, PublicKey, encrypt_with_nonce, message_digest, sign_with_nonce,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn bytes<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    hex(text).try_into().unwrap()
}

// GB/T 32918.5-2017, annex A (signature) and annex C (encryption).
const D: &str = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8";
const POINT: &str = "04
    09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
    CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
const K: &str = "59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21";
const Z: &str = "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3";
const E: &str = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640";
const SIGNATURE: &str = "
    F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
    B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
const C1: &str = "04
    04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73
    E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0";
const C2: &str = "21886CA989CA9C7D58087307CA93092D651EFA";
const C3: &str = "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766";

#[test]
fn the_standards_signature_is_made_and_verified() {
    let e = message_digest(&bytes(Z), b"message digest");
    assert_eq!(e, bytes(E));
    let signature = sign_with_nonce(&bytes(D), &e, &bytes(K)).unwrap();
    assert_eq!(signature, bytes(SIGNATURE));
    let key = PrivateKey::from_scalar(&bytes(D)).unwrap();
    assert_eq!(key.point(), bytes(POINT));
    assert!(
        PublicKey::from_point(&key.point())
            .unwrap()
            .verify(&e, &signature)
    );
}

#[test]
fn the_standards_ciphertext_is_made_and_opened() {
    let made = encrypt_with_nonce(&bytes(POINT), b"encryption standard", &bytes(K)).unwrap();
    assert_eq!(made.c1, bytes(C1));
    assert_eq!(made.c2, hex(C2));
    assert_eq!(made.c3, bytes(C3));
    let key = PrivateKey::from_scalar(&bytes(D)).unwrap();
    let plaintext = key.decrypt(&made.c1, &made.c3, &made.c2).unwrap();
    assert_eq!(&plaintext[..], b"encryption standard");
}

#[test]
fn the_standards_key_exchange_agrees_on_its_key() {
    // GB/T 32918.5-2017, annex B; the ID of both sides is 1234567812345678.
    let a = PrivateKey::from_scalar(&bytes(
        "81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029",
    ))
    .unwrap();
    let b = PrivateKey::from_scalar(&bytes(
        "785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5",
    ))
    .unwrap();
    let ra = PrivateKey::from_scalar(&bytes(
        "D4DE15474DB74D06491C440D305E012400990F3E390C7E87153C12DB2EA60BB3",
    ))
    .unwrap();
    let rb = PrivateKey::from_scalar(&bytes(
        "7E07124814B309489125EAED101113164EBF0F3458C5BD88335C1F9D596243D6",
    ))
    .unwrap();
    let u = a.exchange(&ra, &b.point(), &rb.point()).unwrap();
    let v = b.exchange(&rb, &a.point(), &ra.point()).unwrap();
    assert_eq!(*u, *v);
    let mut input = u.to_vec();
    input.extend(identity(&a.point()));
    input.extend(identity(&b.point()));
    input.extend([0, 0, 0, 1]);
    let key = digest(&input);
    assert_eq!(key[..16], hex("6C893473 54DE2484 C60B4AB1 FDE4C6E5"));
}

/// SM3 through the only door there is: e = SM3(z ‖ message).
fn digest(data: &[u8]) -> [u8; 32] {
    let (head, rest) = data.split_first_chunk::<32>().unwrap();
    message_digest(head, rest)
}

/// Z of a point under the default ID (GB/T 32918.2-2016, 5.5).
fn identity(point: &[u8; 65]) -> [u8; 32] {
    let mut input = vec![0, 128];
    input.extend(b"1234567812345678");
    input.extend(hex(
        "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC",
    ));
    input.extend(hex(
        "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93",
    ));
    input.extend(hex(
        "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7",
    ));
    input.extend(hex(
        "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0",
    ));
    input.extend(&point[1..]);
    digest(&input)
}

// OpenSSL 3.0.20, test/recipes/30-test_evp_data/evppkey_sm2.txt (Apache 2.0), SM2_key1.
const OPENSSL_D: &str = "D09156733017BDAD809FD9BBD8C693F60230593169B6F94AAF1C8EE138CC99B5";

#[test]
fn signatures_of_openssl_verify() {
    let key = PrivateKey::from_scalar(&bytes(OPENSSL_D)).unwrap();
    let public = PublicKey::from_point(&key.point()).unwrap();
    let cases = [
        (
            "D7AD397F6FFA5D4F7F11E7217F241607DC30618C236D2C09C1B9EA8FDADEE2E8",
            "AB1DB64DE7C40EDBDE6651C9B8EBDB804673DB836E5D5C7FE15DCF9ED2725037EBA714451FF69B0BB930
             B379E192E7CD5FA6E3C41C7FBD8303B799AB54A54621",
        ),
        (
            "B1139602C6ECC9E15E2F3F9C635A1AFE737058BC15387479C1EA0D0B3D90E9E5",
            "E6E0414EBD3A656C35602AF14AB20287DBF30D57AF75C49A188ED4B42391F2242F54F277C606F4605E1C
             E9514947FFDDF94C67A539804A4ED17F852288BDBE2E",
        ),
    ];
    for (e, signature) in cases {
        assert!(public.verify(&bytes(e), &bytes::<64>(signature)));
    }
}

#[test]
fn ciphertexts_of_openssl_open() {
    let key = PrivateKey::from_scalar(&bytes(OPENSSL_D)).unwrap();
    // x, y, C3, C2 and the plaintext; the second has a y of 31 bytes.
    let cases: [(&str, &str, &str, &str, &[u8]); 3] = [
        (
            "466BE2EF5C11782EC77864A0055417F407A5AFC11D653C6BCE69E417BB1D05B6",
            "62B572E21FF0DDF5C726BD3F9FF2EAE56E6294713A607E9B9525628965F62CC8",
            "3C1B5713B5DB2728EB7BF775E44F4689FC32668BDC564F52EA45B09E8DF2A5F4",
            "084A9D0CC2997092B7D3C404FCE95956EB604D732B2307A8E5B8900ED6608CA5B197",
            b"The floofy bunnies hop at midnight",
        ),
        (
            "70DAD60CDA7C30D64CF4F278A849003581223F5324BFEC9BB329229BFFAD21A6",
            "0018AFAB2B35459D2643243B242BE4EA80C6FA5071D2D847340CC57EB9309E5D",
            "0B772E4DB664B2601E3B85E39C4AA8C2C1910308BE13B331E009C5A9258C29FD",
            "6D588BE9260A94DA18E0E6",
            b"Hello World",
        ),
        (
            "CD49634BBCB21CAFFFA6D33669A5A867231CB2A942A14352EF4CAF6DC3344D54",
            "C35B41D4DEBB3A2735EFEE821B9EBA566BD86900176A0C06672E30EE5CC04E93",
            "C4190A3D80D86C4BD20E99F7E4B59BF6427C6808793533EEA9591D1188EC56B5",
            "747295470E81D951BED279AC1B86A1AFE388CD2833FA9632799EC199C7D364E5663D5A94888BB2358CF
             CBF6283184DE0CBC41CCEA91D24746E99D231A1DA77AFD83CDF908190ED628B7369724494568A27C782A1D
             1D7294BCAD80C34569ED22859896301128A8118F48924D8CCD43E998D9533",
            b"Some longer plaintext for testing SM2 decryption. Blah blah blah blah blah blah blah \
              blah blah blah blah blah blah.",
        ),
    ];
    for (x, y, c3, c2, plaintext) in cases {
        let c1 = hex(&format!("04{x}{y}"));
        assert_eq!(
            &key.decrypt(&c1, &hex(c3), &hex(c2)).unwrap()[..],
            plaintext
        );
    }
}
