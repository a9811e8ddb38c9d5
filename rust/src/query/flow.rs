//! Assets that moved in one transaction and were not moved back: wei, and tokens by their events, calls or slots.

use super::view::{Rows, View};
use crate::trace::{access, kind};
use alloy_primitives::{
    Address, B256, U256, keccak256,
    map::{HashMap, HashSet},
};
use std::sync::LazyLock;

/// Most token transfers of one ERC-1155 batch that are read.
const MAX_BATCH: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Value,
    Log,
    Call,
    Slot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub order: u32,
    pub frame: u32,
    /// None: wei.
    pub token: Option<Address>,
    pub sender: Address,
    pub recipient: Address,
    pub amount: U256,
    /// Of what is not fungible, its id.
    pub item: Option<U256>,
    pub source: Source,
}

/// An account's balance of a token by its events and by its slot, where they differ for some account. Two's complement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lie {
    pub token: Address,
    pub account: Address,
    pub logged: U256,
    pub stored: U256,
}

struct Topics {
    transfer: B256,
    single: B256,
    batch: B256,
    deposit: B256,
    withdrawal: B256,
}

static TOPICS: LazyLock<Topics> = LazyLock::new(|| Topics {
    transfer: keccak256("Transfer(address,address,uint256)"),
    single: keccak256("TransferSingle(address,address,address,uint256,uint256)"),
    batch: keccak256("TransferBatch(address,address,address,uint256[],uint256[])"),
    deposit: keccak256("Deposit(address,uint256)"),
    withdrawal: keccak256("Withdrawal(address,uint256)"),
});

const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
const DEPOSIT: [u8; 4] = [0xd0, 0xe3, 0x0d, 0xb0];
const WITHDRAW: [u8; 4] = [0x2e, 0x1a, 0x7d, 0x4d];

/// What reading flows needs to know of the trace.
pub struct Flows<'a> {
    pub view: View<'a>,
    pub rows: &'a Rows,
    /// Per frame of the transaction: whether what it did was undone.
    pub reverted: &'a [bool],
    /// Where the transaction's topics begin.
    pub topics_at: usize,
    /// keccak256(key, base) -> key, base.
    pub hashes: &'a HashMap<B256, (B256, B256)>,
    /// The source has logs.
    pub logs: bool,
}

impl Flows<'_> {
    fn live(&self, frame: u32) -> bool {
        // Rows of a hostile trace may name a frame of another transaction.
        frame
            .checked_sub(self.rows.frames.start)
            .and_then(|at| self.reverted.get(at as usize))
            .is_some_and(|gone| !gone)
    }

    /// Every transfer in order.
    pub fn transfers(&self) -> (Vec<Transfer>, Vec<Lie>) {
        let mut found = self.ether();
        if self.logs {
            let wrapped: HashSet<(Address, U256)> = found.iter().map(|each| (each.sender, each.amount)).collect();
            self.events(&wrapped, &mut found);
        } else {
            self.calls(&mut found);
        }
        let lies = self.balance_slots(&mut found);
        found.sort_by_key(|each| each.order);
        (found, lies)
    }

    fn ether(&self) -> Vec<Transfer> {
        let view = self.view;
        let mut found = Vec::new();
        for row in self.rows.frames.clone() {
            let (sender, recipient) = (view.caller(row), view.target(row));
            let moves = matches!(view.kind(row), kind::CALL | kind::CREATE | kind::CREATE2);
            if moves && self.live(row) && sender != recipient {
                let amount = view.value(row);
                if !amount.is_zero() {
                    let order = view.frame_order(row);
                    found.push(transfer(order, row, None, sender, recipient, amount, Source::Value));
                }
            }
        }
        for row in self.rows.selfdestructs.clone() {
            let frame = view.selfdestruct_frame(row);
            if !self.live(frame) {
                continue;
            }
            let (sender, recipient, amount) =
                (view.target(frame), view.selfdestruct_beneficiary(row), view.selfdestruct_value(row));
            if sender != recipient && !amount.is_zero() {
                let order = view.selfdestruct_order(row);
                found.push(transfer(order, frame, None, sender, recipient, amount, Source::Value));
            }
        }
        found
    }

    /// `paid`: who sent which sums of wei.
    fn events(&self, paid: &HashSet<(Address, U256)>, found: &mut Vec<Transfer>) {
        let (view, topics) = (self.view, &*TOPICS);
        let mut at = self.topics_at;
        let mut minted: HashSet<(Address, Address, U256)> = HashSet::default();
        let mut wrapping = Vec::new();
        for row in self.rows.logs.clone() {
            let (first, count) = (at, view.log_topic_count(row) as usize);
            at += count;
            let frame = view.log_frame(row);
            if count == 0 || !self.live(frame) {
                continue;
            }
            let (what, token, order, data) =
                (view.topic(first), view.log_address(row), view.log_order(row), view.log_data(row));
            let party = |index: usize| Address::from_word(view.topic(first + index));
            if what == topics.transfer {
                let (sender, recipient, amount, item) = match (count, data.len()) {
                    (3, 32) => (party(1), party(2), U256::from_be_slice(data), None),
                    (4, 0) => (party(1), party(2), U256::ONE, Some(view.topic(first + 3).into())),
                    // Tokens that do not index: CryptoKitties and others of its time.
                    (1, 96) => (
                        Address::from_slice(&data[12..32]),
                        Address::from_slice(&data[44..64]),
                        U256::from_be_slice(&data[64..]),
                        None,
                    ),
                    _ => continue,
                };
                if sender == Address::ZERO {
                    minted.insert((token, recipient, amount));
                }
                found.push(Transfer {
                    item,
                    ..transfer(order, frame, Some(token), sender, recipient, amount, Source::Log)
                });
            } else if what == topics.single && count == 4 && data.len() == 64 {
                let (item, amount) = (U256::from_be_slice(&data[..32]), U256::from_be_slice(&data[32..]));
                let moved = transfer(order, frame, Some(token), party(2), party(3), amount, Source::Log);
                found.push(Transfer { item: Some(item), ..moved });
            } else if what == topics.batch && count == 4 {
                for (item, amount) in batch(data) {
                    let moved = transfer(order, frame, Some(token), party(2), party(3), amount, Source::Log);
                    found.push(Transfer { item: Some(item), ..moved });
                }
            } else if count == 2 && data.len() == 32 && (what == topics.deposit || what == topics.withdrawal) {
                wrapping.push((order, frame, token, party(1), U256::from_be_slice(data), what == topics.deposit));
            }
        }
        for (order, frame, token, account, amount, mint) in wrapping {
            // Others have events of these names: a wrapper takes or pays exactly the sum in wei.
            let wraps = match mint {
                true => {
                    view.value(frame) == amount
                        && view.target(frame) == token
                        && !minted.contains(&(token, account, amount))
                }
                false => paid.contains(&(token, amount)),
            };
            if wraps && !amount.is_zero() {
                let (sender, recipient) = if mint { (Address::ZERO, account) } else { (account, Address::ZERO) };
                let moved = transfer(order, frame, Some(token), sender, recipient, amount, Source::Log);
                // A token that says both is counted once.
                let said = |each: &Transfer| {
                    each.token == moved.token
                        && (each.sender, each.recipient, each.amount) == (sender, recipient, amount)
                };
                if mint || !found.iter().any(said) {
                    found.push(moved);
                }
            }
        }
    }

    /// Where a source has no logs: what calls of tokens ask for, if they did not fail and did not answer false.
    fn calls(&self, found: &mut Vec<Transfer>) {
        let view = self.view;
        for row in self.rows.frames.clone() {
            let input = view.input(row);
            if view.kind(row) != kind::CALL || !self.live(row) || input.len() < 4 {
                continue;
            }
            let output = view.output(row);
            if output.len() == 32 && output.iter().all(|byte| *byte == 0) {
                continue;
            }
            let argument = |index: usize| &input[4 + 32 * index..36 + 32 * index];
            let party = |index: usize| Address::from_slice(&argument(index)[12..]);
            let (token, caller, order) = (Some(view.target(row)), view.caller(row), view.frame_order(row));
            let (sender, recipient, amount) = match (&input[..4], input.len()) {
                (selector, 68..) if selector == TRANSFER => (caller, party(0), U256::from_be_slice(argument(1))),
                (selector, 100..) if selector == TRANSFER_FROM => {
                    (party(0), party(1), U256::from_be_slice(argument(2)))
                }
                (selector, _) if selector == DEPOSIT && !view.value(row).is_zero() && !self.calls_on(row) => {
                    (Address::ZERO, caller, view.value(row))
                }
                (selector, 36..) if selector == WITHDRAW => {
                    let amount = U256::from_be_slice(argument(0));
                    let pays = |child: u32| view.target(child) == caller && view.value(child) == amount;
                    if !(row + 1 < self.rows.frames.end && view.parent(row + 1) == Some(row) && pays(row + 1)) {
                        continue;
                    }
                    (caller, Address::ZERO, amount)
                }
                _ => continue,
            };
            if !amount.is_zero() {
                found.push(transfer(order, row, token, sender, recipient, amount, Source::Call));
            }
        }
    }

    /// Whether a frame calls anything.
    fn calls_on(&self, row: u32) -> bool {
        row + 1 < self.rows.frames.end && self.view.parent(row + 1) == Some(row)
    }

    /// Balances by account in mappings: transfers of tokens that emit none, and tokens whose events say otherwise.
    fn balance_slots(&self, found: &mut Vec<Transfer>) -> Vec<Lie> {
        let view = self.view;
        if self.hashes.is_empty() {
            return Vec::new();
        }
        // (contract, mapping) -> account -> first value, last value; with the frame and order of the last write.
        type Accounts = HashMap<Address, (U256, U256, u32, u32)>;
        let mut mappings: HashMap<(Address, B256), Accounts> = HashMap::default();
        for row in self.rows.accesses.clone() {
            let frame = view.access_frame(row);
            if view.access_kind(row) != access::SSTORE || !self.live(frame) {
                continue;
            }
            let Some((key, base)) = self.hashes.get(&view.access_slot(row)) else { continue };
            // An account's entry of a mapping that is not itself an entry of another (an allowance).
            if key[..12] != [0; 12] || key.is_zero() || self.hashes.contains_key(base) {
                continue;
            }
            let accounts = mappings.entry((view.target(frame), *base)).or_default();
            let (before, value, order) = (view.access_before(row), view.access_value(row), view.access_order(row));
            let entry = accounts.entry(Address::from_word(*key)).or_insert((before, value, frame, order));
            (entry.1, entry.2, entry.3) = (value, frame, order);
        }
        let mut logged: HashMap<Address, HashMap<Address, U256>> = HashMap::default();
        for each in found.iter().filter(|each| each.item.is_none()) {
            if let Some(token) = each.token {
                let sums = logged.entry(token).or_default();
                let paid = sums.entry(each.sender).or_default();
                *paid = paid.wrapping_sub(each.amount);
                let got = sums.entry(each.recipient).or_default();
                *got = got.wrapping_add(each.amount);
            }
        }
        // What counts items keeps numbers of them by account, which are no sums.
        let items: HashSet<Address> =
            found.iter().filter(|each| each.item.is_some()).filter_map(|each| each.token).collect();
        mappings.retain(|(contract, _), _| !items.contains(contract));
        let mut lies: HashMap<Address, Option<Vec<Lie>>> = HashMap::default();
        let mut places: Vec<_> = mappings.into_iter().collect();
        places.sort_by_key(|(place, _)| *place);
        for ((contract, _), accounts) in places {
            let mut moved: Vec<_> = accounts
                .into_iter()
                .map(|(account, (before, after, frame, order))| (account, after.wrapping_sub(before), frame, order))
                .filter(|(_, delta, ..)| !delta.is_zero())
                .collect();
            moved.sort_by_key(|(account, ..)| *account);
            if moved.is_empty() {
                continue;
            }
            match logged.get(&contract) {
                None => found.extend(pair(contract, &moved)),
                Some(sums) => {
                    // Of several mappings, one that agrees is the balances; the others are something else.
                    let sum = |account: &Address| sums.get(account).copied().unwrap_or_default();
                    let right = |(account, delta, ..): &(Address, U256, u32, u32)| sum(account) == *delta;
                    let balances = moved.iter().all(|(account, ..)| sums.contains_key(account));
                    let known = lies.entry(contract).or_insert_with(|| Some(Vec::new()));
                    if balances && moved.iter().all(right) {
                        *known = None;
                    } else if let (true, Some(known)) = (balances, known) {
                        // Where one is wrong, the others tell by which rate, or that there is none.
                        known.extend(moved.iter().map(|&(account, stored, ..)| Lie {
                            token: contract,
                            account,
                            logged: sum(&account),
                            stored,
                        }));
                    }
                }
            }
        }
        let mut lies: Vec<_> = lies.into_values().flatten().flatten().collect();
        lies.sort_by_key(|lie| (lie.token, lie.account));
        lies
    }
}

/// One account that lost and one that gained the same: a transfer. Anything else is no balance that we can read.
fn pair(token: Address, moved: &[(Address, U256, u32, u32)]) -> Option<Transfer> {
    let [first, second] = moved else { return None };
    if !first.1.wrapping_add(second.1).is_zero() {
        return None;
    }
    let (payer, payee) = if first.1.bit(255) { (first, second) } else { (second, first) };
    Some(transfer(payee.3, payee.2, Some(token), payer.0, payee.0, payee.1, Source::Slot))
}

fn transfer(
    order: u32,
    frame: u32,
    token: Option<Address>,
    sender: Address,
    recipient: Address,
    amount: U256,
    source: Source,
) -> Transfer {
    Transfer { order, frame, token, sender, recipient, amount, item: None, source }
}

/// Ids and amounts of an ERC-1155 batch; none where the encoding is not the canonical one.
fn batch(data: &[u8]) -> Vec<(U256, U256)> {
    let list = |at: usize| -> Option<Vec<U256>> {
        let start = U256::from_be_slice(data.get(at..at + 32)?);
        let start = usize::try_from(start).ok().filter(|start| *start <= data.len())?;
        let count = usize::try_from(U256::from_be_slice(data.get(start..start + 32)?)).ok()?;
        let body = data.get(start + 32..)?;
        if count > MAX_BATCH || body.len() < 32 * count {
            return None;
        }
        Some(body[..32 * count].chunks(32).map(U256::from_be_slice).collect())
    };
    match (list(0), list(32)) {
        (Some(items), Some(amounts)) if items.len() == amounts.len() => items.into_iter().zip(amounts).collect(),
        _ => Vec::new(),
    }
}
