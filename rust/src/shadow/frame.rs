//! What is known of one call's stack, memory, call data and return data.

use super::taint::{Word, guard};
use alloy_primitives::Address;
use std::ops::Range;

/// Longest memory, call data or return data that is followed, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A call that a frame is about to make.
#[derive(Debug)]
pub struct Leaving {
    /// Its place in the list of calls, from 1.
    pub call: u32,
    pub data: Vec<Word>,
    /// Where the caller wants what it returns.
    pub wanted: Range<usize>,
    pub delegated: bool,
    pub asks: bool,
    pub creates: bool,
    pub to: Address,
}

#[derive(Debug)]
pub struct Frame {
    pub row: u32,
    pub address: Address,
    pub stack: Vec<Word>,
    pub memory: Vec<Word>,
    pub calldata: Vec<Word>,
    pub returned: Vec<Word>,
    pub output: Vec<Word>,
    pub guards: u32,
    /// How a frame above had looked at who called it, with `guard::ABOVE`.
    pub above: u32,
    pub leaving: Option<Leaving>,
    /// The last call that returned, from 1.
    pub last_call: u32,
}

impl Frame {
    pub fn new(row: u32, address: Address, calldata: Vec<Word>) -> Self {
        let (stack, memory, returned, output) = Default::default();
        Self {
            row,
            address,
            stack,
            memory,
            calldata,
            returned,
            output,
            guards: 0,
            above: 0,
            leaving: None,
            last_call: 0,
        }
    }

    /// What had been looked at by now: here, or where nobody asked who calls, above.
    pub fn guarded(&self) -> u32 {
        if self.guards & guard::WHO != 0 { self.guards } else { self.guards | self.above }
    }

    /// What is known of the word `depth` below the top.
    pub fn peek(&self, depth: usize) -> Word {
        self.stack.len().checked_sub(depth + 1).map_or(Word::default(), |at| self.stack[at])
    }

    pub fn pop(&mut self) -> Word {
        self.stack.pop().unwrap_or_default()
    }

    pub fn drop(&mut self, count: usize) {
        let left = self.stack.len().saturating_sub(count);
        self.stack.truncate(left);
    }

    pub fn push(&mut self, word: Word) {
        self.stack.push(word);
    }

    /// What is known of a range of memory, all together.
    pub fn memory_of(&self, range: Range<usize>) -> Word {
        union(slice(&self.memory, range))
    }

    /// Sets a range of memory. False where it is longer than is followed.
    pub fn write(&mut self, at: usize, words: impl ExactSizeIterator<Item = Word>) -> bool {
        let Some(end) = at.checked_add(words.len()).filter(|end| *end <= MAX_BYTES) else { return false };
        if words.len() == 0 {
            return true;
        }
        if self.memory.len() < end {
            self.memory.resize(end, Word::default());
        }
        for (place, word) in self.memory[at..end].iter_mut().zip(words) {
            *place = word;
        }
        true
    }

    /// Sets a range of memory from a range of something else; what lies beyond its end is zero.
    pub fn copy(&mut self, at: usize, from: &[Word], range: Range<usize>) -> bool {
        if range.len() > MAX_BYTES {
            return false;
        }
        let words: Vec<Word> = range.map(|place| from.get(place).copied().unwrap_or_default()).collect();
        self.write(at, words.into_iter())
    }

    /// A range of memory, as far as it is followed; what was never written is zero.
    pub fn copied(&self, range: Range<usize>) -> Vec<Word> {
        let length = range.len().min(MAX_BYTES);
        let mut words = slice(&self.memory, range).to_vec();
        words.resize(length, Word::default());
        words
    }
}

/// The part of a range that there is something of.
pub fn slice(words: &[Word], range: Range<usize>) -> &[Word] {
    let end = range.end.min(words.len());
    words.get(range.start.min(end)..end).unwrap_or_default()
}

pub fn union(words: &[Word]) -> Word {
    words.iter().fold(Word::default(), |all, word| all.with(*word))
}
