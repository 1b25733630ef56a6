//! Names of objects: at most 31 bytes and a NUL (`ZX_MAX_NAME_LEN`).

/// A name, padded with NULs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name([u8; 32]);

impl Name {
    /// No name.
    pub(crate) const EMPTY: Self = Self([0; 32]);
    /// The most bytes that a name has.
    pub(crate) const MOST: usize = 31;

    /// The beginning of a text.
    pub(crate) fn from_str(text: &str) -> Self {
        let mut name = Self::default();
        for (to, from) in name.0.iter_mut().zip(text.bytes().take(Self::MOST)) {
            *to = from;
        }
        name.cut_at_nul();
        name
    }

    /// Where a new name is read into; [`Name::cut_at_nul`] comes next.
    pub(crate) const fn buffer(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }

    /// Ends the name at its first NUL, or at its last byte.
    pub(crate) fn cut_at_nul(&mut self) {
        let mut is_over = false;
        for (index, byte) in self.0.iter_mut().enumerate() {
            is_over |= *byte == 0 || index == Self::MOST;
            if is_over {
                *byte = 0;
            }
        }
    }

    /// All 32 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text without its padding, as far as it is UTF-8.
    pub(crate) fn as_str(&self) -> &str {
        let len = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(Self::MOST);
        let bytes = self.0.get(..len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or("?")
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_31_bytes_and_at_nul() {
        let long = Name::from_str("0123456789012345678901234567890123456789");
        assert_eq!(long.as_str(), "0123456789012345678901234567890");
        let mut name = Name::default();
        *name.buffer() = [b'x'; 32];
        name.buffer()[2] = 0;
        name.cut_at_nul();
        assert_eq!(name, Name::from_str("xx"));
        assert_eq!(name.as_bytes()[31], 0);
    }
}
