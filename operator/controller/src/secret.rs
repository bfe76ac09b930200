//! A value that must not be printed, and the minting of such values. Randomness is an argument.

use sha_crypt::{Algorithm, Params, PasswordHasher, ShaCrypt};
use sha2::{Digest, Sha256};
use std::fmt;

/// Holds a secret; neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps.
    pub fn new(value: T) -> Self {
        Self(value)
    }
    /// The one way to the value; every call is a place to look at.
    pub fn expose(&self) -> &T {
        &self.0
    }
}
impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where random bytes come from: the operating system in production, a fixed sequence in tests.
pub type Randomness<'a> = &'a (dyn Fn(&mut [u8]) + Send + Sync);

/// The operating system's random numbers.
pub fn os(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("Linux gives random numbers once it has booted");
}

/// 256 bits as 64 hex digits: safe in URLs, headers and shell words.
pub fn token(randomness: Randomness<'_>) -> Secret<String> {
    let mut bytes = [0; 32];
    randomness(&mut bytes);
    Secret::new(hex(&bytes))
}

/// SHA-256 in lower-case hex, the form in which ZeroClaw takes `gateway.paired_tokens`.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// A `$5$` line (SHA-256-crypt), the strongest form Squid's `basic_ncsa_auth` reads. The passwords are 256 random bits, so the
/// lowest round count that crypt allows gives an attacker nothing and spares Squid, which checks in its one auth helper, time.
pub fn sha256_crypt(password: &Secret<String>, randomness: Randomness<'_>) -> String {
    let mut salt = [0; 12];
    randomness(&mut salt);
    ShaCrypt::new(Algorithm::Sha256Crypt, Params::new(Params::ROUNDS_MIN).expect("the minimum is allowed"))
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .expect("twelve bytes are a salt, and a password may be any bytes")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha_crypt::PasswordVerifier;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }

    #[test]
    fn hash_verifies_and_is_a_htpasswd_line() {
        let password = token(&os);
        let hash = sha256_crypt(&password, &os);
        assert!(hash.starts_with("$5$rounds=1000$"), "{hash}");
        let parsed = sha_crypt::PasswordHash::new(&hash).expect("own output parses");
        assert!(ShaCrypt::SHA256.verify_password(password.expose().as_bytes(), &parsed).is_ok());
        assert!(ShaCrypt::SHA256.verify_password(b"another", &parsed).is_err());
    }
}
