//! Tokens, good and bad.

use auth::{Claims, Role, SigningKeys, Verifier, claims::Issued};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{Duration, Utc};
use uuid::Uuid;

const ISSUER: &str = "ehs";
const AUDIENCE: &str = "ehs-api";

/// Keys of one's own, and tokens that they sign.
pub struct Tokens {
    keys: SigningKeys,
}

impl Tokens {
    /// New keys.
    #[expect(clippy::new_without_default, reason = "every call makes other keys")]
    pub fn new() -> Self {
        Self { keys: SigningKeys::generate().expect("keys") }
    }

    /// Tokens signed by these keys, such as a running system's.
    pub fn of(keys: SigningKeys) -> Self {
        Self { keys }
    }

    /// A verifier that knows these keys.
    pub fn verifier(&self) -> Verifier {
        Verifier::fixed(&self.keys.jwks(), ISSUER, AUDIENCE)
    }

    /// The keys themselves.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// A token that is good for fifteen minutes.
    pub fn mint(&self, user_id: i64, role: Role) -> String {
        self.mint_with(&Self::claims(user_id, role))
    }

    /// A token with claims of one's own.
    pub fn mint_with(&self, claims: &Claims) -> String {
        self.keys.sign(claims).expect("a signature")
    }

    /// Claims of a good token, to be changed.
    pub fn claims(user_id: i64, role: Role) -> Claims {
        let issued = Issued { issuer: ISSUER, audience: AUDIENCE, at: Utc::now(), lifetime: Duration::minutes(15) };
        Claims::new(&issued, user_id, role, Uuid::new_v4())
    }

    /// A token whose time is over.
    pub fn expired(&self, user_id: i64, role: Role) -> String {
        let claims = Self::claims(user_id, role);
        self.mint_with(&Claims { iat: claims.iat - 7_200, exp: claims.iat - 3_600, ..claims })
    }

    /// A token for someone else's API.
    pub fn for_another_audience(&self, user_id: i64, role: Role) -> String {
        self.mint_with(&Claims { aud: "another-api".to_owned(), ..Self::claims(user_id, role) })
    }

    /// A token that says it needs no signature, under the right key's id.
    pub fn unsigned(&self, user_id: i64, role: Role) -> String {
        let header = serde_json::json!({ "alg": "none", "typ": "JWT", "kid": self.keys.current_kid() });
        let claims = serde_json::to_vec(&Self::claims(user_id, role)).expect("claims");
        format!("{}.{}.", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()), BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    /// Everything that is no good token: what it is, and the token.
    pub fn bad(&self, user_id: i64, role: Role) -> Vec<(&'static str, String)> {
        let good = self.mint(user_id, role);
        vec![
            ("expired", self.expired(user_id, role)),
            ("for another audience", self.for_another_audience(user_id, role)),
            ("unsigned", self.unsigned(user_id, role)),
            ("signed by a foreign key", Self::new().mint(user_id, role)),
            (
                "from another issuer",
                self.mint_with(&Claims { iss: "someone".to_owned(), ..Self::claims(user_id, role) }),
            ),
            ("cut short", good.get(..good.len() - 4).unwrap_or_default().to_owned()),
            ("no token", "not-a-token".to_owned()),
        ]
    }
}
