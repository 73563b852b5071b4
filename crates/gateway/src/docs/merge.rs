//! One OpenAPI document of many. Pure.

use serde_json::{Map, Value, json};

use super::Source;

/// Makes one document of many. What a cluster does not say is missing, and the description says so; a path that no
/// route leads to is left out; of two components with one name and different content, the later gets its cluster's
/// name before its own.
pub(super) fn merge<'a>(parts: impl Iterator<Item = (&'a Source, Option<Value>)>) -> Value {
    let (mut paths, mut components, mut missing) = (Map::new(), Map::new(), Vec::new());
    for (source, document) in parts {
        let Some(mut document) = document else {
            missing.push(source.name.as_str());
            continue;
        };
        let renamed = renamed(&components, &document, &source.name);
        refer_to(&mut document, &renamed);
        let reached = |path: &String| source.prefixes.iter().any(|prefix| leads_to(prefix, path));
        paths.extend(members(&document, "/paths").into_iter().filter(|(path, _)| reached(path)));
        add_components(&mut components, &document, &renamed);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "EHS", "version": env!("CARGO_PKG_VERSION"), "description": description(&missing)},
        "paths": paths,
        "components": components,
    })
}

fn description(missing: &[&str]) -> String {
    if missing.is_empty() {
        return "All services of EHS, as seen through the gateway.".to_owned();
    }
    format!("Not complete: {} could not be asked just now.", missing.join(", "))
}

fn leads_to(prefix: &str, path: &str) -> bool {
    path == prefix || (prefix.ends_with('/') && path.starts_with(prefix))
}

/// A component that must get another name: its kind, and the names that it has and gets.
struct Renamed {
    kind: String,
    from: String,
    to: String,
}

/// Grows until no component is left that has a taken name and other content, counting what it refers to.
fn renamed(components: &Map<String, Value>, document: &Value, cluster: &str) -> Vec<Renamed> {
    let mut all: Vec<Renamed> = Vec::new();
    loop {
        let before = all.len();
        for (kind, entries) in members(document, "/components") {
            let Value::Object(entries) = entries else { continue };
            for (name, mut entry) in entries {
                let there = components.get(&kind).and_then(|there| there.get(&name));
                refer_to(&mut entry, &all);
                let known = all.iter().any(|it| it.kind == kind && it.from == name);
                if !known && there.is_some_and(|there| *there != entry) {
                    all.push(Renamed { kind: kind.clone(), to: format!("{cluster}.{name}"), from: name });
                }
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

/// Points every `$ref` to a component that gets another name to that name.
fn refer_to(value: &mut Value, renamed: &[Renamed]) {
    if renamed.is_empty() {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer_to(item, renamed)),
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(target) if key == "$ref" => {
                        let is_meant = |it: &&Renamed| *target == format!("#/components/{}/{}", it.kind, it.from);
                        if let Some(it) = renamed.iter().find(is_meant) {
                            *target = format!("#/components/{}/{}", it.kind, it.to);
                        }
                    }
                    member => refer_to(member, renamed),
                }
            }
        }
        _ => {}
    }
}

fn add_components(components: &mut Map<String, Value>, document: &Value, renamed: &[Renamed]) {
    for (kind, entries) in members(document, "/components") {
        let name = |name: String| {
            let other = renamed.iter().find(|it| it.kind == kind && it.from == name);
            other.map_or(name, |it| it.to.clone())
        };
        let Value::Object(entries) = entries else { continue };
        let entries: Map<String, Value> = entries.into_iter().map(|(key, entry)| (name(key), entry)).collect();
        if let Value::Object(all) = components.entry(kind.clone()).or_insert_with(|| json!({})) {
            all.extend(entries);
        }
    }
}

fn members(document: &Value, pointer: &str) -> Map<String, Value> {
    document.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn source(name: &str) -> Source {
        let base = "http://127.0.0.1:1".parse().unwrap();
        Source { name: name.to_owned(), base, prefixes: vec![format!("/{name}/")] }
    }

    fn merged<const N: usize>(parts: [(&str, Option<Value>); N]) -> Value {
        let (sources, documents): (Vec<_>, Vec<_>) = parts.into_iter().map(|(name, part)| (source(name), part)).unzip();
        merge(sources.iter().zip(documents))
    }

    #[test]
    fn documents_become_one_and_a_missing_one_is_named() {
        let books = json!({"paths": {"/books/": {}, "/inner/": {}}, "components": {"schemas": {"Book": {}}}});
        let films = json!({"paths": {"/films/{id}/": {}}, "components": {"schemas": {"Film": {}}, "securitySchemes": {"t": {}}}});
        let one = merged([("books", Some(books)), ("films", Some(films)), ("songs", None)]);
        assert_eq!(one["paths"], json!({"/books/": {}, "/films/{id}/": {}}));
        assert_eq!(one["components"], json!({"schemas": {"Book": {}, "Film": {}}, "securitySchemes": {"t": {}}}));
        assert!(one["info"]["description"].as_str().is_some_and(|text| text.contains("songs")));
    }

    #[test]
    fn two_components_of_one_name_stay_two() {
        let part = |words: &[&str], path: &str| {
            json!({
                "paths": {path: {"schema": {"$ref": "#/components/schemas/List"}}},
                "components": {"schemas": {
                    "Status": {"enum": words},
                    "List": {"items": {"$ref": "#/components/schemas/Status"}},
                    "Fault": {"type": "object"},
                }},
            })
        };
        let one = merged([("books", Some(part(&["LENT"], "/books/"))), ("films", Some(part(&["SHOWN"], "/films/")))]);
        let schemas = &one["components"]["schemas"];
        assert_eq!(schemas["Status"]["enum"], json!(["LENT"]));
        assert_eq!(schemas["films.Status"]["enum"], json!(["SHOWN"]));
        assert_eq!(schemas["List"]["items"]["$ref"], "#/components/schemas/Status");
        assert_eq!(schemas["films.List"]["items"]["$ref"], "#/components/schemas/films.Status");
        assert_eq!(one["paths"]["/films/"]["schema"]["$ref"], "#/components/schemas/films.List");
        assert_eq!(one["paths"]["/books/"]["schema"]["$ref"], "#/components/schemas/List");
        assert!(schemas["Fault"].is_object() && schemas["films.Fault"].is_null(), "the same twice is one");
    }

    #[test]
    fn nonsense_spoils_nothing() {
        let odd = json!({"paths": [], "components": {"schemas": 7}});
        let fine = json!({"paths": {"/books/": {}}});
        let one = merged([("odd", Some(odd)), ("books", Some(fine))]);
        assert_eq!(one["paths"], json!({"/books/": {}}));
    }
}
