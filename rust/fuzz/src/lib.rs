//! What the targets share: reading an input piece by piece, and sealing a witness.

pub mod block;
pub mod input;
pub mod reference;
pub mod seal;
