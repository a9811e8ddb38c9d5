//! What the first pass notices in one transaction: flags that say which checks have anything to look at, and what moved.

use super::{
    flow::{Flows, Lie, Transfer},
    pick, privilege,
    reentry::{self, Reentry},
    view::{Rows, View},
};
use crate::trace::{Columns, access, kind};
use alloy_primitives::{
    Address, B256, U256, keccak256,
    map::{HashMap, HashSet},
};
use std::{ops::Range, sync::LazyLock};

/// Bits of `Facts::flags`; the same as `rollproof.detect.shows.Trigger`.
pub mod flag {
    pub const CALLS: u32 = 1 << 0;
    pub const REENTERED: u32 = 1 << 1;
    pub const ETHER: u32 = 1 << 2;
    pub const TOKENS: u32 = 1 << 3;
    pub const TWO_TOKENS: u32 = 1 << 4;
    pub const WRITES: u32 = 1 << 5;
    pub const CREATES: u32 = 1 << 6;
    pub const DELEGATES: u32 = 1 << 7;
    pub const FAILED_CALL: u32 = 1 << 8;
    pub const OUT_OF_GAS: u32 = 1 << 9;
    pub const SELFDESTRUCTS: u32 = 1 << 10;
    pub const PRIVILEGED: u32 = 1 << 11;
    pub const APPROVES: u32 = 1 << 12;
    pub const PULLS: u32 = 1 << 13;
    pub const LOOPS: u32 = 1 << 14;
    pub const LARGE_RETURN: u32 = 1 << 15;
    pub const RECOVERS: u32 = 1 << 16;
    pub const LARGE_VALUE: u32 = 1 << 17;
    pub const LENDS: u32 = 1 << 18;
    pub const FAILED: u32 = 1 << 19;
    pub const FORWARDS: u32 = 1 << 20;
    pub const LIES: u32 = 1 << 21;
    pub const STEPS: u32 = 1 << 22;
    pub const WRAPS: u32 = 1 << 23;
    pub const GAS_PRICE: u32 = 1 << 24;
    pub const ORIGIN: u32 = 1 << 25;
    pub const RANDOMNESS: u32 = 1 << 26;
    pub const CLOCK: u32 = 1 << 27;
}

/// Different slots that one instruction touches.
const LOOP: usize = 64;
const LARGE_RETURN: u32 = 16 << 10;
/// Longest call data that is searched for the data of calls made from it.
const FORWARDED: usize = 16 << 10;
const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
static APPROVAL_EVENTS: LazyLock<[B256; 2]> = LazyLock::new(|| {
    [keccak256("Approval(address,address,uint256)"), keccak256("ApprovalForAll(address,address,bool)")]
});

/// What was noticed in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub index: u32,
    pub flags: u32,
    pub rows: Rows,
    pub transfers: Vec<Transfer>,
    pub lies: Vec<Lie>,
    pub reentries: Vec<Reentry>,
    pub created: Vec<Address>,
    /// The second pass is worth its price.
    pub pick: bool,
}

/// Which parts the trace's source has.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub logs: bool,
}

/// Mapping entries of a trace by their place.
pub fn entries(columns: &Columns) -> HashMap<B256, (B256, B256)> {
    View(columns).hashes().map(|(result, key, base)| (result, (key, base))).collect()
}

/// Facts of every transaction in a whole trace.
pub fn all(columns: &Columns, shown: Shown) -> Vec<Facts> {
    let view = View(columns);
    let hashes = entries(columns);
    let (mut found, mut topics_at) = (Vec::new(), 0);
    let counts = [
        view.frame_count(),
        columns.access_write.len() as u32,
        columns.log_topic_count.len() as u32,
        columns.selfdestruct_frame.len() as u32 / 4,
    ];
    let mut start = [0u32; 4];
    while start[0] < counts[0] {
        let transaction = view.transaction(start[0]);
        let mut end = start;
        end[0] = (start[0]..counts[0]).find(|row| view.transaction(*row) != transaction).unwrap_or(counts[0]);
        let last = end[0];
        let within = |frame: u32| frame < last;
        end[1] = (start[1]..counts[1]).find(|row| !within(view.access_frame(*row))).unwrap_or(counts[1]);
        end[2] = (start[2]..counts[2]).find(|row| !within(view.log_frame(*row))).unwrap_or(counts[2]);
        end[3] = (start[3]..counts[3]).find(|row| !within(view.selfdestruct_frame(*row))).unwrap_or(counts[3]);
        if let Some(index) = transaction {
            found.push(one(columns, index, rows(start, end), topics_at, &hashes, shown));
        }
        topics_at += (start[2]..end[2]).map(|row| view.log_topic_count(row) as usize).sum::<usize>();
        start = end;
    }
    found
}

/// The rows between two counts of the four tables.
pub fn rows(start: [u32; 4], end: [u32; 4]) -> Rows {
    Rows {
        frames: start[0]..end[0],
        accesses: start[1]..end[1],
        logs: start[2]..end[2],
        selfdestructs: start[3]..end[3],
    }
}

/// Facts of one transaction; its rows lie together. `topics_at` is where its logs' topics begin.
pub fn one(
    columns: &Columns,
    index: u32,
    rows: Rows,
    topics_at: usize,
    hashes: &HashMap<B256, (B256, B256)>,
    shown: Shown,
) -> Facts {
    let view = View(columns);
    let reverted = view.undone(rows.frames.clone());
    let (forwarded, created) = (Vec::new(), Vec::new());
    let mut look = Look { view, rows: &rows, reverted: &reverted, flags: 0, created, forwarded };
    look.frames();
    look.accesses();
    look.logs(topics_at);
    if rows.selfdestructs.clone().any(|row| look.live(view.selfdestruct_frame(row))) {
        look.set(flag::SELFDESTRUCTS);
    }
    if look.flags & flag::WRITES != 0 && privilege::changed(view, &rows, &look.created, |frame| look.live(frame)) {
        look.set(flag::PRIVILEGED);
    }
    let Look { mut flags, created, forwarded, .. } = look;
    let moves = flags & (flag::ETHER | flag::TOKENS | flag::WRITES | flag::SELFDESTRUCTS) != 0;
    let (mut transfers, mut lies) = (Vec::new(), Vec::new());
    if moves || !shown.logs {
        let logs = shown.logs;
        let flows = Flows { view, rows: &rows, reverted: &reverted, topics_at, hashes, logs };
        (transfers, lies) = flows.transfers();
    }
    flags &= !(flag::ETHER | flag::TOKENS);
    let mut kinds: HashSet<Option<Address>> = HashSet::default();
    for each in &transfers {
        flags |= if each.token.is_none() { flag::ETHER } else { flag::TOKENS };
        kinds.insert(each.token);
        if each.amount >> 128 != U256::ZERO && each.item.is_none() {
            flags |= flag::LARGE_VALUE;
        }
    }
    if kinds.len() > 1 {
        flags |= flag::TWO_TOKENS;
    }
    if lends(view, &rows, &transfers) {
        flags |= flag::LENDS;
    }
    if !lies.is_empty() {
        flags |= flag::LIES;
    }
    let reentries = if flags & flag::CALLS != 0 && !rows.accesses.is_empty() {
        reentry::reentries(view, &rows, &reverted)
    } else {
        Vec::new()
    };
    if !reentries.is_empty() {
        flags |= flag::REENTERED;
    }
    let flows = pick::Flowed { view, rows: &rows, created: &created, transfers: &transfers };
    let pick = flows.picked(flags, &forwarded);
    Facts { index, flags, rows, transfers, lies, reentries, created, pick }
}

/// Whether one of the first eight arguments is a small number below zero: what makes an addition overflow.
fn negative_argument(input: &[u8]) -> bool {
    let mut words = input.get(4..).unwrap_or_default().chunks_exact(32).take(8);
    words.any(|word| word[..16] == [0xff; 16] && word[16..] != [0xff; 16])
}

/// Whether an asset left an account and came back to it within one of the account's own frames.
fn lends(view: View<'_>, rows: &Rows, transfers: &[Transfer]) -> bool {
    let mut left: HashMap<(Address, Option<Address>), u32> = HashMap::default();
    for each in transfers {
        if let Some(order) = left.get(&(each.recipient, each.token)) {
            let (mut frame, mut steps) = (Some(each.frame), 0);
            while let Some(row) = frame.filter(|row| rows.frames.contains(row) && steps < 1100) {
                if view.target(row) == each.recipient && view.frame_order(row) < *order {
                    return true;
                }
                (frame, steps) = (view.parent(row), steps + 1);
            }
        }
        left.entry((each.sender, each.token)).or_insert(each.order);
    }
    false
}

struct Look<'a> {
    view: View<'a>,
    rows: &'a Rows,
    reverted: &'a [bool],
    flags: u32,
    created: Vec<Address>,
    /// Calls whose data stands in the call data above them.
    forwarded: Vec<u32>,
}

impl Look<'_> {
    fn live(&self, frame: u32) -> bool {
        let at = frame.checked_sub(self.rows.frames.start);
        at.and_then(|at| self.reverted.get(at as usize)).is_some_and(|gone| !gone)
    }

    fn set(&mut self, bits: u32) {
        self.flags |= bits;
    }

    fn frames(&mut self) {
        let view = self.view;
        let Range { start, end } = self.rows.frames;
        if end - start > 1 {
            self.set(flag::CALLS);
        }
        if start < end && !view.succeeded(start) {
            self.set(flag::FAILED);
        }
        for row in start..end {
            let (live, how) = (self.live(row), view.kind(row));
            let parent = view.parent(row);
            if view.output_length(row) >= LARGE_RETURN && how < kind::CREATE {
                self.set(flag::LARGE_RETURN);
            }
            if !live {
                if !view.succeeded(row) && parent.is_some_and(|parent| self.live(parent)) {
                    self.set(flag::FAILED_CALL);
                    if (0x20..=0x25).contains(&view.status(row)) {
                        self.set(flag::OUT_OF_GAS);
                    }
                }
                continue;
            }
            if !view.value(row).is_zero() {
                self.set(flag::ETHER);
                if view.value(row) >> 128 != U256::ZERO {
                    self.set(flag::LARGE_VALUE);
                }
            }
            if parent.is_none() && how == kind::CALL && negative_argument(view.input(row)) {
                self.set(flag::LARGE_VALUE);
            }
            match how {
                kind::CREATE | kind::CREATE2 => {
                    self.set(flag::CREATES);
                    self.created.push(view.target(row));
                }
                kind::DELEGATECALL | kind::CALLCODE => self.set(flag::DELEGATES),
                _ => (),
            }
            if view.code(row) == Address::with_last_byte(1) {
                self.set(flag::RECOVERS);
            }
            let input = view.input(row);
            if how == kind::CALL && input.len() >= 100 && input[..4] == TRANSFER_FROM {
                self.set(flag::TOKENS);
                if input[16..36] != view.caller(row)[..] {
                    self.set(flag::PULLS);
                }
            }
            if how == kind::CALL && input.len() >= 68 && input[..4] == APPROVE {
                self.set(flag::APPROVES);
            }
            if let (true, Some(parent)) = (input.len() >= 36 && how != kind::STATICCALL, parent)
                && forwarded(input, view.input(parent))
                && !(how == kind::DELEGATECALL && input == view.input(parent))
            {
                self.set(flag::FORWARDS);
                self.forwarded.push(row);
            }
            if how == kind::DELEGATECALL
                && let (code, Some(parent)) = (view.code(row), parent)
                && (self.created.contains(&code) || privilege::given(view.input(parent), &code))
            {
                self.set(flag::FORWARDS);
                self.forwarded.push(row);
            }
            if how == kind::CALL && pick::refused(view, row) {
                self.set(flag::FAILED_CALL);
            }
        }
    }

    fn accesses(&mut self) {
        let view = self.view;
        for row in self.rows.accesses.clone() {
            let frame = view.access_frame(row);
            if view.access_kind(row) != access::SSTORE || !self.live(frame) {
                continue;
            }
            self.set(flag::WRITES);
            let (before, after) = (view.access_before(row), view.access_value(row));
            let negative = after >= U256::MAX - (U256::MAX >> 128);
            // Unlimited allowances stand at hashed places; a length or counter below zero stands at a plain one.
            let unlimited = before.is_zero() && after == U256::MAX && view.access_slot(row).0[..24] != [0; 24];
            if negative && before >> 128 == U256::ZERO && !unlimited {
                self.set(flag::LARGE_VALUE);
            }
        }
        if self.rows.accesses.len() < LOOP {
            return;
        }
        let mut often: HashMap<u32, usize> = HashMap::default();
        for pc in self.rows.accesses.clone().filter_map(|row| view.access_pc(row)) {
            *often.entry(pc).or_default() += 1;
        }
        often.retain(|_, count| *count >= LOOP);
        if often.is_empty() {
            return;
        }
        let mut at: HashMap<(Address, u32), HashSet<B256>> = HashMap::default();
        for row in self.rows.accesses.clone() {
            if let Some(pc) = view.access_pc(row).filter(|pc| often.contains_key(pc)) {
                let slots = at.entry((view.target(view.access_frame(row)), pc)).or_default();
                slots.insert(view.access_slot(row));
                if slots.len() >= LOOP {
                    return self.set(flag::LOOPS);
                }
            }
        }
    }

    fn logs(&mut self, topics_at: usize) {
        let view = self.view;
        let mut at = topics_at;
        for row in self.rows.logs.clone() {
            let (first, count) = (at, view.log_topic_count(row) as usize);
            at += count;
            if count == 0 || !self.live(view.log_frame(row)) {
                continue;
            }
            self.set(flag::TOKENS);
            let what = view.topic(first);
            if privilege::event(&what) {
                self.set(flag::PRIVILEGED);
            }
            if APPROVAL_EVENTS.contains(&what) {
                self.set(flag::APPROVES);
            }
        }
    }
}

/// Whether a call's data stands in the call data of the frame that makes it.
fn forwarded(input: &[u8], above: &[u8]) -> bool {
    if above.len() > FORWARDED || above.len() <= input.len() {
        return false;
    }
    let last = above.len() - input.len();
    (4..=last)
        .any(|at| above[at] == input[0] && above[at..at + 4] == input[..4] && above[at..at + input.len()] == *input)
}
