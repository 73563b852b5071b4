//! The access rule in a handler's signature.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chassis::problem::Problem;
use chassis::trail::{Trail, Who};
use secrecy::SecretString;
use uuid::Uuid;

use crate::permissions::{Action, Permission, Reach, reach};
use crate::{Role, TokenFault, Verifier};

/// Who calls.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user's id.
    pub user_id: i64,
    /// The user's role, as the token says it.
    pub role: Role,
    /// The session that the token belongs to.
    pub session: Uuid,
    /// The token itself, to pass on when this service asks another one on the caller's behalf.
    pub bearer: SecretString,
    /// What this request says of itself to the audit: whose records it shows or changes.
    pub trail: Trail,
}

impl Actor {
    /// How far the caller may go with an action beside the one in the handler's signature.
    #[must_use]
    pub const fn reach(&self, action: Action) -> Option<Reach> {
        reach(self.role, action)
    }

    /// The caller, as the audit knows them.
    #[must_use]
    pub const fn who(&self) -> Who {
        Who { user: self.user_id, role: self.role.as_str(), session: Some(self.session) }
    }
}

/// The caller is signed in and may do `P`, as far as [`reach`](Self::reach) says.
#[derive(Debug, Clone)]
pub struct Permit<P> {
    /// Who calls.
    pub actor: Actor,
    /// Whose records they may do it to.
    pub reach: Reach,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Permit<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let trail = Trail::of(&request);
            trail.asks_for(P::ACTION.as_str(), P::ACTION.concerns_patients());
            let actor = actor(&request).await?.ok_or_else(no_token)?;
            let reach = actor.reach(P::ACTION).ok_or_else(|| {
                Problem::forbidden(format!("the role {} may not do this ({})", actor.role, P::ACTION.as_str()))
            })?;
            Ok(Self { actor, reach, permission: PhantomData })
        })
    }
}

/// For what anyone may call and some may call with more effect: nobody, or somebody with a good token. A bad token is 401
/// here too.
#[derive(Debug, Clone)]
pub struct MaybeActor(pub Option<Actor>);

impl FromRequest for MaybeActor {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(actor(&request).await?)) })
    }
}

/// The caller, `None` without an `Authorization` header. Verified once per request, however many extractors ask.
async fn actor(request: &HttpRequest) -> Result<Option<Actor>, Problem> {
    if let Some(actor) = request.extensions().get::<Actor>() {
        return Ok(Some(actor.clone()));
    }
    let Some(token) = bearer(request)? else { return Ok(None) };
    let verifier = request
        .app_data::<Verifier>()
        .or_else(|| request.app_data::<web::Data<Verifier>>().map(web::Data::get_ref))
        .ok_or_else(|| Problem::internal("no auth::Verifier in the app's data"))?;
    let claims = verifier.verify(token).await.map_err(refused)?;
    let user_id = claims.user_id().ok_or_else(|| refused(TokenFault::Malformed))?;
    let (bearer, trail) = (SecretString::from(token.to_owned()), Trail::of(request));
    let actor = Actor { user_id, role: claims.role, session: claims.sid, bearer, trail };
    actor.trail.is_by(actor.who());
    request.extensions_mut().insert(actor.clone());
    Ok(Some(actor))
}

/// The token of the one `Authorization: Bearer` header.
fn bearer(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused(TokenFault::Malformed));
    }
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| Some(token.trim()))
        .ok_or_else(|| refused(TokenFault::Malformed))
}

/// RFC 6750, 3.1: a request that tried no token gets no error code.
fn no_token() -> Problem {
    Problem::unauthorized(None, "Sign in and send the access token as Authorization: Bearer.")
}

fn refused(fault: TokenFault) -> Problem {
    match fault {
        TokenFault::KeysUnavailable => Problem::unavailable("the keys that verify tokens", fault),
        _ => Problem::unauthorized(Some("invalid_token"), format!("Not signed in: {fault}.")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;
    use chrono::{Duration, Utc};

    use super::*;
    use crate::claims::Issued;
    use crate::permissions::{DoctorList, InvoiceIssue, PatientRead};
    use crate::{Claims, SigningKeys};

    async fn ask<T: FromRequest<Error = Problem>>(role: Role, headers: &[&str]) -> Result<T, Problem> {
        let keys = SigningKeys::generate().unwrap();
        let issued = Issued { issuer: "ehs", audience: "ehs-api", at: Utc::now(), lifetime: Duration::hours(1) };
        let token = keys.sign(&Claims::new(&issued, 7, role, Uuid::new_v4())).unwrap();
        let mut request = TestRequest::default().app_data(Verifier::fixed(&keys.jwks(), "ehs", "ehs-api"));
        for header in headers {
            request = request.append_header(("authorization", header.replace("TOKEN", &token)));
        }
        T::from_request(&request.to_http_request(), &mut Payload::None).await
    }

    fn challenge(problem: &Problem) -> String {
        let answer = problem.response(None, None);
        answer.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap().to_owned()
    }

    #[actix_web::test]
    async fn a_permit_carries_actor_and_reach() {
        let permit: Permit<PatientRead> = ask(Role::Doctor, &["Bearer TOKEN"]).await.unwrap();
        assert_eq!((permit.actor.user_id, permit.actor.role, permit.reach), (7, Role::Doctor, Reach::Care));
        assert_eq!(permit.actor.reach(Action::InvoiceIssue), None);
        assert!(ask::<Permit<DoctorList>>(Role::Patient, &["bearer  TOKEN"]).await.is_ok());
    }

    #[actix_web::test]
    async fn no_token_is_challenged_without_an_error_code() {
        let problem = ask::<Permit<PatientRead>>(Role::Admin, &[]).await.unwrap_err();
        assert_eq!(problem.status(), 401);
        assert_eq!(challenge(&problem), r#"Bearer realm="ehs""#);
    }

    #[actix_web::test]
    async fn bad_authorization_is_401_even_where_none_is_needed() {
        let bad: [&[&str]; 7] = [
            &["Basic dXNlcjpwYXNz"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer TOKENx"],
            &["TOKEN"],
            &["Bearer TOKEN", "Bearer TOKEN"],
            &["Bearer TOKEN TOKEN"],
        ];
        for headers in bad {
            let problem = ask::<MaybeActor>(Role::Admin, headers).await.unwrap_err();
            assert_eq!(problem.status(), 401, "{headers:?}");
            assert!(challenge(&problem).contains(r#"error="invalid_token""#), "{headers:?}");
        }
        assert!(ask::<MaybeActor>(Role::Admin, &[]).await.unwrap().0.is_none());
        assert!(ask::<MaybeActor>(Role::Admin, &["Bearer TOKEN"]).await.unwrap().0.is_some());
    }

    #[actix_web::test]
    async fn every_role_is_let_in_exactly_where_the_table_says() {
        for role in Role::ALL {
            let let_in = ask::<Permit<InvoiceIssue>>(role, &["Bearer TOKEN"]).await;
            match reach(role, Action::InvoiceIssue) {
                Some(reach) => assert_eq!(let_in.unwrap().reach, reach),
                None => assert_eq!(let_in.unwrap_err().status(), 403, "{role}"),
            }
        }
    }
}
