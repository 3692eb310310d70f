//! Numbers of values and rules, compared exactly, as Python does.

use std::cmp::Ordering;

/// Digits of a text that counts as a number: any 64-bit integer has no more.
const DIGITS_MAX: usize = 20;
/// Floats from here on have no fraction and lie beyond every number of twenty digits.
const BEYOND: f64 = 1e30;

/// The number a rule compares with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i128),
    Float(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    /// Whether `value` stands in this relation to `wanted`.
    pub fn holds(self, value: i128, wanted: Number) -> bool {
        let order = match wanted {
            Number::Int(wanted) => value.cmp(&wanted),
            Number::Float(wanted) => match order_to_float(value, wanted) {
                Some(order) => order,
                // Nothing is equal to, below or above what is not a number.
                None => return false,
            },
        };
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

fn order_to_float(value: i128, wanted: f64) -> Option<Ordering> {
    if wanted.is_nan() {
        return None;
    }
    if wanted.abs() >= BEYOND {
        return Some(if wanted > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let whole = wanted.trunc();
    // Exact: below the bound every whole float is an integer of 128 bits.
    let order = value.cmp(&(whole as i128));
    let fraction = wanted - whole;
    Some(order.then(if fraction > 0.0 {
        Ordering::Less
    } else if fraction < 0.0 {
        Ordering::Greater
    } else {
        Ordering::Equal
    }))
}

/// The number a text writes: `-?[0-9]{1,20}` and nothing else.
pub fn number_of(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut number = 0_i128;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i128::from(byte - b'0');
    }
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_up_to_twenty_digits_are_numbers() {
        assert_eq!(number_of("-7"), Some(-7));
        assert_eq!(number_of("007"), Some(7));
        assert_eq!(
            number_of("99999999999999999999"),
            Some(99_999_999_999_999_999_999)
        );
        for text in ["", "-", "+1", "1.0", " 1", "٣", "100000000000000000000"] {
            assert_eq!(number_of(text), None, "{text}");
        }
    }

    #[test]
    fn an_integer_and_a_float_compare_exactly() {
        let large = (1_i128 << 53) + 1;
        assert!(!Compare::Equal.holds(large, Number::Float((1_u64 << 53) as f64)));
        assert!(Compare::Greater.holds(large, Number::Float((1_u64 << 53) as f64)));
        assert!(Compare::Less.holds(3, Number::Float(3.5)));
        assert!(Compare::Greater.holds(-3, Number::Float(-3.5)));
        assert!(Compare::Equal.holds(-3, Number::Float(-3.0)));
        assert!(Compare::Less.holds(3, Number::Float(f64::INFINITY)));
        assert!(Compare::Greater.holds(3, Number::Float(f64::NEG_INFINITY)));
        for compare in [
            Compare::Equal,
            Compare::LessOrEqual,
            Compare::GreaterOrEqual,
        ] {
            assert!(!compare.holds(3, Number::Float(f64::NAN)));
        }
    }
}
