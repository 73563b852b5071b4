//! What a caller may send to register, every fault of it at once.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::Role;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, Strict};
use deserr::Deserr;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{contact, rules};

/// A new account.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Registration {
    /// Signs in: letters, digits and `_ . + -`, at most 150; no `@`. Unique without regard to case.
    #[deserr(try_from(String) = rules::username -> Fault)]
    #[schema(example = "asha.rao", max_length = 150)]
    pub username: String,
    /// Signs in too. Unique without regard to case.
    #[deserr(try_from(String) = contact::email -> Fault)]
    #[schema(value_type = String, format = Email, max_length = 254)]
    pub email: Phi<String>,
    /// 12 to 128 characters, any; not a well-known one, and not the username or the email.
    #[deserr(try_from(String) = rules::password -> Fault)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    pub password: SecretString,
    /// Given name.
    #[deserr(try_from(String) = rules::name -> Fault)]
    #[schema(min_length = 1, max_length = 100)]
    pub first_name: String,
    /// Family name; empty for people who use one name.
    #[deserr(try_from(String) = rules::last_name -> Fault)]
    #[schema(max_length = 100)]
    pub last_name: String,
    /// As people type it, `98765 43210`; stored as E.164.
    #[deserr(default, try_from(Option<String>) = contact::phone -> Fault)]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Phi<String>>,
    /// Only an `ADMIN` sets another than `PATIENT`.
    #[deserr(default = Role::Patient, try_from(String) = rules::role -> Fault)]
    #[schema(default = "PATIENT")]
    pub role: Role,
    /// Required for a `DOCTOR`, refused for others.
    #[deserr(default)]
    pub doctor: Option<DoctorInput>,
    /// Of a `NURSE`: her care is that of the department's doctors.
    #[deserr(default, try_from(Option<String>) = rules::department -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub department: Option<String>,
}

/// What a doctor's account needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct DoctorInput {
    /// Field of medicine.
    #[deserr(try_from(String) = rules::name -> Fault)]
    #[schema(min_length = 1, max_length = 100)]
    pub specialization: String,
    /// Number in the medical register.
    #[deserr(try_from(String) = rules::registration_number -> Fault)]
    #[schema(min_length = 1, max_length = 50)]
    pub registration_number: String,
    /// Department of the hospital.
    #[deserr(try_from(String) = rules::name -> Fault)]
    #[schema(min_length = 1, max_length = 100)]
    pub department: String,
}

impl Registration {
    /// Reads a registration; faults of single fields and those between fields are told together.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn read(value: Value) -> Result<Self, Problem> {
        let between = faults_between_fields(&value);
        match strict_json::parse::<Self>(value) {
            Ok(registration) => between.check().map(|()| registration),
            Err(problem) if problem.faults().is_empty() => Err(problem),
            Err(problem) => {
                let told = problem.faults().to_vec();
                let more = between.0.into_iter().filter(|fault| told.iter().all(|t| t.field != fault.field));
                Err(Problem::bad_request(Faults(told.iter().cloned().chain(more).collect())))
            }
        }
    }
}

/// Looks at the JSON, since a registration with a bad field is never built.
fn faults_between_fields(value: &Value) -> Faults {
    let mut faults = Faults::new();
    let given = |name: &str| value.get(name).filter(|member| !member.is_null());
    let text = |name: &str| given(name).and_then(Value::as_str).unwrap_or_default();
    let role = given("role").map_or("PATIENT", |role| role.as_str().unwrap_or_default());
    match (role == Role::Doctor.as_str(), given("doctor").is_some()) {
        (true, false) => faults.push("doctor", "required", "is required for a DOCTOR"),
        (false, true) => faults.push("doctor", "not_allowed", "is for a DOCTOR only"),
        _ => {}
    }
    if given("department").is_some() && role != Role::Nurse.as_str() {
        faults.push("department", "not_allowed", "is for a NURSE only; a DOCTOR's is in doctor");
    }
    let password = text("password").to_lowercase();
    let named = [text("username"), text("email")].map(str::to_lowercase);
    if !password.is_empty() && named.contains(&password) {
        faults.push("password", "too_common", "must not be the username or the email");
    }
    faults
}

/// The body of `register/`, with the digest that its `Idempotency-Key` is compared by: of everything but the password.
#[derive(Debug)]
pub struct StrictRegistration {
    /// What the body says.
    pub registration: Registration,
    /// SHA-256 of the body without its password.
    pub digest: [u8; 32],
}

impl FromRequest for StrictRegistration {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Strict::<Value>::from_request(request, payload);
        Box::pin(async move {
            let mut value = body.await?.value;
            let registration = Registration::read(value.clone())?;
            if let Some(members) = value.as_object_mut() {
                members.remove("password");
            }
            Ok(Self { registration, digest: strict_json::digest(value.to_string().as_bytes()) })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({"username": "asha", "email": "asha@example.in", "password": "correct horse battery",
               "first_name": "Asha", "last_name": ""})
    }

    fn with(changes: Value) -> Value {
        let mut value = good();
        for (name, change) in changes.as_object().unwrap() {
            value[name] = change.clone();
        }
        value
    }

    fn codes(value: Value) -> Vec<(String, &'static str)> {
        let problem = Registration::read(value).unwrap_err();
        let mut codes: Vec<_> = problem.faults().iter().map(|fault| (fault.field.clone(), fault.code)).collect();
        codes.sort();
        codes
    }

    #[test]
    fn a_patient_needs_little() {
        let read = Registration::read(good()).unwrap();
        assert_eq!((read.role, read.phone.is_none()), (Role::Patient, true));
        assert!(Registration::read(with(json!({"role": "PATIENT", "phone": null, "doctor": null}))).is_ok());
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let value = json!({"username": "a b", "email": "x", "password": "short", "first_name": "<b>A</b>",
                           "phone": "123", "role": "DOCTOR", "department": "ICU", "colour": "red"});
        let told = codes(value);
        let told: Vec<_> = told.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(
            told,
            [
                ("colour", "unknown_field"),
                ("department", "not_allowed"),
                ("doctor", "required"),
                ("email", "invalid"),
                ("first_name", "markup"),
                ("last_name", "required"),
                ("password", "too_short"),
                ("phone", "invalid"),
                ("username", "invalid"),
            ]
        );
    }

    #[test]
    fn doctors_and_nurses_say_where_they_work() {
        let doctor =
            json!({"specialization": "Cardiology", "registration_number": "KMC-1", "department": "Cardiology"});
        assert!(Registration::read(with(json!({"role": "DOCTOR", "doctor": doctor}))).is_ok());
        assert_eq!(codes(with(json!({"role": "NURSE", "doctor": doctor}))), [("doctor".to_owned(), "not_allowed")]);
        assert_eq!(
            codes(with(json!({"role": "DOCTOR", "doctor": {"specialization": " "}}))),
            [
                ("doctor.department".to_owned(), "required"),
                ("doctor.registration_number".to_owned(), "required"),
                ("doctor.specialization".to_owned(), "required"),
            ]
        );
        let nurse = Registration::read(with(json!({"role": "NURSE", "department": "ICU"}))).unwrap();
        assert_eq!(nurse.department.as_deref(), Some("ICU"));
        assert_eq!(codes(with(json!({"role": "ROOT"}))), [("role".to_owned(), "unknown_value")]);
    }

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        for bad in [
            "password1234",
            "PASSWORD!!!!",
            "123456789012",
            "aaaaaaaaaaaa",
            "qwertyuiopas",
            "passwordpassword",
            "asha@example.in",
            "ASHA@EXAMPLE.IN",
            "welcome12345",
            "Hospital@2026",
            "jaishreeram1",
            "Krishna@1234",
            "P@ssw0rd12345",
        ] {
            let told = codes(with(json!({"password": bad})));
            assert_eq!(told, [("password".to_owned(), "too_common")], "{bad}");
        }
        for good in ["correct horse battery", "пароль из слов", "            x", &"é".repeat(64), "a💊b💊c💊d💊e💊f💊"]
        {
            let read = Registration::read(with(json!({"password": good})));
            assert_eq!(read.is_ok(), good.chars().any(|c| c != 'é'), "{good}");
        }
        assert_eq!(codes(with(json!({"password": "ab".repeat(65)})))[0].1, "too_long");
    }

    #[test]
    fn a_debug_print_shows_no_password() {
        let read = Registration::read(good()).unwrap();
        assert!(!format!("{read:?}").contains("correct horse"));
    }
}
