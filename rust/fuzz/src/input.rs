//! An input read piece by piece; where it ends, zeros and nothing follow, so that every input is one.

use alloy_primitives::{Address, B256};

pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, size: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(size.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let taken = self.take(N);
        out[..taken.len()].copy_from_slice(taken);
        out
    }

    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub fn word(&mut self) -> B256 {
        self.array().into()
    }

    pub fn address(&mut self) -> Address {
        self.array().into()
    }

    /// As many bytes as the next four say.
    pub fn bytes(&mut self) -> &'a [u8] {
        let size = self.u32() as usize;
        self.take(size)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
