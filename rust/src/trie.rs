//! A sparse Merkle-Patricia trie over preimages (yellow paper appendix D).
//!
//! Nodes are decoded when a path first walks through them; what is not there ends as [`TrieError::Missing`] with the
//! path and the hash that was looked for. Recursion is bounded by the key length: every extension consumes at least
//! one nibble, every branch exactly one.

mod node;

use crate::preimages::Lookup;
use crate::rlp;
use alloy_primitives::{B256, b256, keccak256};
use node::{Link, Node, Reference, decode, encode, reference};

/// Root of the empty trie: keccak256(rlp("")).
pub const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrieError {
    /// A node that no preimage was given for: nibbles from the root, and its hash.
    Missing { path: Vec<u8>, hash: B256 },
    /// A preimage that hashes correctly but is not a node of a secure trie.
    Malformed { path: Vec<u8>, why: &'static str },
}

type Result<T> = std::result::Result<T, TrieError>;

#[derive(Clone, Debug, Default)]
pub struct Trie {
    root: Option<Box<Link>>,
}

/// The nibbles of a key, high half first.
pub fn nibbles(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() * 2);
    for byte in key {
        out.push(byte >> 4);
        out.push(byte & 15);
    }
    out
}

impl Trie {
    pub fn new(root: B256) -> Self {
        if root == EMPTY_ROOT { Self::default() } else { Self { root: Some(Box::new(Link::blind(root))) } }
    }

    pub fn get(&mut self, key: &[u8], store: &impl Lookup) -> Result<Option<&[u8]>> {
        let path = nibbles(key);
        let Some(mut link) = self.root.as_deref_mut() else {
            return Ok(None);
        };
        let mut at = 0;
        loop {
            expand(link, &path[..at], path.len() - at, store)?;
            match &mut link.node {
                Node::Hash(_) => unreachable!("expanded above"),
                Node::Leaf { path: rest, value } => {
                    return Ok((rest[..] == path[at..]).then_some(&value[..]));
                }
                Node::Extension { path: shared, child } => {
                    if !path[at..].starts_with(shared) {
                        return Ok(None);
                    }
                    at += shared.len();
                    link = child;
                }
                Node::Branch { children } => match &mut children[path[at] as usize] {
                    Some(child) => {
                        at += 1;
                        link = child;
                    }
                    None => return Ok(None),
                },
            }
        }
    }

    /// Writes a non-empty value.
    pub fn insert(&mut self, key: &[u8], value: Vec<u8>, store: &impl Lookup) -> Result<()> {
        let path = nibbles(key);
        match &mut self.root {
            None => self.root = Some(Box::new(Link::fresh(Node::Leaf { path, value }))),
            Some(link) => insert(link, &path, 0, value, store)?,
        }
        Ok(())
    }

    /// Removes a key; absent keys are no change.
    pub fn remove(&mut self, key: &[u8], store: &impl Lookup) -> Result<()> {
        let path = nibbles(key);
        if let Some(link) = &mut self.root
            && remove(link, &path, 0, store)? == Removal::Gone
        {
            self.root = None;
        }
        Ok(())
    }

    /// The root hash; `sink` receives the RLP of every node encoded anew.
    pub fn root(&mut self, sink: &mut impl FnMut(B256, Vec<u8>)) -> B256 {
        match &mut self.root {
            None => EMPTY_ROOT,
            Some(link) => match reference(link, sink) {
                Reference::Hash(hash) => hash,
                Reference::Inline(raw) => {
                    let hash = keccak256(&raw);
                    sink(hash, raw);
                    hash
                }
            },
        }
    }

    /// The nodes from the root towards a key, as far as the key's path goes (an exclusion proof where it ends early).
    pub fn prove(&mut self, key: &[u8], store: &impl Lookup) -> Result<Vec<Vec<u8>>> {
        self.get(key, store)?;
        let path = nibbles(key);
        let mut proof = Vec::new();
        let (mut at, mut top) = (0, true);
        let mut next = self.root.as_deref_mut();
        while let Some(link) = next {
            let raw = encode(&mut link.node, &mut |_, _| ());
            if top || raw.len() >= 32 {
                proof.push(raw);
            }
            top = false;
            next = match &mut link.node {
                Node::Hash(_) | Node::Leaf { .. } => None,
                Node::Extension { path: shared, child } => {
                    let follows = path[at..].starts_with(shared);
                    at += shared.len();
                    follows.then_some(&mut **child)
                }
                Node::Branch { children } => {
                    at += 1;
                    children[path[at - 1] as usize].as_deref_mut()
                }
            };
        }
        Ok(proof)
    }
}

/// Replaces a blind node by what its preimage says. An inline node was checked when its parent was decoded.
fn expand(link: &mut Link, path: &[u8], left: usize, store: &impl Lookup) -> Result<()> {
    if let Node::Hash(hash) = link.node {
        let Some(raw) = store.lookup(&hash) else {
            return Err(TrieError::Missing { path: path.to_vec(), hash });
        };
        let malformed = |why| TrieError::Malformed { path: path.to_vec(), why };
        let mut items = 0;
        let item = rlp::decode(raw, 64, &mut items).map_err(malformed)?;
        link.node = decode(&item, left).map_err(malformed)?;
    }
    Ok(())
}

fn shared_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn insert(link: &mut Link, path: &[u8], at: usize, value: Vec<u8>, store: &impl Lookup) -> Result<()> {
    expand(link, &path[..at], path.len() - at, store)?;
    let rest = &path[at..];
    match &mut link.node {
        Node::Hash(_) => unreachable!("expanded above"),
        Node::Leaf { path: own, value: old } => {
            if own[..] == *rest {
                *old = value;
            } else {
                let shared = shared_length(own, rest);
                let mut children: Box<[Option<Box<Link>>; 16]> = Box::default();
                let other = Node::Leaf { path: own[shared + 1..].to_vec(), value: std::mem::take(old) };
                children[own[shared] as usize] = Some(Box::new(Link::fresh(other)));
                let mine = Node::Leaf { path: rest[shared + 1..].to_vec(), value };
                children[rest[shared] as usize] = Some(Box::new(Link::fresh(mine)));
                link.node = under(&rest[..shared], Node::Branch { children });
            }
        }
        Node::Extension { path: own, child } => {
            let shared = shared_length(own, rest);
            if shared == own.len() {
                insert(child, path, at + shared, value, store)?;
            } else {
                let mut children: Box<[Option<Box<Link>>; 16]> = Box::default();
                let below = std::mem::replace(&mut **child, Link::blind(B256::ZERO));
                let below = if shared + 1 == own.len() {
                    below
                } else {
                    Link::fresh(Node::Extension { path: own[shared + 1..].to_vec(), child: Box::new(below) })
                };
                children[own[shared] as usize] = Some(Box::new(below));
                let mine = Node::Leaf { path: rest[shared + 1..].to_vec(), value };
                children[rest[shared] as usize] = Some(Box::new(Link::fresh(mine)));
                link.node = under(&rest[..shared], Node::Branch { children });
            }
        }
        Node::Branch { children } => match &mut children[rest[0] as usize] {
            Some(child) => insert(child, path, at + 1, value, store)?,
            slot => *slot = Some(Box::new(Link::fresh(Node::Leaf { path: rest[1..].to_vec(), value }))),
        },
    }
    link.reference = None;
    Ok(())
}

/// A branch below the nibbles that led to it.
fn under(path: &[u8], branch: Node) -> Node {
    if path.is_empty() { branch } else { Node::Extension { path: path.to_vec(), child: Box::new(Link::fresh(branch)) } }
}

#[derive(PartialEq, Eq)]
enum Removal {
    Absent,
    Changed,
    Gone,
}

fn remove(link: &mut Link, path: &[u8], at: usize, store: &impl Lookup) -> Result<Removal> {
    expand(link, &path[..at], path.len() - at, store)?;
    let rest = &path[at..];
    match &mut link.node {
        Node::Hash(_) => unreachable!("expanded above"),
        Node::Leaf { path: own, .. } => {
            return Ok(if own[..] == *rest { Removal::Gone } else { Removal::Absent });
        }
        Node::Extension { path: own, child } => {
            if !rest.starts_with(own) {
                return Ok(Removal::Absent);
            }
            match remove(child, path, at + own.len(), store)? {
                Removal::Changed => {}
                // A branch never vanishes: it collapses into its last child.
                other => return Ok(other),
            }
            join(link);
        }
        Node::Branch { children } => {
            let nibble = rest[0] as usize;
            let Some(child) = &mut children[nibble] else {
                return Ok(Removal::Absent);
            };
            match remove(child, path, at + 1, store)? {
                Removal::Absent => return Ok(Removal::Absent),
                Removal::Changed => {}
                Removal::Gone => {
                    let mut others = (0..16).filter(|&i| i != nibble && children[i].is_some());
                    let (last, more) = (others.next(), others.next());
                    if let (Some(last), None) = (last, more) {
                        // The sibling's kind decides the shape of what remains: it must be readable before anything
                        // is changed, so that a missing sibling leaves the trie as it was.
                        let mut sibling = path[..at].to_vec();
                        sibling.push(last as u8);
                        let only = children[last].as_deref_mut().expect("found above");
                        expand(only, &sibling, path.len() - at - 1, store)?;
                        let only = children[last].take().expect("found above");
                        link.node = Node::Extension { path: vec![last as u8], child: only };
                        join(link);
                    } else {
                        children[nibble] = None;
                    }
                }
            }
        }
    }
    link.reference = None;
    Ok(Removal::Changed)
}

/// Merges an extension with a child that is a leaf or an extension.
fn join(link: &mut Link) {
    let Node::Extension { path, child } = &mut link.node else {
        return;
    };
    let merged = match &mut child.node {
        Node::Leaf { path: below, value } => {
            Node::Leaf { path: [&path[..], &below[..]].concat(), value: std::mem::take(value) }
        }
        Node::Extension { path: below, child } => {
            let deeper = std::mem::replace(&mut **child, Link::blind(B256::ZERO));
            Node::Extension { path: [&path[..], &below[..]].concat(), child: Box::new(deeper) }
        }
        Node::Hash(_) | Node::Branch { .. } => return,
    };
    link.node = merged;
}

/// Root of the trie that maps rlp(index) to each value (transactions, receipts, withdrawals).
pub fn ordered_root<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> B256 {
    // Keys have different lengths here, so a leaf's path fills its own key, not a common depth; nothing is read back.
    let mut trie = Trie::default();
    let nothing = ();
    for (index, value) in values.into_iter().enumerate() {
        let mut key = Vec::new();
        rlp::put_uint(&mut key, index as u64);
        trie.insert(&key, value.to_vec(), &nothing).expect("a trie without blind nodes misses nothing");
    }
    trie.root(&mut |_, _| ())
}

#[cfg(test)]
mod tests;
