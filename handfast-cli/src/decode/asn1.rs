//! Any DER, read along tables that name its fields: also what is cut off, or what the library refuses, up to where it breaks.

use super::Decoder;
use super::span::{Broken, Span};
use super::tree::{Node, Value};
use handfast::Time;

/// What an integer stands for.
pub(super) type Meaning = fn(i64) -> Option<String>;

/// What is to be done with a node once its fields are read, also if they were not all readable.
pub(super) type After = fn(&mut Decoder, &mut Node);

/// An ASN.1 type, as far as it has to be known for reading its values.
pub(super) enum Type {
    Integer,
    /// INTEGER or ENUMERATED with names.
    Named(Meaning),
    Boolean,
    /// Any kind of string of characters.
    Text,
    /// A UTF8String that some peers write as an OCTET STRING.
    TextOrOctets,
    Octets,
    /// An OCTET STRING that is a key.
    Key,
    Time,
    Oid,
    /// BIT STRING of flags: their names, from 32 bits of which the first is the most significant.
    Flags(fn(u32) -> Vec<String>),
    Sequence(&'static [Field]),
    /// SEQUENCE OF, and what one of it is called.
    List(&'static str, &'static Type),
    /// An explicit tag in front.
    Tagged(u8, &'static Type),
    /// One of two explicit tags in front.
    TaggedEither([u8; 2], &'static Type),
    /// With a second look at what was read.
    Then(&'static Type, After),
    Any,
}

/// A field of a SEQUENCE: its number, name and type.
pub(super) struct Field(pub(super) u8, pub(super) &'static str, pub(super) &'static Type);

/// Nesting beyond this is not followed.
const DEPTH_LIMIT: usize = 48;

/// An element's identifier octet and its contents, of which some may be missing.
struct Element<'a> {
    tag: u8,
    contents: Span<'a>,
    missing: usize,
}

impl Decoder {
    /// Reads one element of `ty` into `node`. What could be read is there also if not all could.
    pub(super) fn read(&mut self, node: &mut Node, ty: &'static Type, span: &mut Span<'_>) -> Result<(), Broken> {
        if let Type::Then(ty, after) = ty {
            let read = self.read(node, ty, span);
            after(self, node);
            return read;
        }
        if self.depth >= DEPTH_LIMIT {
            return Err(span.broken(format!("nested more than {DEPTH_LIMIT} deep")));
        }
        self.count(span)?;
        self.depth += 1;
        let read = self.element(node, ty, span);
        self.depth -= 1;
        read
    }

    fn element(&mut self, node: &mut Node, ty: &'static Type, span: &mut Span<'_>) -> Result<(), Broken> {
        let start = span.offset;
        let element = element(span)?;
        node.at = Some(start..element.contents.range().end);
        self.contents(node, ty, &element)?;
        match element.missing {
            0 => Ok(()),
            missing => Err(span.broken(format!("{}: {missing} more bytes needed, none left", node.name))),
        }
    }

    /// Reads all of `bytes`, which begin at `offset`, as one `ty`.
    pub(super) fn read_all(&mut self, node: &mut Node, ty: &'static Type, span: Span<'_>) -> Result<(), Broken> {
        let mut span = span;
        self.read(node, ty, &mut span)?;
        span.finish()
    }

    fn contents(&mut self, node: &mut Node, ty: &'static Type, element: &Element<'_>) -> Result<(), Broken> {
        match ty {
            Type::Sequence(fields) => self.sequence(node, fields, element),
            Type::List(name, item) => self.list(node, name, item, element),
            Type::Tagged(tag, inner) => self.tagged(node, &[*tag], inner, element),
            Type::TaggedEither(tags, inner) => self.tagged(node, tags, inner, element),
            Type::Any => self.any(node, element),
            _ => primitive(node, ty, element),
        }
    }

    fn tagged(&mut self, node: &mut Node, tags: &[u8], ty: &'static Type, element: &Element<'_>) -> Result<(), Broken> {
        expect(element, tags)?;
        let at = node.at.clone();
        let mut contents = element.contents;
        let read = self.read(node, ty, &mut contents);
        node.at = at;
        read?;
        contents.finish()
    }

    fn sequence(&mut self, node: &mut Node, fields: &'static [Field], element: &Element<'_>) -> Result<(), Broken> {
        expect(element, &[0x30])?;
        let mut rest = element.contents;
        while !rest.is_empty() {
            let known = rest.rest.first().and_then(|tag| fields.iter().find(|field| 0xa0 | field.0 == *tag));
            let mut child = Node::new(known.map_or("unknown_field", |field| field.1));
            let outer = std::mem::replace(&mut self.within, node.name.to_string());
            let read = match known {
                Some(field) => self.field(&mut child, field.2, &mut rest),
                None => self.read(&mut child, &Type::Any, &mut rest),
            };
            self.within = outer;
            node.fields.push(child);
            read?;
        }
        Ok(())
    }

    /// A field's explicit tag, and what it holds.
    fn field(&mut self, child: &mut Node, ty: &'static Type, rest: &mut Span<'_>) -> Result<(), Broken> {
        let tagged = element(rest)?;
        let mut contents = tagged.contents;
        self.read(child, ty, &mut contents)?;
        contents.finish()?;
        match tagged.missing {
            0 => Ok(()),
            missing => Err(rest.broken(format!("{}: {missing} more bytes needed, none left", child.name))),
        }
    }

    fn list(
        &mut self,
        node: &mut Node,
        name: &'static str,
        item: &'static Type,
        element: &Element<'_>,
    ) -> Result<(), Broken> {
        expect(element, &[0x30])?;
        let mut rest = element.contents;
        while !rest.is_empty() {
            let mut child = Node::new(name);
            let read = self.read(&mut child, item, &mut rest);
            node.fields.push(child);
            read?;
        }
        Ok(())
    }

    /// An element of which nothing is known: by its own tag.
    fn any(&mut self, node: &mut Node, element: &Element<'_>) -> Result<(), Broken> {
        match element.tag {
            0x01 => primitive(node, &Type::Boolean, element),
            0x02 | 0x0a => primitive(node, &Type::Integer, element),
            0x06 => primitive(node, &Type::Oid, element),
            0x0c | 0x13 | 0x16 | 0x1b => primitive(node, &Type::Text, element),
            0x18 => primitive(node, &Type::Time, element),
            tag if tag & 0x20 != 0 => {
                node.means = constructed(tag);
                let mut rest = element.contents;
                while !rest.is_empty() {
                    let mut child = Node::new("element");
                    let read = self.read(&mut child, &Type::Any, &mut rest);
                    node.fields.push(child);
                    read?;
                }
                Ok(())
            }
            tag => {
                node.means = format!("tag 0x{tag:02x}");
                node.value = Value::Bytes(element.contents.rest.to_vec());
                // In what was encrypted, an unknown field may hold a key.
                if self.decrypted > 0 {
                    node.hide();
                }
                Ok(())
            }
        }
    }
}

fn constructed(tag: u8) -> String {
    match tag {
        0x30 => "SEQUENCE".to_owned(),
        0x31 => "SET".to_owned(),
        0x60..=0x7f => format!("[APPLICATION {}]", tag & 0x1f),
        0xa0..=0xbf => format!("[{}]", tag & 0x1f),
        _ => format!("tag 0x{tag:02x}"),
    }
}

/// The next element's header and contents, as far as they are there.
fn element<'a>(span: &mut Span<'a>) -> Result<Element<'a>, Broken> {
    let start = *span;
    let tag = span.u8("an ASN.1 tag")?;
    if tag & 0x1f == 0x1f {
        return Err(start.broken(format!("tag 0x{tag:02x}: tags of more than one byte are not read")));
    }
    let at = *span;
    let length = match span.u8("an ASN.1 length")? {
        short @ 0..=0x7f => usize::from(short),
        0x80 => return Err(at.broken("an indefinite length is not DER")),
        long => {
            let count = usize::from(long & 0x7f);
            if count > 4 {
                return Err(at.broken("a length beyond 32 bits"));
            }
            let octets = span.take(count, "an ASN.1 length")?.rest;
            let length = octets.iter().fold(0_usize, |length, octet| (length << 8) | usize::from(*octet));
            if length < 0x80 || octets.first() == Some(&0) {
                return Err(at.broken("a length that is not in its shortest form, as DER wants it"));
            }
            length
        }
    };
    let contents = span.take_some(length);
    Ok(Element { tag, missing: length - contents.rest.len(), contents })
}

fn expect(element: &Element<'_>, tags: &[u8]) -> Result<(), Broken> {
    if tags.contains(&element.tag) {
        return Ok(());
    }
    let needed: Vec<String> = tags.iter().map(|tag| format!("0x{tag:02x}")).collect();
    Err(element.contents.broken(format!("tag {} needed, tag 0x{:02x} found", needed.join(" or "), element.tag)))
}

/// The tags that values of a type with no parts may have.
fn tags(ty: &Type) -> &'static [u8] {
    match ty {
        Type::Integer | Type::Named(_) => &[0x02, 0x0a],
        Type::Boolean => &[0x01],
        Type::Text => &[0x1b, 0x0c, 0x13, 0x16],
        Type::TextOrOctets => &[0x1b, 0x0c, 0x13, 0x16, 0x04],
        Type::Time => &[0x18],
        Type::Oid => &[0x06],
        Type::Flags(_) => &[0x03],
        _ => &[0x04],
    }
}

fn primitive(node: &mut Node, ty: &'static Type, element: &Element<'_>) -> Result<(), Broken> {
    let (contents, bytes) = (&element.contents, element.contents.rest);
    node.at = Some(contents.range());
    if element.missing > 0 && !matches!(ty, Type::Octets | Type::Key | Type::Text) {
        return Ok(());
    }
    expect(element, tags(ty))?;
    node.value = match ty {
        Type::Integer => Value::Number(integer(contents)?),
        Type::Named(meaning) => {
            let number = integer(contents)?;
            node.means = meaning(number).unwrap_or_default();
            Value::Number(number)
        }
        Type::Boolean => Value::Boolean(boolean(contents)?),
        Type::Text | Type::TextOrOctets => return text(node, element),
        Type::Time => {
            Value::Time(generalized_time(bytes).ok_or_else(|| contents.broken("no time of the form YYYYMMDDHHMMSSZ"))?)
        }
        Type::Oid => {
            node.means = super::names::oid_name(bytes).unwrap_or_default().to_owned();
            Value::Text(dotted(bytes).ok_or_else(|| contents.broken("not an object identifier"))?)
        }
        Type::Flags(names) => {
            let bits = bits(contents)?;
            Value::Flags(bits.into(), names(bits))
        }
        Type::Key => Value::Hidden(handfast::crypto::Secret::new(bytes.to_vec())),
        _ => Value::Bytes(bytes.to_vec()),
    };
    Ok(())
}

fn boolean(contents: &Span<'_>) -> Result<bool, Broken> {
    match contents.rest {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(contents.broken("a BOOLEAN is 00 or ff")),
    }
}

/// A string, or its octets if they are none.
fn text(node: &mut Node, element: &Element<'_>) -> Result<(), Broken> {
    if element.tag == 0x04 {
        node.means = "an OCTET STRING, as MIT krb5 to 1.21 has it".to_owned();
    }
    let bytes = element.contents.rest;
    let text = std::str::from_utf8(bytes);
    node.value = text.map_or_else(|_| Value::Bytes(bytes.to_vec()), |text| Value::Text(text.to_owned()));
    text.map(drop).map_err(|_| element.contents.broken("the string is not UTF-8"))
}

fn integer(contents: &Span<'_>) -> Result<i64, Broken> {
    match contents.rest {
        [] => Err(contents.broken("an INTEGER without octets")),
        [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => {
            Err(contents.broken("an INTEGER that is not in its shortest form"))
        }
        octets @ [first, ..] if octets.len() <= 8 => {
            let sign = if first & 0x80 == 0 { 0 } else { -1 };
            Ok(octets.iter().fold(sign, |number, octet| (number << 8) | i64::from(*octet)))
        }
        _ => Err(contents.broken("an INTEGER beyond 64 bits")),
    }
}

/// The first 32 bits of a BIT STRING; missing ones are zero.
fn bits(contents: &Span<'_>) -> Result<u32, Broken> {
    match contents.rest {
        [unused @ 0..=7, octets @ ..] if !octets.is_empty() || *unused == 0 => {
            let octet = |index: usize| octets.get(index).copied().unwrap_or(0);
            Ok(u32::from_be_bytes([octet(0), octet(1), octet(2), octet(3)]))
        }
        _ => Err(contents.broken("not a BIT STRING")),
    }
}

/// Seconds from 1970 on (RFC 4120 5.2.3), read by the library.
fn generalized_time(bytes: &[u8]) -> Option<Time> {
    let mut der = vec![0x18, u8::try_from(bytes.len()).ok()?];
    der.extend_from_slice(bytes);
    handfast::krb5::message::KerberosTime::decode(&der).ok().map(|time| time.to_time())
}

/// An object identifier's numbers; nothing if its last number has no end, or one is beyond 64 bits.
pub(super) fn dotted(bytes: &[u8]) -> Option<String> {
    let mut numbers = Vec::new();
    let mut arc = 0_u64;
    for byte in bytes {
        arc = arc.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let top = (arc / 40).min(2);
                numbers.push(top.to_string());
                arc -= top * 40;
            }
            numbers.push(arc.to_string());
            arc = 0;
        }
    }
    match bytes.last() {
        Some(last) if last & 0x80 == 0 => Some(numbers.join(".")),
        _ => None,
    }
}
