//! Plain HTTP, told to come back by TLS.

use actix_web::http::header::{AUTHORIZATION, LOCATION};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use chassis::http::Routes;
use chassis::problem::Problem;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{edge, headers};

/// Sends reading requests to the TLS listener's port. What bears a token or writes is refused instead: a redirect would
/// hide that a secret went over the line in clear.
pub fn redirect(port: u16) -> impl Routes + Sync {
    move |config: &mut ServiceConfig<'_>| {
        config.app_data(edge::edge(&crate::config::Cors::default()));
        let all = web::resource("/{rest:.*}").default_service(web::to(move |request| answer(request, port)));
        config.map(|config| config.service(all));
    }
}

async fn answer(request: HttpRequest, port: u16) -> Result<HttpResponse, Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || request.headers().contains_key(AUTHORIZATION) {
        return Err(Problem::forbidden("Use https: what was sent came in clear, and a token in it is to be given up."));
    }
    let host = headers::host(request.uri(), request.headers()).and_then(|host| host.parse::<Authority>().ok());
    let host = host.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "One host must be named."))?;
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let location = format!("https://{}{port}{target}", host.host());
    Ok(HttpResponse::PermanentRedirect().insert_header((LOCATION, location)).finish())
}
