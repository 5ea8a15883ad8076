//! Base64 of RFC 4648. Invariant: `encode` writes the standard alphabet with padding; `decode` also
//! takes the URL-safe alphabet and absent padding, as protobuf's JSON mapping asks.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` to `out`.
pub(crate) fn encode(bytes: &[u8], out: &mut String) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        for (to, from) in padded.iter_mut().skip(1).zip(group) {
            *to = *from;
        }
        let bits = u32::from_le_bytes(padded).swap_bytes();
        for place in 0..4 {
            let sextet = u8::try_from(bits >> (18 - 6 * place) & 0x3f).unwrap_or(0);
            let letter = ALPHABET.get(usize::from(sextet)).filter(|_| place <= group.len());
            out.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
}

/// The bytes that `text` spells; `None` where it is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let padding = text.len() - digits.len();
    if padding > 2 || digits.len() % 4 == 1 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            bits = bits << 6 | group.get(place).map_or(Some(0), |digit| sextet(*digit))?;
        }
        let [_, decoded @ ..] = bits.swap_bytes().to_le_bytes();
        bytes.extend(decoded.get(..group.len() - 1)?);
    }
    Some(bytes)
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold_both_ways_and_unpadded() {
        let examples =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in examples {
            let mut out = String::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, coded);
            assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
            assert_eq!(decode(coded.trim_end_matches('=')).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(decode("-_8"), decode("+/8="));
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        for wrong in ["Z", "Zg=", "Zg===", "Z g=", "Zm9v=", "====", "Zm9vY"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut out = String::new();
        encode(&bytes, &mut out);
        assert_eq!(decode(&out), Some(bytes));
    }
}
