//! Rows of a trace's columns as values.

use crate::trace::{Columns, NONE};
use alloy_primitives::{Address, B256, U256};
use std::ops::Range;

/// Typed reads of columns that the recorder wrote.
#[derive(Clone, Copy)]
pub struct View<'a>(pub &'a Columns);

/// Rows of one transaction: frames, accesses, logs, self-destructs, mapping entries known by then.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub frames: Range<u32>,
    pub accesses: Range<u32>,
    pub logs: Range<u32>,
    pub selfdestructs: Range<u32>,
}

fn u32_at(column: &[u8], row: u32) -> u32 {
    let at = row as usize * 4;
    u32::from_le_bytes(column[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(column: &[u8], row: u32) -> u64 {
    let at = row as usize * 8;
    u64::from_le_bytes(column[at..at + 8].try_into().expect("eight bytes"))
}

fn address_at(column: &[u8], row: u32) -> Address {
    Address::from_slice(&column[row as usize * 20..][..20])
}

fn word_at(column: &[u8], row: u32) -> U256 {
    U256::from_be_slice(&column[row as usize * 32..][..32])
}

fn hash_at(column: &[u8], row: u32) -> B256 {
    B256::from_slice(&column[row as usize * 32..][..32])
}

impl<'a> View<'a> {
    pub fn frame_count(&self) -> u32 {
        self.0.frame_kind.len() as u32
    }

    /// For each of these frames, whether what it did was undone: it failed, or one above it among them did.
    pub fn undone(&self, frames: Range<u32>) -> Vec<bool> {
        let first = frames.start;
        let mut undone: Vec<bool> = Vec::with_capacity(frames.len());
        // A parent is always entered before its children, so one pass in row order settles all.
        for row in frames {
            let above = self.parent(row).and_then(|parent| parent.checked_sub(first));
            let gone = above.and_then(|at| undone.get(at as usize)).is_some_and(|gone| *gone);
            undone.push(gone || !self.succeeded(row));
        }
        undone
    }

    pub fn transaction(&self, frame: u32) -> Option<u32> {
        Some(u32_at(&self.0.frame_transaction, frame)).filter(|index| *index != NONE)
    }

    pub fn parent(&self, frame: u32) -> Option<u32> {
        Some(u32_at(&self.0.frame_parent, frame)).filter(|row| *row != NONE)
    }

    pub fn depth(&self, frame: u32) -> u32 {
        u32_at(&self.0.frame_depth, frame)
    }

    pub fn frame_order(&self, frame: u32) -> u32 {
        u32_at(&self.0.frame_order, frame)
    }

    pub fn kind(&self, frame: u32) -> u8 {
        self.0.frame_kind[frame as usize]
    }

    pub fn status(&self, frame: u32) -> u8 {
        self.0.frame_status[frame as usize]
    }

    pub fn succeeded(&self, frame: u32) -> bool {
        (1..=3).contains(&self.status(frame))
    }

    pub fn ran(&self, frame: u32) -> bool {
        self.0.frame_ran[frame as usize] != 0
    }

    pub fn caller(&self, frame: u32) -> Address {
        address_at(&self.0.frame_caller, frame)
    }

    pub fn target(&self, frame: u32) -> Address {
        address_at(&self.0.frame_target, frame)
    }

    pub fn code(&self, frame: u32) -> Address {
        address_at(&self.0.frame_code, frame)
    }

    pub fn value(&self, frame: u32) -> U256 {
        word_at(&self.0.frame_value, frame)
    }

    pub fn gas_limit(&self, frame: u32) -> u64 {
        u64_at(&self.0.frame_gas_limit, frame)
    }

    pub fn gas_used(&self, frame: u32) -> u64 {
        u64_at(&self.0.frame_gas_used, frame)
    }

    pub fn input_length(&self, frame: u32) -> u32 {
        u32_at(&self.0.frame_input_length, frame)
    }

    pub fn input(&self, frame: u32) -> &'a [u8] {
        let at = u32_at(&self.0.frame_input_at, frame) as usize;
        &self.0.data[at..at + u32_at(&self.0.frame_input_kept, frame) as usize]
    }

    pub fn output(&self, frame: u32) -> &'a [u8] {
        let at = u32_at(&self.0.frame_output_at, frame) as usize;
        &self.0.data[at..at + u32_at(&self.0.frame_output_kept, frame) as usize]
    }

    pub fn output_length(&self, frame: u32) -> u32 {
        u32_at(&self.0.frame_output_length, frame)
    }

    pub fn access_frame(&self, row: u32) -> u32 {
        u32_at(&self.0.access_frame, row)
    }

    pub fn access_order(&self, row: u32) -> u32 {
        u32_at(&self.0.access_order, row)
    }

    pub fn access_kind(&self, row: u32) -> u8 {
        self.0.access_write[row as usize]
    }

    pub fn access_pc(&self, row: u32) -> Option<u32> {
        Some(u32_at(&self.0.access_pc, row)).filter(|pc| *pc != NONE)
    }

    pub fn access_slot(&self, row: u32) -> B256 {
        hash_at(&self.0.access_slot, row)
    }

    pub fn access_value(&self, row: u32) -> U256 {
        word_at(&self.0.access_value, row)
    }

    pub fn access_before(&self, row: u32) -> U256 {
        word_at(&self.0.access_before, row)
    }

    pub fn hashes(&self) -> impl Iterator<Item = (B256, B256, B256)> + 'a {
        let columns = self.0;
        (0..columns.hash_result.len() as u32 / 32).map(move |row| {
            (hash_at(&columns.hash_result, row), hash_at(&columns.hash_key, row), hash_at(&columns.hash_base, row))
        })
    }

    pub fn log_frame(&self, row: u32) -> u32 {
        u32_at(&self.0.log_frame, row)
    }

    pub fn log_order(&self, row: u32) -> u32 {
        u32_at(&self.0.log_order, row)
    }

    pub fn log_address(&self, row: u32) -> Address {
        address_at(&self.0.log_address, row)
    }

    pub fn log_topic_count(&self, row: u32) -> u8 {
        self.0.log_topic_count[row as usize]
    }

    /// A topic by its place in the column of all topics.
    pub fn topic(&self, at: usize) -> B256 {
        hash_at(&self.0.log_topics, at as u32)
    }

    pub fn log_data(&self, row: u32) -> &'a [u8] {
        let at = u32_at(&self.0.log_data_at, row) as usize;
        &self.0.data[at..at + u32_at(&self.0.log_data_kept, row) as usize]
    }

    pub fn selfdestruct_frame(&self, row: u32) -> u32 {
        u32_at(&self.0.selfdestruct_frame, row)
    }

    pub fn selfdestruct_order(&self, row: u32) -> u32 {
        u32_at(&self.0.selfdestruct_order, row)
    }

    pub fn selfdestruct_beneficiary(&self, row: u32) -> Address {
        address_at(&self.0.selfdestruct_beneficiary, row)
    }

    pub fn selfdestruct_value(&self, row: u32) -> U256 {
        word_at(&self.0.selfdestruct_value, row)
    }
}
