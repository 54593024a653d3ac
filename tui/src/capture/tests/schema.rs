//! `docs/capture.proto` says what the messages are.

/// A field: message, name, type, number.
type Field = (String, String, String, u32);

/// The fields of the `.proto`.
fn documented() -> Vec<Field> {
    let mut fields = Vec::new();
    let mut message = String::new();
    for line in include_str!("../../../../docs/capture.proto").lines() {
        let code = line.split("//").next().unwrap().trim();
        if let Some(name) = code.strip_prefix("message ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some((left, number)) = code.split_once(" = ")
            && !message.is_empty()
        {
            let (kind, name) = left.rsplit_once(' ').unwrap();
            let number = number.trim_end_matches(';').parse().unwrap();
            fields.push((message.clone(), name.to_owned(), kind.to_owned(), number));
        }
    }
    fields
}

/// The fields of the structs, as the attributes that make their code say.
fn written() -> Vec<Field> {
    let mut fields = Vec::new();
    let (mut message, mut attribute) = (String::new(), String::new());
    for line in include_str!("../messages.rs").lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("pub struct ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some(content) = line.strip_prefix("#[prost(") {
            attribute = content.to_owned();
        } else if let Some(field) = line.strip_prefix("pub ")
            && let Some((name, rust)) = field.trim_end_matches(',').split_once(": ")
        {
            let number = attribute.split('"').nth(attribute.matches('"').count() - 1).unwrap();
            let kind = kind(&attribute, rust);
            fields.push((message.clone(), name.to_owned(), kind, number.parse().unwrap()));
        }
    }
    fields
}

/// The type as the `.proto` names it.
fn kind(attribute: &str, rust: &str) -> String {
    let wire = attribute.split([',', ' ']).next().unwrap();
    match (wire, rust) {
        ("bytes", "Unsigned") => "repeated uint64".to_owned(),
        ("bytes", "Signed") => "repeated sint64".to_owned(),
        ("bytes", "Vec<u8>") => "bytes".to_owned(),
        ("message", rust) => match rust.strip_prefix("Vec<") {
            Some(inner) => format!("repeated {}", inner.trim_end_matches('>')),
            None => rust.to_owned(),
        },
        (wire, rust) if rust.starts_with("Vec<") => format!("repeated {wire}"),
        (wire, _) => wire.to_owned(),
    }
}

#[test]
fn the_documented_messages_are_those_that_are_written() {
    let (documented, written) = (documented(), written());
    assert!(written.len() > 100, "{} fields found", written.len());
    for field in &written {
        assert!(documented.contains(field), "the .proto has no {field:?}");
    }
    for field in &documented {
        assert!(written.contains(field), "no struct has {field:?}");
    }
}
