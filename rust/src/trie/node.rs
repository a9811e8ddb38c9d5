//! Trie nodes and their encoding (yellow paper appendices C and D).

use super::nibbles;
use crate::rlp::{self, Item};
use alloy_primitives::{B256, keccak256};

/// How a parent refers to a node: its RLP when shorter than 32 bytes, else its hash.
#[derive(Clone, Debug)]
pub enum Reference {
    Inline(Vec<u8>),
    Hash(B256),
}

#[derive(Clone, Debug)]
pub enum Node {
    Hash(B256),
    Leaf { path: Vec<u8>, value: Vec<u8> },
    Extension { path: Vec<u8>, child: Box<Link> },
    Branch { children: Box<[Option<Box<Link>>; 16]> },
}

/// A node with its reference, if that is known and current.
#[derive(Clone, Debug)]
pub struct Link {
    pub node: Node,
    pub reference: Option<Reference>,
}

impl Link {
    pub fn fresh(node: Node) -> Self {
        Self { node, reference: None }
    }

    pub fn blind(hash: B256) -> Self {
        Self { node: Node::Hash(hash), reference: Some(Reference::Hash(hash)) }
    }
}

/// A node `left` nibbles above the end of its keys.
pub fn decode(item: &Item<'_>, left: usize) -> std::result::Result<Node, &'static str> {
    let Item::List(items) = item else {
        return Err("a trie node that is not a list");
    };
    match &items[..] {
        [Item::Bytes(encoded), value] => {
            let (path, leaf) = unpack(encoded)?;
            if leaf {
                let Item::Bytes(value) = value else {
                    return Err("a leaf whose value is a list");
                };
                if path.len() != left {
                    return Err("a leaf whose path does not fill the key");
                }
                if value.is_empty() {
                    return Err("a leaf without a value");
                }
                Ok(Node::Leaf { path, value: value.to_vec() })
            } else {
                if path.is_empty() || path.len() >= left {
                    return Err("an extension whose path has no place in the key");
                }
                let rest = left - path.len();
                let child = child(value, rest)?.ok_or("an extension without a child")?;
                if matches!(child.node, Node::Leaf { .. } | Node::Extension { .. }) {
                    return Err("an extension whose child is not a branch");
                }
                Ok(Node::Extension { path, child })
            }
        }
        [children @ .., value] if children.len() == 16 => {
            if left == 0 || !matches!(value, Item::Bytes([])) {
                return Err("a branch where the key has ended");
            }
            let mut slots: Box<[Option<Box<Link>>; 16]> = Box::default();
            for (slot, item) in slots.iter_mut().zip(children) {
                *slot = child(item, left - 1)?;
            }
            if slots.iter().flatten().count() < 2 {
                return Err("a branch with fewer than two children");
            }
            Ok(Node::Branch { children: slots })
        }
        _ => Err("a trie node with neither 2 nor 17 items"),
    }
}

fn child(item: &Item<'_>, left: usize) -> std::result::Result<Option<Box<Link>>, &'static str> {
    match item {
        Item::Bytes([]) => Ok(None),
        Item::Bytes(hash) if hash.len() == 32 => Ok(Some(Box::new(Link::blind(B256::from_slice(hash))))),
        Item::Bytes(_) => Err("a reference that is neither a hash nor a node"),
        Item::List(_) => {
            if rlp::length(item) >= 32 {
                return Err("an inline node that its parent should refer to by hash");
            }
            Ok(Some(Box::new(Link::fresh(decode(item, left)?))))
        }
    }
}

/// Hex-prefix decoding (yellow paper appendix C): nibbles and whether it is a leaf.
fn unpack(encoded: &[u8]) -> std::result::Result<(Vec<u8>, bool), &'static str> {
    let (first, rest) = encoded.split_first().ok_or("an empty path")?;
    let flag = first >> 4;
    if flag > 3 || (flag & 1 == 0 && first & 15 != 0) {
        return Err("a path with a wrong prefix");
    }
    let mut path = Vec::with_capacity(rest.len() * 2 + 1);
    if flag & 1 == 1 {
        path.push(first & 15);
    }
    path.extend(nibbles(rest));
    Ok((path, flag & 2 == 2))
}

fn pack(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = if leaf { 2 } else { 0 };
    let (head, even) = if path.len() % 2 == 1 { ((flag | 1) << 4 | path[0], &path[1..]) } else { (flag << 4, path) };
    let mut out = Vec::with_capacity(1 + even.len() / 2);
    out.push(head);
    out.extend(even.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    out
}

/// The reference to a node, encoding it and what is below where that is not known.
pub fn reference(link: &mut Link, sink: &mut impl FnMut(B256, Vec<u8>)) -> Reference {
    if let Some(known) = &link.reference {
        return known.clone();
    }
    let raw = encode(&mut link.node, sink);
    let made = if raw.len() < 32 {
        Reference::Inline(raw)
    } else {
        let hash = keccak256(&raw);
        sink(hash, raw);
        Reference::Hash(hash)
    };
    link.reference = Some(made.clone());
    made
}

pub fn encode(node: &mut Node, sink: &mut impl FnMut(B256, Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::with_capacity(544);
    let refer = |link: &mut Link, body: &mut Vec<u8>, sink: &mut _| match reference(link, sink) {
        Reference::Inline(raw) => body.extend(raw),
        Reference::Hash(hash) => rlp::put_bytes(body, hash.as_slice()),
    };
    match node {
        Node::Hash(_) => unreachable!("a blind node always carries its reference"),
        Node::Leaf { path, value } => {
            rlp::put_bytes(&mut body, &pack(path, true));
            rlp::put_bytes(&mut body, value);
        }
        Node::Extension { path, child } => {
            rlp::put_bytes(&mut body, &pack(path, false));
            refer(child, &mut body, sink);
        }
        Node::Branch { children } => {
            for child in children.iter_mut() {
                match child {
                    None => body.push(0x80),
                    Some(child) => refer(child, &mut body, sink),
                }
            }
            body.push(0x80);
        }
    }
    rlp::list(&body)
}
