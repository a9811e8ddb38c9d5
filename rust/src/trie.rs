//! A sparse Merkle-Patricia trie over preimages (yellow paper appendix D).
//!
//! Nodes are decoded when a path first walks through them; what is not there ends as [`TrieError::Missing`] with the
//! path and the hash that was looked for. Recursion is bounded by the key length: every extension consumes at least
//! one nibble, every branch exactly one.

use crate::preimages::Lookup;
use crate::rlp::{self, Item};
use alloy_primitives::{B256, b256, keccak256};

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

/// How a parent refers to a node: its RLP when shorter than 32 bytes, else its hash.
#[derive(Clone, Debug)]
enum Reference {
    Inline(Vec<u8>),
    Hash(B256),
}

#[derive(Clone, Debug)]
enum Node {
    Hash(B256),
    Leaf { path: Vec<u8>, value: Vec<u8> },
    Extension { path: Vec<u8>, child: Box<Link> },
    Branch { children: Box<[Option<Box<Link>>; 16]> },
}

/// A node with its reference, if that is known and current.
#[derive(Clone, Debug)]
struct Link {
    node: Node,
    reference: Option<Reference>,
}

impl Link {
    fn fresh(node: Node) -> Self {
        Self { node, reference: None }
    }

    fn blind(hash: B256) -> Self {
        Self { node: Node::Hash(hash), reference: Some(Reference::Hash(hash)) }
    }
}

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

/// Replaces a blind node by what its preimage says.
fn expand(link: &mut Link, path: &[u8], left: usize, store: &impl Lookup) -> Result<()> {
    if let Node::Hash(hash) = link.node {
        let Some(raw) = store.lookup(&hash) else {
            return Err(TrieError::Missing { path: path.to_vec(), hash });
        };
        let malformed = |why| TrieError::Malformed { path: path.to_vec(), why };
        let mut items = 0;
        let item = rlp::decode(raw, 64, &mut items).map_err(malformed)?;
        link.node = decode(&item, left, 0).map_err(malformed)?;
    } else {
        // An inline node was checked against its own depth when its parent was decoded.
    }
    Ok(())
}

fn decode(item: &Item<'_>, left: usize, depth: usize) -> std::result::Result<Node, &'static str> {
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
                let child = child(value, rest, depth)?.ok_or("an extension without a child")?;
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
                *slot = child(item, left - 1, depth)?;
            }
            if slots.iter().flatten().count() < 2 {
                return Err("a branch with fewer than two children");
            }
            Ok(Node::Branch { children: slots })
        }
        _ => Err("a trie node with neither 2 nor 17 items"),
    }
}

fn child(item: &Item<'_>, left: usize, depth: usize) -> std::result::Result<Option<Box<Link>>, &'static str> {
    match item {
        Item::Bytes([]) => Ok(None),
        Item::Bytes(hash) if hash.len() == 32 => Ok(Some(Box::new(Link::blind(B256::from_slice(hash))))),
        Item::Bytes(_) => Err("a reference that is neither a hash nor a node"),
        Item::List(_) => {
            if depth >= 32 {
                return Err("inline nodes nested too deep");
            }
            Ok(Some(Box::new(Link::fresh(decode(item, left, depth + 1)?))))
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

fn reference(link: &mut Link, sink: &mut impl FnMut(B256, Vec<u8>)) -> Reference {
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

fn encode(node: &mut Node, sink: &mut impl FnMut(B256, Vec<u8>)) -> Vec<u8> {
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
mod tests {
    use super::*;
    use crate::preimages::Store;
    use alloy_primitives::hex;

    /// A reproducible stream of keys and values.
    fn pairs(seed: u64, count: u64) -> Vec<(B256, Vec<u8>)> {
        let pair = |index: u64| {
            let key = keccak256([seed.to_be_bytes(), index.to_be_bytes()].concat());
            let value = keccak256(key);
            (key, value[..1 + (index % 32) as usize].to_vec())
        };
        (0..count).map(pair).collect()
    }

    fn built(pairs: &[(B256, Vec<u8>)]) -> Trie {
        let mut trie = Trie::default();
        for (key, value) in pairs {
            trie.insert(key.as_slice(), value.clone(), &()).unwrap();
        }
        trie
    }

    fn stored(trie: &mut Trie) -> (B256, Store) {
        let mut store = Store::default();
        let root = trie.root(&mut |_, raw| {
            store.add(raw.into());
        });
        (root, store)
    }

    /// The vector "dogs" of ethereum/tests' TrieTests (hex_encoded_securetrie_test), whose root is published there.
    #[test]
    fn published_root() {
        let mut trie = Trie::default();
        for (key, value) in [("doe", "reindeer"), ("dog", "puppy"), ("dogglesworth", "cat")] {
            trie.insert(keccak256(key).as_slice(), value.into(), &()).unwrap();
        }
        let root = hex!("d4cd937e4a4368d7931a9cf51686b7e10abb3dce38a39000fd7902a092b64585");
        assert_eq!(trie.root(&mut |_, _| ()), B256::from(root));
    }

    #[test]
    fn what_is_written_is_read_back_from_preimages() {
        for count in [0, 1, 2, 17, 300] {
            let pairs = pairs(count, count);
            let (root, store) = stored(&mut built(&pairs));
            let mut again = Trie::new(root);
            for (key, value) in &pairs {
                assert_eq!(again.get(key.as_slice(), &store).unwrap(), Some(&value[..]));
            }
            assert_eq!(again.get(keccak256(b"absent").as_slice(), &store).unwrap(), None);
        }
    }

    /// Any order of writes and removals gives the root of what is left.
    #[test]
    fn removal_leaves_the_trie_of_the_rest() {
        for count in [1u64, 2, 3, 16, 40, 200] {
            let all = pairs(count, count);
            let (root, store) = stored(&mut built(&all));
            for kept in [0, 1, count / 2, count - 1] {
                let (rest, gone) = all.split_at(kept as usize);
                let mut trie = Trie::new(root);
                for (key, _) in gone {
                    trie.remove(key.as_slice(), &store).unwrap();
                }
                assert_eq!(trie.root(&mut |_, _| ()), built(rest).root(&mut |_, _| ()), "{kept} of {count}");
            }
        }
    }

    /// A missing sibling is named, and the trie stays as it was.
    #[test]
    fn a_missing_sibling_is_named() {
        let all: Vec<_> = pairs(7, 2).into_iter().map(|(key, _)| (key, keccak256(key).to_vec())).collect();
        let (root, store) = stored(&mut built(&all));
        let sibling = store.values().find(|raw| keccak256(raw) != root && !holds(raw, &all[0].1)).cloned();
        let Some(sibling) = sibling else { panic!("two keys make two leaves") };
        let mut short = Store::default();
        for raw in store.values().filter(|raw| **raw != sibling) {
            short.add(raw.clone());
        }
        let mut trie = Trie::new(root);
        let error = trie.remove(all[0].0.as_slice(), &short).unwrap_err();
        assert!(matches!(error, TrieError::Missing { hash, .. } if hash == keccak256(&sibling)));
        assert_eq!(trie.root(&mut |_, _| ()), root);
        trie.remove(all[0].0.as_slice(), &store).unwrap();
        assert_eq!(trie.root(&mut |_, _| ()), built(&all[1..]).root(&mut |_, _| ()));
    }

    fn holds(raw: &[u8], value: &[u8]) -> bool {
        raw.windows(value.len()).any(|window| window == value)
    }

    #[test]
    fn proofs_lead_from_the_root() {
        let all = pairs(3, 100);
        let (root, store) = stored(&mut built(&all));
        for key in [all[5].0, keccak256(b"absent")] {
            let proof = Trie::new(root).prove(key.as_slice(), &store).unwrap();
            let mut only = Store::default();
            for raw in &proof {
                only.add(raw.clone().into());
            }
            assert_eq!(keccak256(&proof[0]), root);
            let expected = Trie::new(root).get(key.as_slice(), &store).unwrap().map(<[u8]>::to_vec);
            assert_eq!(Trie::new(root).get(key.as_slice(), &only).unwrap().map(<[u8]>::to_vec), expected);
        }
    }
}
