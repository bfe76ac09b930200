//! A value that must not be shown. Reads one file.

use std::{fmt, path::Path};
use subtle::ConstantTimeEq;

/// A secret; its Debug form does not hold it.
pub struct Secret<T>(T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret<Vec<u8>> {
    /// The first line of a file. An empty one is an error, so that an empty answer never fits.
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        bytes.truncate(bytes.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len()));
        if bytes.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(Self(bytes)) }
    }

    /// Whether `offered` is the secret, in time that tells only about the length.
    pub fn is(&self, offered: &[u8]) -> bool {
        self.0.ct_eq(offered).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_fits_and_it_does_not_show() {
        let secret = Secret(b"abc".to_vec());
        assert!(secret.is(b"abc"));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!secret.is(other));
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn a_file_is_read_to_its_first_line_end_and_an_empty_one_is_refused() {
        let path = std::env::temp_dir().join(format!("guard-secret-{}", std::process::id()));
        std::fs::write(&path, "abc\n").unwrap();
        assert!(Secret::read(&path).unwrap().is(b"abc"));
        std::fs::write(&path, "\n").unwrap();
        assert!(Secret::read(&path).unwrap_err().contains("empty"));
        std::fs::remove_file(&path).unwrap();
        assert!(Secret::read(&path).is_err());
    }
}
