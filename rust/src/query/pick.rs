//! For which transactions the second pass is worth its price.

use super::{
    facts::flag,
    flow::Transfer,
    view::{Rows, View},
};
use crate::trace::{access, kind};
use alloy_primitives::{Address, map::HashMap};

const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
/// Deeper calls than any transaction can make.
const DEEPEST: usize = 1100;

/// What is known of a transaction when it is decided.
pub struct Flowed<'a> {
    pub view: View<'a>,
    pub rows: &'a Rows,
    pub created: &'a [Address],
    pub transfers: &'a [Transfer],
}

/// A token that answered false, or whose address has no code: the call succeeded, what it asked for did not happen.
pub fn refused(view: View<'_>, row: u32) -> bool {
    let (input, output) = (view.input(row), view.output(row));
    let token = |selector: &[u8]| selector == TRANSFER || selector == TRANSFER_FROM || selector == APPROVE;
    input.len() >= 68
        && token(&input[..4])
        && (!view.ran(row) || output.len() == 32 && output.iter().all(|byte| *byte == 0))
}

impl Flowed<'_> {
    pub fn picked(&self, flags: u32, forwarded: &[u32]) -> bool {
        let always = flag::PRIVILEGED | flag::LARGE_VALUE;
        flags & always != 0
            || flags & flag::FAILED_CALL != 0 && self.credited()
            || flags & flag::SELFDESTRUCTS != 0 && self.ends()
            || flags & flag::FORWARDS != 0 && forwarded.iter().any(|row| self.spends(*row))
            || flags & flag::PULLS != 0 && self.pulls()
            || flags & flag::APPROVES != 0 && self.approves()
            || flags & flag::RECOVERS != 0 && self.unsigned()
    }

    fn ancestors(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.view.parent(row), |row| self.view.parent(*row)).take(DEEPEST)
    }

    /// An account that saw a call fail went on to write, emit or pay.
    fn credited(&self) -> bool {
        let view = self.view;
        let mut failed: HashMap<Address, u32> = HashMap::default();
        for row in self.rows.frames.clone() {
            if let Some(parent) = view.parent(row)
                && view.succeeded(parent)
                && (!view.succeeded(row) || refused(view, row))
            {
                failed.entry(view.target(parent)).or_insert(view.frame_order(row));
            }
        }
        let after = |frame: u32, order: u32| failed.get(&view.target(frame)).is_some_and(|at| *at < order);
        self.rows
            .accesses
            .clone()
            .any(|row| view.access_kind(row) == access::SSTORE && after(view.access_frame(row), view.access_order(row)))
            || self.rows.logs.clone().any(|row| after(view.log_frame(row), view.log_order(row)))
            || self.rows.frames.clone().any(|row| {
                let parent = view.parent(row);
                parent.is_some_and(|parent| after(parent, view.frame_order(row))) && !view.value(row).is_zero()
            })
    }

    /// An account that this transaction did not create ends itself.
    fn ends(&self) -> bool {
        let rows = self.rows.selfdestructs.clone();
        rows.into_iter().any(|row| !self.created.contains(&self.view.target(self.view.selfdestruct_frame(row))))
    }

    /// Below a forwarded call, an asset of the account that forwards it moves.
    fn spends(&self, row: u32) -> bool {
        let view = self.view;
        let owner = if view.kind(row) == kind::DELEGATECALL { view.target(row) } else { view.caller(row) };
        self.transfers.iter().any(|each| {
            each.sender == owner
                && (each.frame == row || each.frame > row && self.ancestors(each.frame).any(|above| above == row))
        })
    }

    /// A token is pulled from an account that has no part in the calls above, and did not sign.
    fn pulls(&self) -> bool {
        let view = self.view;
        let signer = view.caller(self.rows.frames.start);
        self.rows.frames.clone().any(|row| {
            let input = view.input(row);
            if view.kind(row) != kind::CALL || input.len() < 100 || input[..4] != TRANSFER_FROM {
                return false;
            }
            let owner = Address::from_slice(&input[16..36]);
            owner != signer
                && view.succeeded(row)
                && !std::iter::once(row)
                    .chain(self.ancestors(row))
                    .any(|above| view.caller(above) == owner || view.target(above) == owner)
        })
    }

    /// A contract approves whoever called it, or what was created just now.
    fn approves(&self) -> bool {
        let view = self.view;
        self.rows.frames.clone().any(|row| {
            let input = view.input(row);
            if view.kind(row) != kind::CALL || input.len() < 68 || input[..4] != APPROVE {
                return false;
            }
            let spender = Address::from_slice(&input[16..36]);
            let owner = view.caller(row);
            !self.created.contains(&owner)
                && view
                    .parent(row)
                    .is_some_and(|parent| view.caller(parent) == spender || self.created.contains(&spender))
        })
    }

    /// A signature that recovers to nobody.
    fn unsigned(&self) -> bool {
        let view = self.view;
        self.rows.frames.clone().any(|row| view.code(row) == Address::with_last_byte(1) && view.output(row).is_empty())
    }
}
