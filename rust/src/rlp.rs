//! RLP (yellow paper appendix B), strict and bounded: canonical lengths only, no trailing bytes.

/// A decoded item that borrows from its input.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Bytes(&'a [u8]),
    List(Vec<Item<'a>>),
}

/// The most items one input may hold.
pub const MAX_ITEMS: usize = 4_000_000;

type Result<T> = std::result::Result<T, &'static str>;

/// Decodes exactly one item; `items` counts every item met, against [`MAX_ITEMS`].
pub fn decode<'a>(data: &'a [u8], max_depth: usize, items: &mut usize) -> Result<Item<'a>> {
    let (item, rest) = decode_prefix(data, max_depth, items)?;
    if rest.is_empty() { Ok(item) } else { Err("RLP with bytes after its end") }
}

fn decode_prefix<'a>(data: &'a [u8], depth: usize, items: &mut usize) -> Result<(Item<'a>, &'a [u8])> {
    *items += 1;
    if *items > MAX_ITEMS {
        return Err("RLP with too many items");
    }
    let (list, payload, rest) = split(data)?;
    if !list {
        return Ok((Item::Bytes(payload), rest));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err("RLP nested too deep");
    };
    let mut children = Vec::new();
    let mut left = payload;
    while !left.is_empty() {
        let (child, after) = decode_prefix(left, depth, items)?;
        children.push(child);
        left = after;
    }
    Ok((Item::List(children), rest))
}

/// Splits the first item off: whether it is a list, its payload, what follows.
pub fn split(data: &[u8]) -> Result<(bool, &[u8], &[u8])> {
    let (&first, after) = data.split_first().ok_or("RLP that ends early")?;
    let (list, length, body) = match first {
        0x00..=0x7f => return Ok((false, &data[..1], after)),
        0x80..=0xb7 => (false, (first - 0x80) as usize, after),
        0xb8..=0xbf => {
            let (length, body) = long_length(after, (first - 0xb7) as usize)?;
            (false, length, body)
        }
        0xc0..=0xf7 => (true, (first - 0xc0) as usize, after),
        0xf8..=0xff => {
            let (length, body) = long_length(after, (first - 0xf7) as usize)?;
            (true, length, body)
        }
    };
    if body.len() < length {
        return Err("RLP that ends early");
    }
    let (payload, rest) = body.split_at(length);
    if !list && length == 1 && payload[0] < 0x80 {
        return Err("RLP with a single byte in long form");
    }
    Ok((list, payload, rest))
}

fn long_length(data: &[u8], size: usize) -> Result<(usize, &[u8])> {
    if data.len() < size {
        return Err("RLP that ends early");
    }
    let (digits, rest) = data.split_at(size);
    if digits[0] == 0 || size > 4 {
        return Err("RLP with a length that is not canonical or too large");
    }
    let length = digits.iter().fold(0usize, |sum, &digit| sum << 8 | digit as usize);
    if length < 56 { Err("RLP with a short length in long form") } else { Ok((length, rest)) }
}

/// How long an item is when encoded.
pub fn length(item: &Item<'_>) -> usize {
    let payload = match item {
        Item::Bytes([0..0x80]) => return 1,
        Item::Bytes(bytes) => bytes.len(),
        Item::List(items) => items.iter().map(length).sum(),
    };
    let mut header = Vec::with_capacity(9);
    put_header(&mut header, 0, payload);
    header.len() + payload
}

fn put_header(out: &mut Vec<u8>, short: u8, length: usize) {
    if length < 56 {
        out.push(short + length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[digits.iter().take_while(|&&digit| digit == 0).count()..];
        out.push(short + 55 + digits.len() as u8);
        out.extend(digits);
    }
}

pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if let [single @ 0..0x80] = bytes {
        out.push(*single);
    } else {
        put_header(out, 0x80, bytes.len());
        out.extend(bytes);
    }
}

/// An integer without leading zeros, given big-endian.
pub fn put_be(out: &mut Vec<u8>, big_endian: &[u8]) {
    put_bytes(out, &big_endian[big_endian.iter().take_while(|&&digit| digit == 0).count()..]);
}

pub fn put_uint(out: &mut Vec<u8>, value: u64) {
    put_be(out, &value.to_be_bytes());
}

/// Wraps already encoded items into a list.
pub fn list(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 9);
    put_header(&mut out, 0xc0, body.len());
    out.extend(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_encoding() {
        for size in [0, 1, 2, 55, 56, 255, 256, 70_000] {
            let (bytes, mut raw) = (vec![0x90; size], Vec::new());
            put_bytes(&mut raw, &bytes);
            assert_eq!(length(&Item::Bytes(&bytes)), raw.len());
            let both = Item::List(vec![Item::Bytes(&bytes), Item::List(vec![])]);
            assert_eq!(length(&both), list(&[&raw[..], &[0xc0]].concat()).len());
        }
        assert_eq!(length(&Item::Bytes(&[5])), 1);
    }
}
