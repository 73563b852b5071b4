//! The rules of `proto-schemas/`: style, and what may not change once published.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use events::{envelope::EVENT_TYPES, subscriptions::Subscriptions};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::Label, source_code_info::Location,
};
use protox::prost::Message;

const PACKAGE: &str = "ehs.events.v1";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-schemas")
}

/// All files of the package, compiled; those of `google.protobuf` left out.
fn compiled() -> FileDescriptorSet {
    let found = fs::read_dir(folder().join("ehs/events/v1")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = found.map(|name| format!("ehs/events/v1/{}", name.to_str().unwrap())).collect();
    files.sort();
    let mut set = protox::compile(&files, [folder()]).unwrap();
    set.file.retain(|file| !file.name().starts_with("google/"));
    assert_eq!(set.file.len(), files.len());
    set
}

#[test]
fn schemas_follow_the_rules() {
    let faults: Vec<String> = compiled().file.iter().flat_map(lint).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn schemas_break_nothing_that_was_published() {
    let baseline = folder().join("baseline.binpb");
    let now = compiled();
    if let Ok(before) = fs::read(&baseline) {
        let faults = breaking(&FileDescriptorSet::decode(before.as_slice()).unwrap(), &now);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    } else {
        assert!(env::var_os("EHS_RENEW_BASELINE").is_some(), "{} is missing", baseline.display());
    }
    if env::var_os("EHS_RENEW_BASELINE").is_some() {
        let mut published = now;
        published.file.iter_mut().for_each(|file| file.source_code_info = None);
        fs::write(baseline, published.encode_to_vec()).unwrap();
    }
}

#[test]
fn every_payload_has_a_name_and_a_line_in_the_subscriptions() {
    let set = compiled();
    let envelope =
        set.file.iter().flat_map(|file| &file.message_type).find(|message| message.name() == "Envelope").unwrap();
    let payloads = envelope.field.iter().filter(|field| field.oneof_index.is_some());
    let variants: BTreeSet<String> = payloads.map(|field| pascal(field.name())).collect();
    let known: BTreeSet<String> = EVENT_TYPES.iter().copied().map(str::to_owned).collect();
    let subscribed: BTreeSet<String> = Subscriptions::committed().events().map(str::to_owned).collect();
    assert_eq!(variants, known);
    assert_eq!(variants, subscribed);
}

fn pascal(snake: &str) -> String {
    snake.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

// ---- style ----

fn lint(file: &FileDescriptorProto) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, what: String| {
        if !holds {
            faults.push(format!("{}: {what}", file.name()));
        }
    };
    require(file.package() == PACKAGE, format!("package is {}", file.package()));
    require(file.name().starts_with(&PACKAGE.replace('.', "/")), "the folder is not the package's".to_owned());
    require(file.syntax() == "proto3", "syntax is not proto3".to_owned());
    let comments = Comments::of(file);
    for (index, message) in file.message_type.iter().enumerate() {
        let (name, path) = (message.name(), [4, index as i32]);
        require(is_pascal(name), format!("{name} is not PascalCase"));
        require(comments.has(&path), format!("{name} has no comment"));
        require(message.nested_type.is_empty(), format!("{name} has messages inside"));
        for (index, field) in message.field.iter().enumerate() {
            let field_name = field.name();
            require(is_snake(field_name), format!("{name}.{field_name} is not snake_case"));
            require(comments.has(&[path[0], path[1], 2, index as i32]), format!("{name}.{field_name} has no comment"));
        }
    }
    for (index, kind) in file.enum_type.iter().enumerate() {
        let (name, path) = (kind.name(), [5, index as i32]);
        require(comments.has(&path), format!("{name} has no comment"));
        let prefix = screaming(name);
        let zero = kind.value.iter().find(|value| value.number() == 0);
        require(
            zero.is_some_and(|value| value.name() == format!("{prefix}_UNSPECIFIED")),
            format!("{name} has no {prefix}_UNSPECIFIED = 0"),
        );
        for (index, value) in kind.value.iter().enumerate() {
            require(
                value.name().starts_with(&format!("{prefix}_")),
                format!("{} does not begin with {prefix}_", value.name()),
            );
            require(comments.has(&[path[0], path[1], 2, index as i32]), format!("{} has no comment", value.name()));
        }
    }
    faults
}

/// Which elements have a comment before them, by their path in the descriptor.
struct Comments(BTreeSet<Vec<i32>>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let locations = file.source_code_info.as_ref().map_or(&[][..], |info| &info.location);
        let commented = |location: &&Location| !location.leading_comments().trim().is_empty();
        Self(locations.iter().filter(commented).map(|location| location.path.clone()).collect())
    }

    fn has(&self, path: &[i32]) -> bool {
        self.0.contains(path)
    }
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn screaming(pascal: &str) -> String {
    let mut name = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

// ---- compatibility ----

/// What `now` takes away from readers and writers of `before`.
fn breaking(before: &FileDescriptorSet, now: &FileDescriptorSet) -> Vec<String> {
    let (messages, kinds) = (messages(now), enums(now));
    let mut faults = Vec::new();
    for (name, old) in self::messages(before) {
        match messages.get(&name) {
            None => faults.push(format!("{name} was removed")),
            Some(new) => faults.extend(old.field.iter().filter_map(|field| changed(&name, field, old, new))),
        }
    }
    for (name, old) in enums(before) {
        for value in &old.value {
            let kept = kinds
                .get(&name)
                .is_some_and(|new| new.value.iter().any(|v| v.name() == value.name() && v.number() == value.number()));
            if !kept {
                faults.push(format!("{name}.{} was removed or renumbered", value.name()));
            }
        }
    }
    faults
}

fn changed(
    message: &str,
    old: &FieldDescriptorProto,
    before: &DescriptorProto,
    now: &DescriptorProto,
) -> Option<String> {
    let label = format!("{message}.{} = {}", old.name(), old.number());
    let Some(new) = now.field.iter().find(|field| field.number() == old.number()) else {
        return Some(format!("{label} was removed or renumbered"));
    };
    let same_type = (new.r#type(), new.type_name(), new.label() == Label::Repeated, new.proto3_optional())
        == (old.r#type(), old.type_name(), old.label() == Label::Repeated, old.proto3_optional());
    if new.name() != old.name() {
        Some(format!("{label} was renamed to {}", new.name()))
    } else if !same_type {
        Some(format!("{label} changed its type"))
    } else if oneof(old, before) != oneof(new, now) {
        Some(format!("{label} moved into or out of a oneof"))
    } else {
        None
    }
}

fn oneof<'a>(field: &FieldDescriptorProto, message: &'a DescriptorProto) -> Option<&'a str> {
    field.oneof_index.map(|index| message.oneof_decl[index as usize].name())
}

fn messages(set: &FileDescriptorSet) -> BTreeMap<String, &DescriptorProto> {
    set.file.iter().flat_map(|file| &file.message_type).map(|message| (message.name().to_owned(), message)).collect()
}

fn enums(set: &FileDescriptorSet) -> BTreeMap<String, &EnumDescriptorProto> {
    set.file.iter().flat_map(|file| &file.enum_type).map(|kind| (kind.name().to_owned(), kind)).collect()
}

// ---- the checks, checked ----

/// The schemas after a change to the field `Envelope.type`.
fn with(change: impl Fn(&mut DescriptorProto)) -> FileDescriptorSet {
    let mut set = compiled();
    let envelope = set
        .file
        .iter_mut()
        .flat_map(|file| &mut file.message_type)
        .find(|message| message.name() == "Envelope")
        .unwrap();
    change(envelope);
    set
}

#[test]
fn each_breaking_change_is_found_and_additions_are_none() {
    use prost_types::field_descriptor_proto::Type;
    let found = |change: fn(&mut DescriptorProto)| breaking(&compiled(), &with(change)).join(";");
    let added =
        FieldDescriptorProto { name: Some("note".to_owned()), number: Some(99), ..FieldDescriptorProto::default() };
    assert!(breaking(&compiled(), &with(|envelope| envelope.field.push(added.clone()))).is_empty());
    assert!(found(|envelope| drop(envelope.field.remove(1))).contains("removed"));
    assert!(found(|envelope| envelope.field[1].number = Some(99)).contains("renumbered"));
    assert!(found(|envelope| envelope.field[1].name = Some("kind".to_owned())).contains("renamed"));
    assert!(found(|envelope| envelope.field[1].set_type(Type::Bytes)).contains("type"));
    assert!(found(|envelope| envelope.field[1].oneof_index = Some(0)).contains("oneof"));
    assert!(found(|envelope| envelope.name = Some("Letter".to_owned())).contains("removed"));
}

#[test]
fn each_fault_of_style_is_found() {
    let found = |source: &str| {
        let folder = env::temp_dir().join(format!("ehs-schemas-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.proto"), source).unwrap();
        let set = protox::compile(["a.proto"], [&folder]).unwrap();
        fs::remove_dir_all(folder).unwrap();
        lint(&set.file[0]).join(";")
    };
    let faults = found(
        "syntax = \"proto3\"; package other; message bad_name { string BadField = 1; } enum State { STATE_ON = 0; OFF = 1; }",
    );
    for fault in [
        "package",
        "folder",
        "bad_name is not Pascal",
        "bad_name has no comment",
        "BadField is not snake",
        "BadField has no comment",
    ] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
    assert!(faults.contains("STATE_UNSPECIFIED = 0") && faults.contains("OFF does not begin"), "{faults}");
}
