//! The certificate that Squid's parser asks of every port that looks at a ClientHello. It is never shown to anyone; a fresh one is made
//! at every start and its key stays in the pod's own directory. Writes one file.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Name of the file in the run directory.
pub const FILE: &str = "dummy.pem";

/// Makes key and certificate and writes both into one file that only this user reads.
pub fn write(run_dir: &Path) -> io::Result<()> {
    let certified = rcgen::generate_simple_self_signed(vec!["egress.invalid".to_owned()]).map_err(io::Error::other)?;
    let pem = format!("{}{}", certified.cert.pem(), certified.signing_key.serialize_pem());
    let path = run_dir.join(FILE);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{} cannot be written: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(named)?;
    file.write_all(pem.as_bytes()).map_err(named)
}
