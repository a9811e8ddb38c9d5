//! What the first pass notices in one transaction: flags that say which checks have anything to look at, and what moved.

use super::{
    flow::{Flows, Lie, Transfer},
    reentry::{self, Reentry},
    view::{Rows, View},
};
use crate::trace::{Columns, access, kind};
use alloy_primitives::{
    Address, B256, U256, b256, keccak256,
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
}

const LOOP: u32 = 64;
const LARGE_RETURN: u32 = 16 << 10;
/// Longest call data that is searched for the data of calls made from it.
const FORWARDED: usize = 16 << 10;
const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
/// A mapping place that is a plain slot number.
const PLAIN_SLOT: u32 = 1 << 16;

/// EIP-1967's implementation, beacon and admin, EIP-1822's, and ZeppelinOS's before them.
const PROXY_SLOTS: [B256; 6] = [
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
    b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
    b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"),
    b256!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
    b256!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
    b256!("10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"),
];

static PRIVILEGE_EVENTS: LazyLock<HashSet<B256>> = LazyLock::new(|| {
    [
        "OwnershipTransferred(address,address)",
        "OwnershipHandoverRequested(address)",
        "OwnerChanged(address,address)",
        "OwnerUpdated(address,address)",
        "RoleGranted(bytes32,address,address)",
        "RoleRevoked(bytes32,address,address)",
        "RoleAdminChanged(bytes32,bytes32,bytes32)",
        "Upgraded(address)",
        "AdminChanged(address,address)",
        "BeaconUpgraded(address)",
        "Initialized(uint8)",
        "Initialized(uint64)",
        "AddedOwner(address)",
        "RemovedOwner(address)",
        "EnabledModule(address)",
        "ChangedMasterCopy(address)",
        "ChangedGuard(address)",
        "ChangedThreshold(uint256)",
        "AuthorityUpdated(address,address)",
        "LogSetOwner(address)",
        "DiamondCut((address,uint8,bytes4[])[],address,bytes)",
    ]
    .into_iter()
    .map(keccak256)
    .collect()
});

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
    // A parent is always entered before its children, so one pass in row order settles all.
    let first = rows.frames.start;
    let mut reverted = vec![false; rows.frames.len()];
    for row in rows.frames.clone() {
        let above = view.parent(row).is_some_and(|parent| parent >= first && reverted[(parent - first) as usize]);
        reverted[(row - first) as usize] = above || !view.succeeded(row);
    }
    let mut look = Look { view, rows: &rows, reverted: &reverted, flags: 0, created: Vec::new() };
    look.frames();
    look.accesses();
    look.logs(topics_at);
    let (mut flags, created) = (look.flags, look.created);
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
    Facts { index, flags, rows, transfers, lies, reentries, created }
}

/// Whether the second pass is worth its price for a transaction.
pub fn picked(columns: &Columns, facts: &Facts) -> bool {
    let always = flag::PRIVILEGED | flag::LARGE_VALUE | flag::FORWARDS | flag::SELFDESTRUCTS | flag::LIES;
    if facts.flags & always != 0 {
        return true;
    }
    let acts = flag::WRITES | flag::ETHER | flag::TOKENS;
    facts.flags & flag::FAILED_CALL != 0 && facts.flags & acts != 0 && credited(View(columns), &facts.rows)
}

/// Whether a live frame that saw a call fail went on to write, emit or pay.
fn credited(view: View<'_>, rows: &Rows) -> bool {
    let mut failed: HashMap<u32, u32> = HashMap::default(); // frame -> order of the first failed call in it
    for row in rows.frames.clone() {
        if let (false, Some(parent)) = (view.succeeded(row), view.parent(row)) {
            failed.entry(parent).or_insert(view.frame_order(row));
        }
    }
    let after = |frame: u32, order: u32| failed.get(&frame).is_some_and(|at| *at < order);
    rows.accesses.clone().any(|row| {
        view.access_kind(row) == access::SSTORE && after(view.access_frame(row), view.access_order(row))
    }) || rows.logs.clone().any(|row| after(view.log_frame(row), view.log_order(row)))
        || rows.frames.clone().any(|row| {
            view.parent(row).is_some_and(|parent| after(parent, view.frame_order(row))) && !view.value(row).is_zero()
        })
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
            }
        }
    }

    fn accesses(&mut self) {
        let view = self.view;
        let mut many: HashMap<u32, u32> = HashMap::default();
        for row in self.rows.accesses.clone() {
            let frame = view.access_frame(row);
            *many.entry(frame).or_default() += 1;
            if view.access_kind(row) != access::SSTORE || !self.live(frame) {
                continue;
            }
            self.set(flag::WRITES);
            let (slot, before, after) = (view.access_slot(row), view.access_before(row), view.access_value(row));
            if before == after {
                continue;
            }
            if PROXY_SLOTS.contains(&slot) || names_account(slot, before, after) {
                self.set(flag::PRIVILEGED);
            }
            let negative = after >= U256::MAX - (U256::MAX >> 128);
            if negative && before >> 128 == U256::ZERO && !(before.is_zero() && after == U256::MAX) {
                self.set(flag::LARGE_VALUE);
            }
        }
        many.retain(|_, count| *count >= LOOP);
        if many.is_empty() {
            return;
        }
        let mut at: HashMap<(u32, u32), HashSet<B256>> = HashMap::default();
        for row in self.rows.accesses.clone() {
            let frame = view.access_frame(row);
            if let (true, Some(pc)) = (many.contains_key(&frame), view.access_pc(row)) {
                let slots = at.entry((frame, pc)).or_default();
                if slots.len() < LOOP as usize {
                    slots.insert(view.access_slot(row));
                }
            }
        }
        if at.values().any(|slots| slots.len() >= LOOP as usize) {
            self.set(flag::LOOPS);
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
            if PRIVILEGE_EVENTS.contains(&what) {
                self.set(flag::PRIVILEGED);
            }
            if APPROVAL_EVENTS.contains(&what) {
                self.set(flag::APPROVES);
            }
        }
    }
}

/// A plain slot whose last twenty bytes became another account's name, and nothing else in it changed.
fn names_account(slot: B256, before: U256, after: U256) -> bool {
    let plain = U256::from_be_bytes(slot.0) < U256::from(PLAIN_SLOT);
    if !plain || before >> 160 != after >> 160 {
        return false;
    }
    let name = |value: U256| -> U256 { value & (U256::MAX >> 96) };
    let (old, new) = (name(before), name(after));
    let long = |value: U256| value >> 120 != U256::ZERO;
    old != new && (old.is_zero() || long(old)) && (new.is_zero() || long(new)) && (long(old) || long(new))
}

/// Whether a call's data stands in the call data of the frame that makes it.
fn forwarded(input: &[u8], above: &[u8]) -> bool {
    if above.len() > FORWARDED || above.len() <= input.len() {
        return false;
    }
    let last = above.len() - input.len();
    (4..=last).any(|at| above[at] == input[0] && above[at..at + 4] == input[..4] && above[at..at + input.len()] == *input)
}
