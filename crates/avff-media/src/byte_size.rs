//! A number of bytes as a user writes it.

use std::{fmt, str::FromStr};

/// A number of bytes. It is written as `512M` or `1.5G`: a number with K, M, G or T for powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give a size such as 512M or 4G")]
pub struct InvalidSize;

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end).ok_or(InvalidSize)?;
        let factor = match unit.to_ascii_uppercase().as_str() {
            "" | "B" => 0,
            "K" | "KB" | "KIB" => 10,
            "M" | "MB" | "MIB" => 20,
            "G" | "GB" | "GIB" => 30,
            "T" | "TB" | "TIB" => 40,
            _ => return Err(InvalidSize),
        };
        let number: f64 = number.parse().map_err(|_| InvalidSize)?;
        let bytes = number * 2_f64.powi(factor);
        // `as` saturates.
        if bytes >= 1.0 { Ok(Self(bytes as u64)) } else { Err(InvalidSize) }
    }
}

impl fmt::Display for ByteSize {
    /// Writes MiB, rounded up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("1", 1),
            ("512M", 512 << 20),
            ("1.5g", 3 << 29),
            ("2 ", 2),
            ("4GiB", 4 << 30),
            ("4GB", 4 << 30),
            ("64K", 65_536),
            ("1T", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "G", "-1G", "0", "0.1", "1.2.3", "4 Q", "nan", "inf", "1e3"] {
            assert_eq!(text.parse::<ByteSize>(), Err(InvalidSize), "{text}");
        }
        assert_eq!(ByteSize(1).to_string(), "1 MiB");
        assert_eq!(ByteSize(4 << 30).to_string(), "4096 MiB");
    }
}
