//! Cross-origin resource sharing, as the Fetch standard has it. `actix-cors` answers a refused preflight with plain text,
//! past access log and metrics, and stands within what gives problems their headers: hence this.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use chassis::problem::Problem;

use crate::config::cors::{ANY, Cors};

/// A browser's question whether a page may send what it wants to.
pub(super) fn is_preflight(request: &HttpRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Who may read what, ready to be said.
pub(super) struct Policy {
    config: Cors,
    methods: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
}

impl Policy {
    pub(super) fn new(config: &Cors) -> Self {
        let list = |names: &[String]| HeaderValue::from_str(&names.join(", ")).ok().filter(|list| !list.is_empty());
        let (methods, headers, expose) = (list(&config.methods), list(&config.headers), list(&config.expose));
        Self { config: config.clone(), methods, headers, expose }
    }

    /// 204 where the page may send what it asks for, else 403. The origin's own header comes with [`Policy::dress`].
    pub(super) fn preflight(&self, asked: &HeaderMap) -> Result<HttpResponse, Problem> {
        if self.allowed(asked).is_none() {
            return Err(Problem::forbidden("Pages of this origin may not call this API."));
        }
        let method = text(asked, &ACCESS_CONTROL_REQUEST_METHOD);
        if !self.config.methods.iter().any(|allowed| allowed == method) {
            return Err(Problem::forbidden("Pages of other origins may not use this method."));
        }
        let mut names = text(asked, &ACCESS_CONTROL_REQUEST_HEADERS).split(',').map(str::trim);
        if !names
            .all(|name| name.is_empty() || self.config.headers.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)))
        {
            return Err(Problem::forbidden("Pages of other origins may not send one of these headers."));
        }
        let mut answer = HttpResponse::NoContent();
        let said = [(ACCESS_CONTROL_ALLOW_METHODS, &self.methods), (ACCESS_CONTROL_ALLOW_HEADERS, &self.headers)];
        for (name, value) in said {
            if let Some(value) = value {
                answer.insert_header((name, value.clone()));
            }
        }
        answer.insert_header((ACCESS_CONTROL_MAX_AGE, self.config.max_age_s));
        Ok(answer.finish())
    }

    /// Lets the page read the answer if its origin may, a problem too.
    pub(super) fn dress(&self, asked: &HeaderMap, headers: &mut HeaderMap) {
        if self.config.origins.is_empty() {
            return;
        }
        if !self.is_open() {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = self.allowed(asked) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.config.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// What allows the page's origin; none when nothing does. Bytes are compared: `null` or a part is no origin.
    fn allowed(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = asked.get_all(ORIGIN);
        let (origin, another) = (origins.next()?, origins.next());
        let known = self.config.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        match another {
            Some(_) => None,
            None if self.is_open() => Some(HeaderValue::from_static(ANY)),
            None => known.then(|| origin.clone()),
        }
    }

    fn is_open(&self) -> bool {
        self.config.origins.iter().any(|origin| origin == ANY)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
