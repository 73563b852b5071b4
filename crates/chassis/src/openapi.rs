//! The OpenAPI document of a service: what its handlers say, and what is so of every operation.
//!
//! An operation is named by its method and path, wants a token unless it says otherwise, and answers a fault with a problem
//! (RFC 9457) unless it says otherwise; so none of them has to say it.

use std::str::FromStr as _;

use actix_web::App;
use actix_web::http::{Method, StatusCode};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::AllOfBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, Content, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Response, Schema,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use crate::http::Routes;
use crate::problem::MEDIA_TYPE;
use crate::strict_json::Fault;

/// What a token is called in a document.
const BEARER: &str = "bearer";
const JSON: &str = "application/json";

/// A fault, as RFC 9457 has it. An operation may add members of its own.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "it describes what `Problem` writes")]
struct Described {
    /// What kind of fault it is; `about:blank` where the status says it all.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// The path that was asked.
    instance: Option<String>,
    /// The trace of the request: tell it to whoever runs the system.
    trace_id: Option<String>,
    /// Of bad input: every fault of it.
    #[schema(required = false)]
    errors: Vec<Fault>,
}

/// The document of `routes`.
pub fn document(title: &str, routes: impl Routes) -> OpenApi {
    let info = Info::new(title, env!("CARGO_PKG_VERSION"));
    let empty = OpenApiBuilder::new().info(info).components(Some(components())).build();
    let app = App::new().into_utoipa_app().openapi(empty).configure(|config| routes(config));
    let mut document = app.split_for_parts().1;
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete(operation, &method, path);
        }
    }
    document
}

/// The operations of a path, with their methods.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn components() -> Components {
    let token = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(token))
        .schema(Described::name(), Described::schema())
        .schema(Fault::name(), Fault::schema())
        .build()
}

fn complete(operation: &mut Operation, method: &Method, path: &str) {
    operation.operation_id = Some(operation_id(method, path));
    operation.security.get_or_insert_with(|| vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let answers = &mut operation.responses.responses;
    for (status, answer) in answers.iter_mut() {
        describe(status, answer);
    }
    answers.entry("default".to_owned()).or_insert_with(|| RefOr::T(Response::new("any other fault")));
    let mut faults: Vec<&mut Response> = answers.iter_mut().filter_map(fault).collect();
    // some operations tell them in the words of another standard
    let others = faults.iter().map(|answer| &answer.content).find(|told| !told.is_empty() && !told.contains_key(JSON));
    let words = others.cloned().unwrap_or_else(|| [(MEDIA_TYPE.to_owned(), content(problem()))].into());
    for answer in &mut faults {
        if let Some(RefOr::T(Content { schema: Some(own), .. })) = answer.content.shift_remove(JSON) {
            let both = AllOfBuilder::new().item(problem()).item(own).build();
            answer.content.insert(MEDIA_TYPE.to_owned(), content(RefOr::T(both.into())));
        } else if answer.content.is_empty() {
            answer.content = words.clone();
        }
    }
}

/// Says of an answer at least what its status is called.
fn describe(status: &str, answer: &mut RefOr<Response>) {
    if let RefOr::T(answer) = answer
        && answer.description.is_empty()
    {
        let status = StatusCode::from_str(status).ok();
        answer.description = status.and_then(|status| status.canonical_reason()).unwrap_or("an answer").to_owned();
    }
}

/// The answer, if its status is of a fault.
fn fault<'a>((status, answer): (&String, &'a mut RefOr<Response>)) -> Option<&'a mut Response> {
    match answer {
        RefOr::T(answer) if status == "default" || status.starts_with(['4', '5']) => Some(answer),
        _ => None,
    }
}

fn problem() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(Described::name()))
}

fn content(schema: RefOr<Schema>) -> RefOr<Content> {
    RefOr::T(Content::new(Some(schema)))
}

/// `GET /api/patients/{id}/access-log/` is `get_patients_id_access_log`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !matches!(*word, "" | "api"));
    [method.as_str().to_lowercase().as_str()].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;
    use utoipa::openapi::path::OperationBuilder;
    use utoipa::openapi::response::ResponseBuilder;

    use super::*;

    fn completed(operation: OperationBuilder) -> serde_json::Value {
        let mut operation = operation.build();
        complete(&mut operation, &Method::GET, "/api/books/{id}/first-page/");
        serde_json::to_value(operation).unwrap()
    }

    fn answer(media_type: &str, schema: &str) -> Response {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema))));
        ResponseBuilder::new().description("x").content(media_type, content).build()
    }

    #[test]
    fn what_an_operation_does_not_say_is_so_of_all() {
        let operation = OperationBuilder::new()
            .response("200", Response::new("a book"))
            .response("304", Response::new(""))
            .response("404", Response::new("none"));
        let operation = completed(operation);
        let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        assert_eq!(operation["operationId"], "get_books_id_first_page");
        assert_eq!(operation["security"], json!([{"bearer": []}]));
        assert_eq!(operation["responses"]["200"], json!({"description": "a book"}));
        assert_eq!(operation["responses"]["304"], json!({"description": "Not Modified"}));
        assert_eq!(
            [&operation["responses"]["404"]["content"], &operation["responses"]["default"]["content"]],
            [&problem; 2]
        );
    }

    #[test]
    fn what_it_says_stays() {
        let operation = OperationBuilder::new()
            .security(SecurityRequirement::default())
            .response("409", answer("application/json", "Taken"))
            .response("default", answer("application/xml", "Other"));
        let operation = completed(operation);
        assert_eq!(operation["security"], json!([{}]));
        let taken = &operation["responses"]["409"]["content"]["application/problem+json"]["schema"]["allOf"];
        let parts = json!([{"$ref": "#/components/schemas/Problem"}, {"$ref": "#/components/schemas/Taken"}]);
        assert_eq!(*taken, parts);
        assert_eq!(operation["responses"]["default"]["content"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn faults_that_are_told_otherwise_are_all_told_so() {
        let outcome = answer("application/fhir+json", "OperationOutcome");
        let operation = OperationBuilder::new().response("403", Response::new("no")).response("404", outcome);
        let answers = &completed(operation)["responses"];
        assert_eq!([&answers["default"]["content"], &answers["403"]["content"]], [&answers["404"]["content"]; 2]);
    }
}
