//! Questions to a trace, answered in one pass over its rows.

pub mod facts;
pub mod flow;
pub mod inspect;
mod pick;
mod privilege;
pub mod reentry;
pub mod view;
