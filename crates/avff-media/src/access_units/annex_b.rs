//! NAL units after start codes (ITU-T H.264 Annex B).

/// Iterates over NAL units that follow start codes. What precedes the first start code is no unit.
#[derive(Debug, Clone)]
pub(crate) struct AnnexB<'a> {
    /// The bytes after a start code; `None` after the last unit.
    rest: Option<&'a [u8]>,
}

impl<'a> AnnexB<'a> {
    /// Starts at the first start code.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: split(bytes).1 }
    }

    /// Returns whether bytes begin with a long start code. A short one could be the length of a unit.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(&[0, 0, 0, 1])
    }
}

impl<'a> Iterator for AnnexB<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (nal, rest) = split(self.rest?);
        self.rest = rest;
        Some(nal)
    }
}

/// Splits bytes at the next start code. The zeros before it belong to no unit.
fn split(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    // A start code ends with a 1 after two zeros.
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 1))
    {
        let one = at + step;
        if bytes.get(..one).is_some_and(|before| before.ends_with(&[0, 0])) {
            let nal = bytes.get(..one - 2).unwrap_or_default();
            return (trimmed(nal), bytes.get(one + 1..));
        }
        at = one + 1;
    }
    (trimmed(bytes), None)
}

fn trimmed(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    nal.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_split_at_start_codes() {
        let split = |bytes| AnnexB::new(bytes).collect::<Vec<_>>();
        let bytes = [9, 0, 0, 1, 0x67, 1, 0, 1, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 0];
        assert_eq!(split(&bytes), [&[0x67, 1, 0, 1][..], &[0x68], &[0x65]]);
        assert_eq!(split(&[0, 0, 1]), [&[0_u8; 0][..]]);
        assert!(split(&[1, 0, 0]).is_empty() && split(&[]).is_empty());
    }
}
