//! Files as streams of plain bytes. Invariant: what is packed is known by its first bytes, so a name
//! may lie about it; the format is known by the name, or by `--format`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::args::Format;
use crate::failure::Failure;

/// Bytes of each read.
const BUFFER_BYTES: usize = 256 << 10;

/// First bytes of gzip, RFC 1952 section 2.3.1.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// First bytes of a zstd frame, RFC 8878 section 3.1.1.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// True for the name that means stdin.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The format of the file at `path`: what was asked for, else what its name says.
pub(super) fn format(path: &Path, asked: Option<Format>) -> Result<Format, Failure> {
    if let Some(format) = asked {
        return Ok(format);
    }
    if is_stdin(path) {
        return Err(Failure::Usage("stdin needs --format json or --format pb".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json" | "jsonl") => Ok(Format::Json),
        Some("pb") => Ok(Format::Pb),
        _ => Err(Failure::Usage(format!(
            "cannot tell the format of {} by its name: expected .json, .jsonl or .pb, then perhaps \
             .gz or .zst; or give --format",
            path.display()
        ))),
    }
}

/// The plain bytes of the file at `path`; `bar` follows the packed ones.
pub(super) fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> =
        if is_stdin(path) { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    unpack(BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(raw)))
}

fn unpack(mut raw: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    let first = raw.fill_buf()?;
    if first.starts_with(GZIP) {
        let plain = MultiGzDecoder::new(raw);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
    }
    if first.starts_with(ZSTD) {
        let plain = zstd::Decoder::with_buffer(raw)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
    }
    Ok(Box::new(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        let format_of = |name: &str| format(Path::new(name), None).ok();
        assert_eq!(format_of("a/b.json"), Some(Format::Json));
        assert_eq!(format_of("b.otlp.JSONL.gz"), Some(Format::Json));
        assert_eq!(format_of("b.pb.zst"), Some(Format::Pb));
        assert_eq!(format_of("b.pb.bz2"), None);
        assert_eq!(format_of("b"), None);
        assert_eq!(format_of("-"), None);
        assert_eq!(format(Path::new("-"), Some(Format::Pb)).ok(), Some(Format::Pb));
    }
}
