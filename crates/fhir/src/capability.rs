//! `CapabilityStatement`: what a server that answers with these resources can be asked for.

use serde_json::{Value, json};

use crate::nrces;
use crate::search::PARAMETERS;

/// What a server says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// Its base, without a slash at the end.
    pub base: &'a str,
    /// The program's version.
    pub version: &'a str,
    /// When what it can do last changed, as a date.
    pub date: &'a str,
}

/// The statement: reading and searching patients, and everything that is known of one.
pub fn statement(server: &Server<'_>) -> Value {
    let parameters: Vec<Value> = PARAMETERS
        .iter()
        .map(|(name, kind, words)| json!({"name": name, "type": kind, "documentation": words}))
        .collect();
    let patient = json!({
        "type": "Patient",
        "profile": "http://hl7.org/fhir/StructureDefinition/Patient",
        "supportedProfile": [nrces::PATIENT_PROFILE],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "conditionalRead": "not-match",
        "searchParam": parameters,
        "operation": [{
            "name": "everything",
            "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
            "documentation": "In pages of _count, 100 without it; follow the next links.",
        }],
    });
    let oauth = "http://terminology.hl7.org/CodeSystem/restful-security-service";
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": server.date,
        "kind": "instance",
        "software": {"name": "EHS", "version": server.version},
        "implementation": {"description": "EHS, the system of record of a hospital", "url": server.base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementationGuide": ["https://nrces.in/ndhm/fhir/r4/ImplementationGuide/ndhm.in"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": true,
                "service": [{"coding": [{"system": oauth, "code": "OAuth"}], "text": "OAuth 2.0 bearer tokens"}],
                "description": "An access token of this system, as Authorization: Bearer. What it may read is what its user may read.",
            },
            "resource": [patient],
        }],
    })
}
