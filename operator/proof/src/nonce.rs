//! Nonces of the line protocol: 128 random bits as 32 lower-case hex digits. Pure; who calls brings the randomness.

/// Length of a nonce in bytes of text.
pub const TEXT_BYTES: usize = 32;

/// The text of sixteen random bytes.
pub fn text(random: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(random))
}

/// The number behind a well-formed nonce; `None` for anything else (upper case and signs included).
pub fn number(text: &[u8]) -> Option<u128> {
    if text.len() != TEXT_BYTES || !text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    std::str::from_utf8(text).ok().and_then(|t| u128::from_str_radix(t, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_fit() {
        let mut random = [0u8; 16];
        random[15] = 0xab;
        assert_eq!(text(random), "000000000000000000000000000000ab");
        assert_eq!(number(text(random).as_bytes()), Some(0xab));
    }

    #[test]
    fn anything_else_is_no_nonce() {
        for bad in [
            "",
            "ab",
            "+00000000000000000000000000000ab",
            "000000000000000000000000000000AB",
            "000000000000000000000000000000abc",
        ] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}
