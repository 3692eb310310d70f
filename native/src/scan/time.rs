//! The one text form of a time: `2026-11-23T13:16:12.000000Z`.

const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const EPOCH_DAYS: i64 = 719_162;

/// Microseconds since 1970 of exactly that form, in the years 1 to 9999; None for any other text.
pub fn microseconds(text: &[u8]) -> Option<i64> {
    let text: &[u8; 27] = text.try_into().ok()?;
    for (at, mark) in [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (26, b'Z'),
    ] {
        if text[at] != mark {
            return None;
        }
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_i64, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let micros = number(20, 26)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if year < 1 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let index = usize::try_from(month - 1).ok()?;
    let longest = DAYS_IN[index] + i64::from(leap && month == 2);
    if !(1..=longest).contains(&day) {
        return None;
    }
    let before = year - 1;
    let days = before * 365 + before / 4 - before / 100
        + before / 400
        + DAYS_BEFORE[index]
        + i64::from(leap && month > 2)
        + day
        - 1
        - EPOCH_DAYS;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::microseconds;

    #[test]
    fn only_the_one_form_of_a_day_that_exists_is_a_time() {
        assert_eq!(microseconds(b"1970-01-01T00:00:00.000000Z"), Some(0));
        assert_eq!(
            microseconds(b"2026-11-23T13:16:12.000001Z"),
            Some(1_795_439_772_000_001)
        );
        for wrong in [
            &b"2026-02-29T00:00:00.000000Z"[..],
            b"0000-01-01T00:00:00.000000Z",
            b"2026-11-23 13:16:12.000000Z",
            b"2026-11-23T24:00:00.000000Z",
            b"2026-11-23T13:16:12.00000aZ",
            b"",
        ] {
            assert_eq!(microseconds(wrong), None);
        }
    }
}
